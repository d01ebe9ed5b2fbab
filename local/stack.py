"""The assembly in cdk.out onto the local cloud: assets published, the stack created, and by hand what moto skips."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.cloudformation.parsing import get_model_map
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from functions.environment import X_SECRET
from local.account import ACCOUNT, REGION, X_TOKEN, client
from local.iam.guard import Guard
from local.iam.implied import of_function, of_machine
from local.lambdas.functions import EVENT_RETRIES, Functions
from local.sagemaker.endpoints import Endpoints, Image
from politico.errors import FileFormatError, JobError

MOST_UNZIPPED = 262_144_000
"""Bytes of a function and its layers."""
PUBLIC_BYTES = {"AWSSDKPandas": 204_000_000, "AWSLambdaPowertoolsPythonV3": 35_000_000}
"""Of AWS's public layers, about, by the beginning of the layer's name: they are not here to be measured."""
SKIPPED = {
    **dict.fromkeys(
        (f"AWS::ApiGateway::{one}" for one in ("Stage", "ApiKey", "UsagePlan", "UsagePlanKey")), "read by local/door.py"
    ),
    "AWS::Budgets::Budget": "nothing here costs anything",
    "AWS::Lambda::EventInvokeConfig": "read below",
    "AWS::Glue::Database": "made through the API below",
    "AWS::Glue::Table": "made through the API below",
    "AWS::S3::BucketPolicy": "judged by local/iam, from the template",
    "AWS::SQS::QueuePolicy": "says that EventBridge may put there what it could not deliver",
    "AWS::SNS::TopicPolicy": "says who may publish besides our own roles: alarms, which nothing fires here",
    "AWS::Scheduler::Schedule": "fired on request, from the template",
    "AWS::SageMaker::ModelPackageGroup": "made through the API below",
}
"""Resource types that moto does not make, and what becomes of them; a type that is in neither list is an error."""


@dataclass(frozen=True)
class Assembly:
    """What `cdk synth` wrote."""

    folder: Path
    stack_name: str
    template: dict[str, Any]
    assets: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Assembly":
        """Raises FileFormatError when the folder holds no assembly of one stack."""
        templates = sorted(folder.glob("*.template.json"))
        if len(templates) != 1:
            raise FileFormatError(f"{folder} holds no assembly of one stack; run `make synth`")
        name = templates[0].name.removesuffix(".template.json")
        assets = json.loads((folder / f"{name}.assets.json").read_text())
        return cls(folder, name, json.loads(templates[0].read_text()), assets)

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Logical id and properties of every resource of a type."""
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})


def deploy(assembly: Assembly, port: int, guard: Guard, functions: Functions, endpoints: Endpoints) -> dict[str, str]:
    """Publish the assets, create the stack and what an operator would; the stack's outputs.

    Raises JobError, also for a role that lacks what AWS needs of it, and FileFormatError for a policy that can't be judged here.
    """
    kinds = {resource["Type"] for resource in assembly.template["Resources"].values()}
    unknown = kinds - set(get_model_map()) - set(SKIPPED)
    if unknown:
        raise JobError(f"the local cloud can't make {', '.join(sorted(unknown))}; teach local/stack.py what becomes of them")
    zips = _publish(assembly, port)
    for name, image in assembly.assets.get("dockerImages", {}).items():
        endpoints.add_image(name, Image(assembly.folder / image["source"]["directory"], image["source"]["dockerFile"]))
    client("ssm", port).put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    cloudformation = client("cloudformation", port)
    cloudformation.create_stack(
        StackName=assembly.stack_name,
        TemplateBody=json.dumps(assembly.template),
        Capabilities=["CAPABILITY_IAM"],
        # The stand-in for X has no terms to acknowledge; nothing real is read.
        Parameters=[{"ParameterKey": "XTermsAcknowledged", "ParameterValue": "yes"}],
    )
    stack = cloudformation.describe_stacks(StackName=assembly.stack_name)["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise JobError(f"the stack ended as {stack['StackStatus']}: {stack.get('StackStatusReason', '')}")
    made = physical_ids(assembly, port)
    _take_roles(assembly, made, guard)
    _give_layers(assembly, zips, made, functions)
    _make_what_is_skipped(assembly, made, port)
    _play_operator(assembly, port)
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}


def physical_ids(assembly: Assembly, port: int) -> dict[str, str]:
    """What CloudFormation made, by logical id."""
    pages = client("cloudformation", port).get_paginator("list_stack_resources").paginate(StackName=assembly.stack_name)
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}


def _publish(assembly: Assembly, port: int) -> dict[str, bytes]:
    """Every file asset to the bucket that the template names; the zips by key."""
    s3, zips = client("s3", port), {}
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    s3.create_bucket(Bucket=bucket)
    for asset in assembly.assets["files"].values():
        path = assembly.folder / asset["source"]["path"]
        packed = asset["source"]["packaging"] == "zip"
        content = _zipped(path) if packed else path.read_bytes()
        for destination in asset["destinations"].values():
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content)
            if packed:
                zips[destination["objectKey"]] = content
    return zips


