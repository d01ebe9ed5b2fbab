"""Which rights a call takes: from a request to the actions and resources that IAM asks a role about.

The actions and their resources are those of AWS's Service Authorization Reference; tests/local/iam holds them against it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from local import wire
from local.account import ACCOUNT, REGION
from local.iam.policies import Context, Need
from politico.errors import UnknownValueError

Given = Mapping[str, Any]
"""A call's parameters, by their names in the API."""

_TLS: Context = {"aws:securetransport": "true"}
"""On this machine nothing is encrypted: the request stands for one that is."""
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_ENDPOINT = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?")


@dataclass(frozen=True)
class Request:
    """A call, and the rights that it takes."""

    service: str
    """As its signature names it."""
    operation: str
    needs: tuple[Need, ...]
    if_missing: Need | None = None
    """What it takes besides to be told that something is not there."""


def read_request(environ: dict[str, Any]) -> Request:
    """The call in a signed request. Raises UnknownValueError for one that stands in no table here."""
    service = wire.signature(environ).service
    if service == wire.S3:
        return _s3(environ)
    operation, given = _operation(service, environ)
    if (service, operation) not in NEEDS:
        raise UnknownValueError(f"the local IAM does not know what {service}:{operation} takes; teach local/iam/calls.py")
    return Request(service, operation, tuple(NEEDS[service, operation](given)))


def _operation(service: str, environ: dict[str, Any]) -> tuple[str, Given]:
    """Name and parameters of a call, by the protocols that the services speak."""
    path = unquote(str(environ.get("PATH_INFO", "")))
    if service == "lambda" and (found := _INVOKE.fullmatch(path)):
        return "Invoke", {"FunctionName": found[1]}
    if service == "sagemaker" and (found := _ENDPOINT.fullmatch(path)):
        return "InvokeEndpointWithResponseStream" if found[2] else "InvokeEndpoint", {"EndpointName": found[1]}
    target, body = str(environ.get("HTTP_X_AMZ_TARGET", "")), wire.body_of(environ)
    if target:
        return target.rpartition(".")[2], json.loads(body or b"{}")
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return form.get("Action", path), form


