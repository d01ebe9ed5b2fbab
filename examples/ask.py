"""An app that asks the endpoint for tweets: boto3, and nothing of this project.

    python examples/ask.py --partido UDI --sentimiento POSITIVE --frase "la educación" --tweets 2
    AWS_ENDPOINT_URL=http://localhost:4566 python examples/ask.py …     # a cloud that `politico up` keeps; it prints the address

What comes back is synthetic: nobody said it. Show it as such.
"""

import argparse
import json

import boto3
from botocore.exceptions import ClientError


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--endpoint", default="politico")
    flags.add_argument("--partido")
    flags.add_argument("--sentimiento", help="POSITIVE, NEGATIVE, NEUTRAL or MIXED")
    flags.add_argument("--entidad", action="append", default=[], help="as the tweet is to write it: @name for an account")
    flags.add_argument("--hashtag", action="append", default=[])
    flags.add_argument("--frase", action="append", default=[])
    flags.add_argument("--tweets", type=int, default=1)
    flags.add_argument("--seed", type=int, help="the same seed writes the same")
    given = flags.parse_args()

    inputs = {
        "partido": given.partido,
        "sentimiento": given.sentimiento,
        "entidades": given.entidad,
        "hashtags": given.hashtag,
        "frases": given.frase,
    }
    body = {
        "inputs": {name: value for name, value in inputs.items() if value},
        "parameters": {"num_return_sequences": given.tweets, "candidates": 4, "seed": given.seed},
    }
    runtime = boto3.client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=given.endpoint, ContentType="application/json", Body=json.dumps(body, ensure_ascii=False).encode()
        )
    except ClientError as error:
        # The model's own words, such as `unknown partido 'X'; the model knows …`, stand in OriginalMessage.
        raise SystemExit(error.response.get("OriginalMessage") or str(error)) from error
    for tweet in json.loads(answer["Body"].read()):
        print(tweet["generated_text"])
        missing = [item for items in tweet["honoured"].values() for item, said in items.items() if not said]
        if missing:
            print(f"    (does not say: {', '.join(missing)})")


if __name__ == "__main__":
    main()
