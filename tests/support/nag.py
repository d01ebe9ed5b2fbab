"""The AwsSolutions rules of cdk-nag over the app. Run: python -m tests.support.nag FOLDER; says what nobody has explained."""

import sys
from pathlib import Path

from infra.app import synthesize
from politico.errors import PoliticoError


def main(out: Path) -> int:
    def check(app: object) -> None:
        from aws_cdk import App, Validations
        from cdk_nag import AwsSolutionsChecks

        assert isinstance(app, App), "it is checked as a whole"
        Validations.of(app).add_plugins(AwsSolutionsChecks())

    try:
        synthesize(out, check=check)
    except PoliticoError:
        raise
    except Exception as error:  # jsii's own, whatever it is called
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