def _zipped(folder: Path) -> bytes:
    """A folder as the zip that is deployed; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _take_roles(assembly: Assembly, made: Mapping[str, str], guard: Guard) -> None:
    """Hand the gate the roles, and check what AWS's services will do in their names."""
    managed = {
        made[name]: [json.dumps(one).partition(":policy/")[2].rstrip('"]} ') for one in properties.get("ManagedPolicyArns", ())]
        for name, properties in assembly.resources("AWS::IAM::Role")
    }
    arns = {f"{name}.Arn": f"arn:aws:s3:::{made[name]}" for name, _properties in assembly.resources("AWS::S3::Bucket")}
    buckets = [
        _resolved({**given, "Statement": list(filter(_is_for_roles, given["Statement"]))}, {**made, **arns})
        for given in (properties["PolicyDocument"] for _name, properties in assembly.resources("AWS::S3::BucketPolicy"))
    ]
    guard.read(managed, buckets)
    for name, properties in assembly.resources("AWS::Lambda::Function"):
        group = _resolved(properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{made[name]}"), made)
        guard.require(_role_of(properties["Role"], made, guard), *of_function(properties, group))
    for name, properties in assembly.resources("AWS::StepFunctions::StateMachine"):
        machine = stepfunctions_parser_backends[ACCOUNT][REGION].describe_state_machine(made[name])
        guard.require(machine.roleArn, *of_machine(properties, made[name], machine.definition))


def _is_for_roles(statement: Mapping[str, Any]) -> bool:
    """Not for a service of AWS's alone, such as the one that writes access logs."""
    return "Service" not in (statement["Principal"] if isinstance(statement["Principal"], dict) else {})


def _role_of(given: Mapping[str, Any], made: Mapping[str, str], guard: Guard) -> str:
    return guard.named(made[given["Fn::GetAtt"][0]])


def _give_layers(assembly: Assembly, zips: dict[str, bytes], made: Mapping[str, str], functions: Functions) -> None:
    """moto keeps no layers of a function that CloudFormation made: read them from the template."""
    contents = {
        name: zips[properties["Content"]["S3Key"]] for name, properties in assembly.resources("AWS::Lambda::LayerVersion")
    }
    for name, properties in assembly.resources("AWS::Lambda::Function"):
        own, public = [], []
        for layer in properties.get("Layers", ()):
            if "Ref" in layer:
                own.append(contents[layer["Ref"]])
            else:
                public.append(json.dumps(layer).split(":layer:")[1])
        _refuse_too_large(name, [zips[properties["Code"]["S3Key"]], *own], public)
        functions.set_layers(made[name], own, public)
    for _name, properties in assembly.resources("AWS::Lambda::EventInvokeConfig"):
        functions.set_retries(made[properties["FunctionName"]["Ref"]], properties.get("MaximumRetryAttempts", EVENT_RETRIES))


def _refuse_too_large(name: str, contents: Sequence[bytes], public: Sequence[str]) -> None:
    """Raises JobError for a function that is larger than Lambda takes, unzipped, with its layers."""
    own = sum(entry.file_size for one in contents for entry in zipfile.ZipFile(io.BytesIO(one)).infolist())
    whole = own + sum(size for layer in public for known, size in PUBLIC_BYTES.items() if layer.startswith(known))
    if whole > MOST_UNZIPPED:
        raise JobError(f"the function {name} has {whole:,} bytes unzipped, its layers among them; Lambda takes {MOST_UNZIPPED:,}")


def _make_what_is_skipped(assembly: Assembly, made: Mapping[str, str], port: int) -> None:
    sagemaker = client("sagemaker", port)
    for _name, properties in assembly.resources("AWS::SageMaker::ModelPackageGroup"):
        sagemaker.create_model_package_group(ModelPackageGroupName=properties["ModelPackageGroupName"])
    s3 = client("s3", port)
    for name, properties in assembly.resources("AWS::S3::Bucket"):
        if given := properties.get("VersioningConfiguration"):  # moto makes the bucket, but not this of it
            s3.put_bucket_versioning(Bucket=made[name], VersioningConfiguration=given)
    glue = client("glue", port)
    for _name, properties in assembly.resources("AWS::Glue::Database"):
        glue.create_database(**_resolved(properties, made))
    for _name, properties in assembly.resources("AWS::Glue::Table"):
        glue.create_table(**_resolved(properties, made))


def _resolved(value: Any, made: Mapping[str, str]) -> Any:
    """A template's value as CloudFormation fills it in: references, joins, and such attributes as `made` holds (`NAME.Arn`)."""
    if isinstance(value, list):
        return [_resolved(one, made) for one in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return {**made, "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}[value["Ref"]]
    if "Fn::GetAtt" in value:
        return made[".".join(value["Fn::GetAtt"])]
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(_resolved(parts, made))
    return {name: _resolved(one, made) for name, one in value.items()}


def _play_operator(assembly: Assembly, port: int) -> None:
    """Make the secret that the template only names, with a token that opens nothing but the stand-in for X."""
    secrets = client("secretsmanager", port)
    names = {
        properties["Environment"]["Variables"].get(X_SECRET)
        for _name, properties in assembly.resources("AWS::Lambda::Function")
        if "Environment" in properties
    }
    for name in names - {None}:
        try:
            secrets.create_secret(Name=name, SecretString=X_TOKEN)
        except ClientError as error:
            raise JobError(f"the secret {name} could not be made: {error}") from error