def arn(service: str, resource: str) -> str:
    """A resource of this account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _named(service: str, kind: str, name: str) -> str:
    """A resource given by its name or by its ARN."""
    return name if name.startswith("arn:") else arn(service, f"{kind}{name}")


# --- S3 ---

_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}


def _s3(environ: dict[str, Any]) -> Request:
    target, method = wire.s3_target(environ), environ["REQUEST_METHOD"]
    bucket, query = f"arn:aws:s3:::{target.bucket}", target.query
    item = f"{bucket}/{target.key}"
    lists = Need("s3:ListBucket", bucket, _TLS)
    if not target.key:
        return _s3_bucket(environ, target, bucket)
    if method in ("PUT", "POST") and not set(query) - {"uploads", "uploadId", "partNumber", "x-id"}:
        return Request(wire.S3, "PutObject", tuple(_put(environ, item)))
    if method == "DELETE" and "uploadId" in query:
        return Request(wire.S3, "AbortMultipartUpload", (Need("s3:AbortMultipartUpload", item, _TLS),))
    if method in _OBJECT and not set(query) - {"versionId", "partNumber", "x-id"}:
        name = f"{_OBJECT[method]}{'Version' if 'versionId' in query else ''}"
        reads = method != "DELETE"
        return Request(wire.S3, name, (Need(f"s3:{name}", item, _TLS),), lists if reads else None)
    raise UnknownValueError(f"the local IAM does not know what {method} of an object with {', '.join(query)} takes")


def _put(environ: dict[str, Any], item: str) -> list[Need]:
    needs = [Need("s3:PutObject", item, _TLS)]
    if source := unquote(str(environ.get("HTTP_X_AMZ_COPY_SOURCE", ""))):
        path, _, version = source.lstrip("/").partition("?versionId=")
        needs.append(Need(f"s3:GetObject{'Version' if version else ''}", f"arn:aws:s3:::{path}", _TLS))
    if environ.get("HTTP_X_AMZ_TAGGING"):
        needs.append(Need("s3:PutObjectTagging", item, _TLS))
    return needs


def _s3_bucket(environ: dict[str, Any], target: wire.S3Target, bucket: str) -> Request:
    method, query = environ["REQUEST_METHOD"], target.query
    if method == "POST" and "delete" in query:
        # As any other XML that programs of ours send to this machine alone.
        objects = [one for one in ElementTree.fromstring(wire.body_of(environ)).iter() if one.tag.endswith("Object")]
        return Request(
            wire.S3, "DeleteObjects", tuple(_deleted(bucket, {_tag(part): part.text for part in one}) for one in objects)
        )
    if method in ("GET", "HEAD"):
        # `?versions` and no other asks for versions; a HEAD asks whether the bucket is there.
        known = {"versions": "ListBucketVersions", "uploads": "ListBucketMultipartUploads", "location": "GetBucketLocation"}
        name = next((action for part, action in known.items() if part in query), "ListBucket")
        prefix = {"s3:prefix": query["prefix"][0]} if "prefix" in query else {}
        return Request(wire.S3, name, (Need(f"s3:{name}", bucket, {**_TLS, **prefix}),))
    raise UnknownValueError(f"the local IAM does not know what {method} of a bucket with {', '.join(query)} takes")


def _deleted(bucket: str, said: Mapping[str, str | None]) -> Need:
    version = "Version" if said.get("VersionId") else ""
    return Need(f"s3:DeleteObject{version}", f"{bucket}/{said['Key']}", _TLS)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


# --- the others ---


def _one(action: str, resource: Callable[[Given], str]) -> Callable[[Given], list[Need]]:
    return lambda given: [Need(action, resource(given))]


def _anything(action: str) -> Callable[[Given], list[Need]]:
    """An action that has no resource."""
    return _one(action, lambda _given: "*")


def _table(name: str) -> str:
    return _named("dynamodb", "table/", name)


def _tables(action: str) -> Callable[[Given], list[Need]]:
    return lambda given: [Need(f"dynamodb:{action}", _table(name)) for name in given["RequestItems"]]


def _transaction(given: Given) -> list[Need]:
    names = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
    return [
        Need(f"dynamodb:{names[kind]}", _table(said["TableName"]))
        for item in given["TransactItems"]
        for kind, said in item.items()
    ]


def _sagemaker(kind: str, field: str) -> Callable[[Given], str]:
    """ARNs of SageMaker are in lower case."""
    return lambda given: _named("sagemaker", f"{kind}/", given[field].lower())


def _made(action: str, kind: str, field: str, role: str = "") -> Callable[[Given], list[Need]]:
    """To make something, to tag it where tags are given, and to hand it the role that it acts with."""
    resource = _sagemaker(kind, field)

    def needs(given: Given) -> list[Need]:
        found = [Need(f"sagemaker:{action}", resource(given))]
        if given.get("Tags"):
            found.append(Need("sagemaker:AddTags", resource(given)))
        if role:
            found.append(Need("iam:PassRole", given[role], {"iam:passedtoservice": "sagemaker.amazonaws.com"}))
        return found

    return needs


def _configured(action: str) -> Callable[[Given], list[Need]]:
    """An endpoint that is made or changed takes the right to its configuration, too."""
    endpoint, configuration = _sagemaker("endpoint", "EndpointName"), _sagemaker("endpoint-config", "EndpointConfigName")

    def needs(given: Given) -> list[Need]:
        tags = [Need("sagemaker:AddTags", endpoint(given))] if given.get("Tags") else []
        return [Need(action, endpoint(given)), Need(action, configuration(given)), *tags]

    return needs


def _package(given: Given) -> list[Need]:
    """The next version of a group; its number is not known yet, and no policy of a workload names one."""
    package = arn("sagemaker", f"model-package/{given['ModelPackageGroupName'].lower()}/1")
    tags = [Need("sagemaker:AddTags", package)] if given.get("Tags") else []
    return [Need("sagemaker:CreateModelPackage", package), *tags]


def _versions(given: Given) -> list[Need]:
    return [Need("sagemaker:ListModelPackages", arn("sagemaker", f"model-package/{given['ModelPackageGroupName'].lower()}/1"))]


def _secret(given: Given) -> str:
    """Secrets Manager adds six characters of its own to a secret's name."""
    return _named("secretsmanager", "secret:", given["SecretId"] + ("" if given["SecretId"].startswith("arn:") else "-AbCdEf"))


def _buses(given: Given) -> list[Need]:
    buses = sorted({entry.get("EventBusName", "default") for entry in given["Entries"]})
    return [Need("events:PutEvents", _named("events", "event-bus/", bus)) for bus in buses]


