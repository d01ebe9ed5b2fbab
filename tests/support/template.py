"""The template as tests read it: synthesized as a person would, and with its references resolved."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from local.stack import Assembly
from tests.support.paths import ROOT

ACCOUNT, REGION = "123456789012", "us-east-1"


def synthesis(out: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the CDK app as a person would, but where no AWS account is in reach; `extra` goes into its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "infra.app"],
        env={**kept, **nowhere, "CDK_OUTDIR": str(out), **extra},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


class Template:
    """The synthesized template, with its references resolved; resources are found by type, never by logical id."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.text = json.dumps(assembly.template)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The properties of every resource of a type."""
        return [properties for _name, properties in self.assembly.resources(kind)]

    def one(self, kind: str) -> dict[str, Any]:
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} resources are {kind}"
        return found[0]

    def whole(self, kind: str) -> dict[str, Any]:
        """The only resource of a type, with what stands beside its properties."""
        return next(one for one in self.assembly.template["Resources"].values() if one["Type"] == kind)

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Every Lambda function's properties, by the last name of its module."""
        return {one["Handler"].split(".")[-2]: one for one in self.all("AWS::Lambda::Function")}

    def machine(self, output: str, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The definition of the state machine that a stack output gives the address of."""
        made = self.assembly.template["Resources"][self.assembly.template["Outputs"][output]["Value"]["Ref"]]
        definition: dict[str, Any] = json.loads(self.resolve(made["Properties"]["DefinitionString"], names))
        return definition

    def asset(self, key: str) -> Path:
        """The file or folder that is published under this object key."""
        for one in self.assembly.assets["files"].values():
            if key in {place["objectKey"] for place in one["destinations"].values()}:
                return self.assembly.folder / str(one["source"]["path"])
        raise KeyError(key)

    def image(self) -> Path:
        """The build context of the one Docker image."""
        (one,) = self.assembly.assets["dockerImages"].values()
        return self.assembly.folder / str(one["source"]["directory"])

    def resolve(self, value: Any, names: Mapping[str, str] | None = None) -> Any:
        """The value as CloudFormation would fill it in; what it would name is called by `names`, else by its logical id."""
        if isinstance(value, list):
            return [self.resolve(one, names) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, given), *_ = value.items()
            if function == "Ref":
                return self._ref(given, names or {})
            if function == "Fn::GetAtt":
                return self._arn(given[0], (names or {}).get(given[0], given[0]))
            if function == "Fn::Join":
                return given[0].join(self.resolve(given[1], names))
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._ref(found[1], names or {}), given)
            if function == "Fn::Select":
                return self.resolve(given[1], names)[int(given[0])]
            if function == "Fn::Split":
                return self.resolve(given[1], names).split(given[0])
        return {name: self.resolve(one, names) for name, one in value.items()}

    def _ref(self, name: str, names: Mapping[str, str]) -> str:
        pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com"}
        if name in pseudo:
            return pseudo[name]
        if name in self.assembly.template["Parameters"]:
            default: str = self.assembly.template["Parameters"][name]["Default"]
            return default
        if self._kind(name) in ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"):
            return names.get(name) or self._arn(name, name)
        return names.get(name, name)

    def _arn(self, name: str, called: str) -> str:
        arns = {
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{called}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{called}",
            "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{called}",
            "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{called}",
            "AWS::S3::Bucket": f"arn:aws:s3:::{called}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{called}",
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{called}",
        }
        return arns[self._kind(name)]

    def _kind(self, name: str) -> str:
        kind: str = self.assembly.template["Resources"][name]["Type"]
        return kind
