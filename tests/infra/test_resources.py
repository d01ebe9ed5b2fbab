"""The template's resources are those that were agreed on: a logical id that changes is another resource, and the old one goes."""

import json

from tests.support.resources import FILE, described
from tests.support.template import Template


def test_the_resources_are_those_that_were_agreed_on(template: Template) -> None:
    """Where the change is meant: `python -m tests.support.resources`, and say in the commit what deploying it does."""
    agreed, found = json.loads(FILE.read_text()), described(template.assembly.template)
    assert sorted(set(agreed) - set(found)) == [], "these would be deleted"
    assert sorted(set(found) - set(agreed)) == [], "these would be made"
    assert [name for name in found if found[name] != agreed[name]] == [], "these would be changed"


def test_moving_a_function_or_its_code_changes_no_resource_and_anything_else_does() -> None:
    def one(**properties: object) -> dict[str, dict[str, str]]:
        return described({"Resources": {"A": {"Type": "AWS::Lambda::Function", "Properties": properties}}})

    before = one(
        Handler="functions.plan.handler", Description="politico: functions/plan.py", Timeout=60, Code={"S3Key": "a" * 64}
    )
    moved = one(Handler="functions.ingest.plan.handler", Description="another", Timeout=60, Code={"S3Key": "b" * 64})
    assert before == moved
    assert before != one(Handler="functions.plan.handler", Timeout=61, Code={"S3Key": "a" * 64})
