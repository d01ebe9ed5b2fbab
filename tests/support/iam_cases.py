"""Random policies and requests, always the same ones, and what another simulator of IAM says of them.

`python -m tests.support.iam_cases` asks npm's @cloud-copilot/iam-simulate (network, half a minute) and prints its VERDICTS.
"""

import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEED, COUNT = 20261126, 600
SIMULATOR = "@cloud-copilot/iam-simulate@0.1.173"
VERDICTS = (
    "001000010000011001110110000100001101111000100000111011000100000100011011010101001010001000000001001111001100100000001011"
    "100111011000011101011100000010111010011001000111011010101111010010101001001000001000010010010010000101100000101100000010"
    "100010100001100010100101111011010101100010100000000001011100001100011000011001101100010011011010111000100000000111101101"
    "110001111100000100001000010001001000010110110000100110100110000101000010100010101110110000101001000100001100001000110000"
    "111000010101011010110100110000010001100011110000001001010110101001100000010101010100101000001010001001101000000100001101"
)
"""One digit a case: 1 for allowed."""

_ACCOUNT = "123456789012"
_PASSED = {"iam:PassedToService": ["sagemaker.amazonaws.com", "ec2.amazonaws.com"]}
_REQUESTS: list[tuple[str, str, dict[str, list[str]]]] = [
    ("s3:GetObject", "arn:aws:s3:::lake/{}", {"aws:SecureTransport": ["true", "false"]}),
    ("s3:PutObject", "arn:aws:s3:::lake/{}", {"aws:SecureTransport": ["true", "false"]}),
    ("s3:DeleteObjectVersion", "arn:aws:s3:::lake/{}", {}),
    ("s3:ListBucket", "arn:aws:s3:::lake", {"s3:prefix": ["raw/", "models/", "raw/run=1"]}),
    ("dynamodb:UpdateItem", f"arn:aws:dynamodb:us-east-1:{_ACCOUNT}:table/{{}}", {}),
    ("sagemaker:CreateModel", f"arn:aws:sagemaker:us-east-1:{_ACCOUNT}:model/{{}}", {}),
    ("states:StopExecution", f"arn:aws:states:us-east-1:{_ACCOUNT}:execution:{{}}:one", {}),
    (
        "iam:PassRole",
        f"arn:aws:iam::{_ACCOUNT}:role/{{}}",
        _PASSED,
    ),
    ("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{_ACCOUNT}:log-group:{{}}:log-stream:a:b", {}),
]
_NAMES = ["raw", "models", "politico-x", "Model", "a"]
_OPERATORS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotEqualsIfExists"]


def cases() -> Iterator[dict[str, Any]]:
    """A policy of one to three statements each, and a request."""
    drawn = random.Random(SEED)
    for _ in range(COUNT):
        action, pattern, keys = drawn.choice(_REQUESTS)
        resource = pattern.format(drawn.choice(_NAMES))
        context = {key: drawn.choice(values) for key, values in keys.items() if drawn.random() < 0.8}
        statements = [_statement(drawn, action, resource, keys, allow=not number) for number in range(drawn.randint(1, 3))]
        yield {"action": action, "resource": resource, "context": context, "statements": statements}


def _statement(drawn: random.Random, action: str, resource: str, keys: dict[str, list[str]], *, allow: bool) -> dict[str, Any]:
    """Near the request more often than not: what has nothing to do with it tells little."""
    found: dict[str, Any] = {"Effect": "Allow" if allow or drawn.random() < 0.4 else "Deny"}
    element = drawn.choice(["Action", "Action", "Action", "NotAction"])
    found[element] = sorted({_blurred_action(drawn, action) for _ in range(drawn.randint(1, 2))})
    element = drawn.choice(["Resource", "Resource", "Resource", "NotResource"])
    found[element] = sorted({_blurred_arn(drawn, resource) for _ in range(drawn.randint(1, 2))})
    if keys and drawn.random() < 0.5:
        key, values = drawn.choice(sorted(keys.items()))
        if key == "aws:SecureTransport":
            found["Condition"] = {drawn.choice(["Bool", "BoolIfExists"]): {key: drawn.choice(values)}}
        elif drawn.random() < 0.2:
            found["Condition"] = {"Null": {key: drawn.choice(["true", "false"])}}
        else:
            said = drawn.choice([drawn.choice(values), sorted(values), drawn.choice(values)[:3] + "*"])
            found["Condition"] = {drawn.choice(_OPERATORS): {key: said}}
    return found


def _blurred_action(drawn: random.Random, action: str) -> str:
    service, name = action.split(":")
    other = drawn.choice(_REQUESTS)[0]
    return drawn.choice([action, action.lower(), f"{service}:*", "*", f"{service}:{name[:3]}*", f"{service}:{name[:-1]}?", other])


def _blurred_arn(drawn: random.Random, resource: str) -> str:
    parts = resource.split(":", 5)
    shorter = ":".join([*parts[:5], parts[5][: max(1, len(parts[5]) - 2)] + "*"])
    anywhere = ":".join([*parts[:3], "*", *parts[4:]])
    other = drawn.choice(_REQUESTS)[1].format(drawn.choice(_NAMES))
    return drawn.choice([resource, resource, "*", shorter, anywhere, resource[:-1] + "?", resource.lower(), other])


_PROGRAM = """
import { readFileSync } from "fs"
import { runSimulation } from "@cloud-copilot/iam-simulate"
let verdicts = ""
for (const one of JSON.parse(readFileSync(0, "utf8"))) {
  const found = await runSimulation({
    identityPolicies: [{ name: "p", policy: { Version: "2012-10-17", Statement: one.statements } }],
    serviceControlPolicies: [], resourceControlPolicies: [],
    request: {
      action: one.action, principal: "arn:aws:iam::123456789012:role/worker", contextVariables: one.context,
      resource: { resource: one.resource, accountId: "123456789012" },
    },
  }, {})
  if (found.resultType === "error" || found.errors) throw new Error(JSON.stringify([one, found.errors]))
  const result = found.overallResult ?? found.analysis?.result
  verdicts += result === "Allowed" ? "1" : "0"
}
console.log(verdicts)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ask.mjs").write_text(_PROGRAM)
        subprocess.run(["npm", "install", "--silent", SIMULATOR], cwd=folder, check=True)
        subprocess.run(["node", "ask.mjs"], cwd=folder, input=json.dumps(list(cases())), text=True, check=True)


if __name__ == "__main__":
    main()