def _scales(operation: str) -> Callable[[Given], list[Need]]:
    """A scalable target has a name of its own once it is registered; here any stands for it."""
    target = arn("application-autoscaling", "scalable-target/1")

    def needs(given: Given) -> list[Need]:
        context = {"application-autoscaling:service-namespace": given["ServiceNamespace"]}
        return [Need(f"application-autoscaling:{operation}", target, context)]

    return needs


NEEDS: Mapping[tuple[str, str], Callable[[Given], list[Need]]] = {
    **{
        ("dynamodb", name): _one(f"dynamodb:{name}", lambda given: _table(given["TableName"]))
        for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "DescribeTable")
    },
    ("dynamodb", "BatchGetItem"): _tables("BatchGetItem"),
    ("dynamodb", "BatchWriteItem"): _tables("BatchWriteItem"),
    ("dynamodb", "TransactWriteItems"): _transaction,
    **{
        ("comprehend", name): _anything(f"comprehend:{name}")
        for name in ("BatchDetectSentiment", "BatchDetectEntities", "BatchDetectKeyPhrases")
    },
    ("servicequotas", "ListServiceQuotas"): _anything("servicequotas:ListServiceQuotas"),
    ("secretsmanager", "GetSecretValue"): _one("secretsmanager:GetSecretValue", _secret),
    ("states", "StartExecution"): _one("states:StartExecution", lambda given: given["stateMachineArn"]),
    ("states", "DescribeExecution"): _one("states:DescribeExecution", lambda given: given["executionArn"]),
    ("states", "StopExecution"): _one("states:StopExecution", lambda given: given["executionArn"]),
    ("lambda", "Invoke"): _one("lambda:InvokeFunction", lambda given: _named("lambda", "function:", given["FunctionName"])),
    ("events", "PutEvents"): _buses,
    ("sns", "Publish"): _one("sns:Publish", lambda given: given["TopicArn"]),
    ("logs", "DescribeLogStreams"): _one(
        "logs:DescribeLogStreams", lambda given: arn("logs", f"log-group:{given['logGroupName']}")
    ),
    **{
        ("application-autoscaling", name): _scales(name)
        for name in ("RegisterScalableTarget", "PutScalingPolicy", "DeregisterScalableTarget")
    },
    **{
        ("sagemaker", name): _one(f"sagemaker:{name}", _sagemaker("endpoint", "EndpointName"))
        for name in ("InvokeEndpoint", "InvokeEndpointWithResponseStream")
    },
    ("sagemaker", "CreateTrainingJob"): _made("CreateTrainingJob", "training-job", "TrainingJobName", "RoleArn"),
    ("sagemaker", "CreateProcessingJob"): _made("CreateProcessingJob", "processing-job", "ProcessingJobName", "RoleArn"),
    ("sagemaker", "CreateModel"): _made("CreateModel", "model", "ModelName", "ExecutionRoleArn"),
    ("sagemaker", "CreateEndpointConfig"): _made("CreateEndpointConfig", "endpoint-config", "EndpointConfigName"),
    ("sagemaker", "CreateEndpoint"): _configured("sagemaker:CreateEndpoint"),
    ("sagemaker", "UpdateEndpoint"): _configured("sagemaker:UpdateEndpoint"),
    ("sagemaker", "CreateModelPackage"): _package,
    ("sagemaker", "ListModelPackages"): _versions,
    ("sagemaker", "ListTags"): _one("sagemaker:ListTags", lambda given: given["ResourceArn"]),
    ("sagemaker", "AddTags"): _one("sagemaker:AddTags", lambda given: given["ResourceArn"]),
    **{
        ("sagemaker", name): _one(f"sagemaker:{name}", _sagemaker(kind, field))
        for name, kind, field in (
            ("DescribeTrainingJob", "training-job", "TrainingJobName"),
            ("StopTrainingJob", "training-job", "TrainingJobName"),
            ("DescribeProcessingJob", "processing-job", "ProcessingJobName"),
            ("StopProcessingJob", "processing-job", "ProcessingJobName"),
            ("DescribeModel", "model", "ModelName"),
            ("DescribeModelPackage", "model-package", "ModelPackageName"),
            ("UpdateModelPackage", "model-package", "ModelPackageArn"),
            ("DescribeEndpoint", "endpoint", "EndpointName"),
            ("DeleteEndpoint", "endpoint", "EndpointName"),
            ("DescribeEndpointConfig", "endpoint-config", "EndpointConfigName"),
            ("DeleteEndpointConfig", "endpoint-config", "EndpointConfigName"),
            ("DeleteModel", "model", "ModelName"),
        )
    },
}
"""By service and operation, as requests name them: the rights that a call takes."""
