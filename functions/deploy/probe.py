"""Deploy: ask a candidate endpoint control prompts before anyone relies on it."""

import json
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.annotation.labels import SENTIMENTS
from politico.errors import ServiceError


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the `endpoint` to ask. Raises ServiceError, or botocore's ModelError, when it does not write."""
    return probe(environment.client("sagemaker-runtime"), event["endpoint"])


def probe(runtime: Any, endpoint: str) -> dict[str, Any]:
    """One casual tweet and one for each sentiment; every answer must hold text."""
    requests: list[Any] = ["", *({"sentimiento": sentiment} for sentiment in SENTIMENTS[:3])]
    for inputs in requests:
        body = {"inputs": inputs, "parameters": {"max_new_tokens": 40, "min_new_tokens": 5, "seed": 1}}
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body))
        tweets = json.loads(answer["Body"].read())
        if not tweets or not tweets[0]["generated_text"].strip():
            raise ServiceError(f"{endpoint} wrote nothing for {inputs!r}")
    return {"asked": len(requests)}
