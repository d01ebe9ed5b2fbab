"""Properties of the template: what is kept, what is allowed, how the workflows are built, and how a mistake is told."""

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions import environment
from functions.train.prepare import prepare
from infra.bundles import CODE
from infra.node import context_of
from infra.settings import Settings
from local.account import X_TOKEN
from local.lambdas.functions import PUBLIC_LAYERS
from local.limits import violations
from local.stack import Assembly
from politico.errors import FileFormatError, LimitError
from politico.lake.bucket import Lake
from politico.models.experiment import EXPERIMENTS
from tests.support.paths import ROOT
from tests.support.template import Template, synthesis

OF_THE_PAGE = {"page", "write"}
"""Functions that are deployed where somebody asks for the page: tests/local/test_page.py."""
MACHINES = ("IngestWorkflow", "ComplianceWorkflow", "TrainWorkflow", "DeployWorkflow")

ANYWHERE = {
    "comprehend:BatchDetectSentiment": "Comprehend's batch calls have no resource",
    "comprehend:BatchDetectEntities": "as above",
    "comprehend:BatchDetectKeyPhrases": "as above",
    "cloudwatch:PutMetricData": "metrics have no resource",
    "ecr:GetAuthorizationToken": "a token is for the whole registry",
    "xray:PutTraceSegments": "traces have no resource",
    "xray:PutTelemetryRecords": "as above",
    "xray:GetSamplingRules": "as above",
    "xray:GetSamplingTargets": "as above",
    "servicequotas:ListServiceQuotas": "a list of quotas has no resource",
    "logs:CreateLogDelivery": "what a state machine needs to log has no resource",
    **dict.fromkeys((f"logs:{verb}LogDelivery" for verb in ("Get", "Update", "Delete")), "as above"),
    **dict.fromkeys(("logs:ListLogDeliveries", "logs:PutResourcePolicy"), "as above"),
    **dict.fromkeys(("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"), "as above"),
}
"""The only actions that may be allowed on every resource, with the reason."""


def states_of(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and body of every state, those inside Maps too."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])


def levels_of(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The definition, and those inside its Maps: names are looked up within one level."""
    yield definition
    for state in definition["States"].values():
        if "ItemProcessor" in state:
            yield from levels_of(state["ItemProcessor"])


def targets_of(state: dict[str, Any]) -> set[str]:
    """Where a state may go."""
    ways = [*state.get("Choices", ()), *state.get("Catch", ()), state]
    return {one["Next"] for one in ways if "Next" in one} | ({state["Default"]} if "Default" in state else set())


def statements(template: Template) -> Iterator[dict[str, Any]]:
    """Every statement that allows a role of ours something."""
    documents = [one["PolicyDocument"] for one in template.all("AWS::IAM::Policy") + template.all("AWS::IAM::ManagedPolicy")]
    documents += [one["PolicyDocument"] for role in template.all("AWS::IAM::Role") for one in role.get("Policies", ())]
    for document in documents:
        yield from (one for one in document["Statement"] if one["Effect"] == "Allow")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_UNIQUE = re.compile(r"States\.ArrayGetItem\(States\.StringSplit\(States\.UUID\(\), '-'\), 0\)")


def filled(value: Any, given: dict[str, Any]) -> Any:
    """Parameters of a state as Step Functions would fill them in from its input: the paths and formats that ours use."""
    if isinstance(value, list):
        return [filled(one, given) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name.removesuffix(".$"): _looked_up(one, given) if name.endswith(".$") else filled(one, given)
        for name, one in value.items()
    }


def _looked_up(path: str, given: dict[str, Any]) -> Any:
    if path.startswith("States.Format("):
        form, *words = re.findall(r"'([^']*)'|([$][\w.$]*)", _UNIQUE.sub("$unique", path))
        return form[0].format(*(_looked_up(word[1], given) for word in words))
    if path == "$unique":
        return "0f1e2d3c"
    found: Any = given
    for name in path.removeprefix("$").split(".")[1:]:
        found = found[name]
    return found


def sample_input(experiment: str = "control") -> dict[str, Any]:
    """What the training workflow knows when its jobs start, from the very function that says it."""
    model = "s3://lake-bucket/models/20260101-000000-1a2b3c4d-base/output/model.tar.gz"
    given = prepare(
        "20260101-000000-1a2b3c4d",
        EXPERIMENTS[experiment],
        Lake(None, "lake-bucket"),
        corpus="news",
        base_model=None,
        cut="2026-01-01",
        champion=None,
    )
    given |= {"base_model": {"uri": model}, "candidate": {"uri": model}, "champion": {"exists": True, "uri": model}}
    given |= {"gate": {"passed": True, "reason": "better", "bits_per_byte": "1.2345"}}
    return given


def release_input() -> dict[str, Any]:
    """What the deploy workflow knows after its first step."""
    name = Settings().endpoint_name
    digest = "1a2b3c4d5e6f"
    return {"endpoint": name, "release": f"{name}-{digest}", "candidate": f"{name}-candidate-{digest}"}


def calls(template: Template, machine: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, operation and state of every call of SageMaker."""
    for name, state in states_of(template.machine(machine)):
        found = re.search(r":sagemaker:(\w+?)(?:\.sync)?$", state.get("Resource", ""))
        if found:
            yield name, found[1][0].upper() + found[1][1:], state


def test_synthesis_needs_no_account(template: Template) -> None:
    manifest = json.loads((template.assembly.folder / "manifest.json").read_text())
    stacks = [one for one in manifest["artifacts"].values() if one["type"] == "aws:cloudformation:stack"]
    assert [one["environment"] for one in stacks] == ["aws://unknown-account/unknown-region"]
    assert "missing" not in manifest, "something would have to be looked up in an account"


def test_lake_is_versioned_encrypted_private_and_outlives_the_stack(template: Template) -> None:
    whole = [one for one in template.assembly.template["Resources"].values() if one["Type"] == "AWS::S3::Bucket"]
    assert len(whole) == 2
    for one in whole:
        bucket = one["Properties"]
        (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
        blocks = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(blocks, True)
        # What a first deployment that fails has made goes again; nothing else of it ever does.
        assert one["DeletionPolicy"] in ("Retain", "RetainExceptOnCreate")
        assert one["UpdateReplacePolicy"] == "Retain"
    (lake,) = [one["Properties"] for one in whole if "LoggingConfiguration" in one["Properties"]]
    assert lake["VersioningConfiguration"] == {"Status": "Enabled"}


def test_lake_refuses_what_is_not_encrypted_on_its_way(template: Template) -> None:
    denials = [
        one
        for policy in template.all("AWS::S3::BucketPolicy")
        for one in policy["PolicyDocument"]["Statement"]
        if one["Effect"] == "Deny" and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert [one["Action"] for one in denials] == ["s3:*"] * 2
    assert [one["Principal"] for one in denials] == [{"AWS": "*"}] * 2


def test_notifications_refuse_what_is_not_encrypted_on_its_way(template: Template) -> None:
    denials = [one for one in template.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert [one["Condition"] for one in denials] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_ledger_can_be_recovered_and_outlives_the_stack(template: Template) -> None:
    table = template.one("AWS::DynamoDB::Table")
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    whole = template.whole("AWS::DynamoDB::Table")
    assert (whole["DeletionPolicy"], whole["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_every_module_of_functions_is_deployed_once(template: Template) -> None:
    modules = {path.stem for path in (ROOT / "functions").glob("*/*.py")} - {"__init__"} - OF_THE_PAGE
    assert sorted(template.functions) == sorted(modules)
    assert len(template.all("AWS::Lambda::Function")) == len(modules)


def test_every_function_runs_a_handler_that_exists(template: Template) -> None:
    for module, function in template.functions.items():
        package, workflow, name, handler = function["Handler"].split(".")
        assert (package, name, handler) == ("functions", module, "handler")
        code = template.asset(function["Code"]["S3Key"])
        tree = ast.parse((code / package / workflow / f"{name}.py").read_text())
        assert "handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_function_has_its_runtime_timeout_and_expiring_log(template: Template) -> None:
    logs = dict(template.assembly.resources("AWS::Logs::LogGroup"))
    for module, function in template.functions.items():
        assert function["Runtime"] == "python3.12", module
        assert 30 <= function["Timeout"] <= 900, module
        assert logs[function["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] <= 90, module


def test_every_function_is_traced_and_writes_its_log_itself(template: Template) -> None:
    for module, function in template.functions.items():
        assert function["TracingConfig"] == {"Mode": "Active"}, module
        # With Lambda's own JSON format as well, a line of ours would be JSON within JSON.
        assert set(function["LoggingConfig"]) == {"LogGroup"}, module


def test_every_function_has_the_public_layers_that_its_imports_come_from(template: Template) -> None:
    given = Settings()
    for module, function in template.functions.items():
        public = [template.resolve(one) for one in function["Layers"] if "Ref" not in one]
        assert public == [
            f"arn:aws:lambda:us-east-1:{given.pandas_layer_account}:layer:{given.pandas_layer}",
            f"arn:aws:lambda:us-east-1:{given.powertools_layer_account}:layer:{given.powertools_layer}",
        ], module
        assert all(any(one.split(":layer:")[1].startswith(known) for known in PUBLIC_LAYERS) for one in public), module


def test_every_function_is_told_just_what_it_reads(template: Template) -> None:
    names = {name: value for name, value in vars(environment).items() if name.isupper()}
    readers = {
        node.name: {
            inner.slice.id
            for inner in ast.walk(node)
            if isinstance(inner, ast.Subscript) and is_environ(inner.value) and isinstance(inner.slice, ast.Name)
        }
        for node in ast.parse(inspect.getsource(environment)).body
        if isinstance(node, ast.FunctionDef)
    }
    for module, function in template.functions.items():
        tree = ast.parse((ROOT / Path(*function["Handler"].split(".")[:-1]).with_suffix(".py")).read_text())
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "environment"
        }
        reads = {names[name] for one in used for name in readers.get(one, {one} & set(names))}
        told = set(function.get("Environment", {}).get("Variables", {}))
        # X's address is given by the local cloud alone: on AWS it is X's own.
        assert told == (reads - {environment.X_ADDRESS}) | {environment.SERVICE}, module


def is_environ(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def test_the_secret_is_named_and_never_held(template: Template) -> None:
    assert template.functions["fetch"]["Environment"]["Variables"][environment.X_SECRET] == Settings().x_secret_name
    assert template.all("AWS::SecretsManager::Secret") == []
    for word in (X_TOKEN, "SecretString", "{{resolve:", "BearerToken", "bearer_token"):
        assert word not in template.text


def test_only_who_reads_from_x_may_read_the_secret(template: Template) -> None:
    readers = [one for one in statements(template) if "secretsmanager:GetSecretValue" in listed(one["Action"])]
    assert len(readers) == 3, "fetch, and the two of compliance that ask and hear"
    for one in readers:
        (resource,) = listed(template.resolve(one["Resource"]))
        assert resource.endswith(f":secret:{Settings().x_secret_name}-??????")


def schedule_of(template: Template, machine: str) -> dict[str, Any]:
    """The one schedule that starts the machine of this output."""
    arn = template.assembly.template["Outputs"][machine]["Value"]
    (schedule,) = [one for one in template.all("AWS::Scheduler::Schedule") if one["Target"]["Arn"] == arn]
    return schedule


def test_x_is_read_only_by_who_has_acknowledged_its_terms(template: Template) -> None:
    parameter = template.assembly.template["Parameters"]["XTermsAcknowledged"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("no", ["no", "yes"])
    for module in ("plan", "fetch"):
        given = template.functions[module]["Environment"]["Variables"][environment.X_TERMS]
        assert given == {"Ref": "XTermsAcknowledged"}, module
    condition, acknowledged, otherwise = schedule_of(template, "IngestWorkflow")["State"]["Fn::If"]
    assert (acknowledged, otherwise) == ("ENABLED", "DISABLED")
    assert template.assembly.template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "XTermsAcknowledged"}, "yes"]}


def test_schedules_start_their_machines_in_the_registrys_time_zone(template: Template) -> None:
    settings = Settings()
    for machine, expression in (("IngestWorkflow", settings.schedule), ("ComplianceWorkflow", settings.compliance_schedule)):
        schedule = schedule_of(template, machine)
        assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == (expression, settings.time_zone)


def test_what_is_forgotten_is_swept_daily_whether_x_is_read_or_not(template: Template) -> None:
    assert schedule_of(template, "ComplianceWorkflow")["State"] == "ENABLED"


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_reached_and_every_target_is_there(template: Template, machine: str) -> None:
    for level in levels_of(template.machine(machine)):
        states = level["States"]
        reached, waiting = set(), {level["StartAt"]}
        while waiting:
            name = waiting.pop()
            assert name in states, f"{name!r} is no state of its level"
            reached.add(name)
            waiting |= targets_of(states[name]) - reached
        assert reached == set(states)


@pytest.mark.parametrize("machine", MACHINES)
def test_machines_are_written_in_jsonpath(template: Template, machine: str) -> None:
    # The local interpreter crashes on JSONata, and has neither ItemBatcher nor a whole-number failure percentage.
    definition = template.machine(machine)
    assert "{%" not in json.dumps(definition)
    for level in levels_of(definition):
        assert level.get("QueryLanguage", "JSONPath") == "JSONPath"
    for name, state in states_of(definition):
        assert state.get("QueryLanguage", "JSONPath") == "JSONPath", name
        assert not {"Arguments", "Output", "Assign", "Items", "ItemBatcher", "ToleratedFailurePercentage"} & set(state), name


@pytest.mark.parametrize("machine", ["TrainWorkflow", "DeployWorkflow"])
def test_a_call_of_sagemaker_never_loses_what_the_state_was_given(template: Template, machine: str) -> None:
    # A None in a state's JSON is lost on its way into the definition: the job's answer then took the place of the run's
    # paths, and the next state found none.
    found = list(calls(template, machine))
    assert found
    assert [name for name, _operation, state in found if state.get("ResultPath", "missing") in ("$", "missing")] == []


def test_training_runs_on_spot_machines_over_checkpoints_and_is_waited_for(template: Template) -> None:
    found = [state for _name, operation, state in calls(template, "TrainWorkflow") if operation == "CreateTrainingJob"]
    assert len(found) == 3
    for state in found:
        asked = state["Parameters"]
        assert state["Resource"] == "arn:aws:states:::sagemaker:createTrainingJob.sync"
        assert asked["EnableManagedSpotTraining"] is True
        stopping = asked["StoppingCondition"]
        assert stopping["MaxWaitTimeInSeconds"] > stopping["MaxRuntimeInSeconds"] > 0
        # Retries and redrives are jobs of other names over the same checkpoints.
        assert _UNIQUE.search(asked["TrainingJobName.$"])
        assert "UUID" not in asked["CheckpointConfig"]["S3Uri.$"]
    addresses = [state["Parameters"]["CheckpointConfig"]["S3Uri.$"] for state in found]
    assert len(set(addresses)) == 3, "one stage would go on from another's checkpoints"


def test_checkpoints_lie_where_the_training_program_is_told_to_write_them(template: Template) -> None:
    given = sample_input()
    for name, operation, state in calls(template, "TrainWorkflow"):
        if operation == "CreateTrainingJob":
            request = filled(state["Parameters"], given)
            assert request["CheckpointConfig"]["LocalPath"] == request["HyperParameters"]["checkpoint_dir"], name


def test_every_job_is_tried_again_on_capacity_and_throttling_and_its_failure_is_told(template: Template) -> None:
    definition = template.machine("TrainWorkflow")
    jobs = [state for _name, _operation, state in calls(template, "TrainWorkflow") if state["Resource"].endswith(".sync")]
    assert len(jobs) == 5
    for state in jobs:
        retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
        assert {"SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException"} <= retried
        assert all(retry["MaxAttempts"] >= 1 for retry in state["Retry"])
        assert_told(definition, state)


@pytest.mark.parametrize("machine", ["TrainWorkflow", "DeployWorkflow"])
def test_every_failure_of_a_task_is_told(template: Template, machine: str) -> None:
    definition = template.machine(machine)
    caught = {catch["Next"] for state in definition["States"].values() for catch in state.get("Catch", ())}
    telling = {name for one in caught for name in after(definition, one)}
    for name, state in definition["States"].items():
        if state["Type"] == "Task" and name not in telling:
            assert_told(definition, state)


def after(definition: dict[str, Any], name: str) -> set[str]:
    """The states from this one on."""
    found, waiting = set(), {name}
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= targets_of(definition["States"][one]) - found
    return found


def assert_told(definition: dict[str, Any], state: dict[str, Any]) -> None:
    """Whatever goes wrong in the state, somebody is told and the execution ends as failed."""
    *sooner, catch = state["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    # What is caught before that may pass; where it does not, it is told as well.
    assert {definition["States"][one["Next"]]["Default"] for one in sooner} <= {catch["Next"]}
    following = [definition["States"][name] for name in after(definition, catch["Next"])]
    assert any("sns:publish" in one.get("Resource", "") for one in following)
    assert {one["Type"] for one in following if not targets_of(one)} == {"Fail"}


def test_a_failed_release_leaves_no_candidate_that_bills(template: Template) -> None:
    definition = template.machine("DeployWorkflow")
    asking = after(definition, "Create the candidate")
    risky = [state for name, state in definition["States"].items() if name in asking and state.get("Catch")]
    assert len(risky) >= 5
    for state in risky:
        if state["Catch"][0].get("ResultPath") is None:
            continue  # the dropping itself failed
        if state["Resource"].startswith("arn:aws:states:::aws-sdk:applicationautoscaling"):
            continue  # the candidate is gone by then, and the release is live
        resources = [definition["States"][name].get("Resource", "") for name in after(definition, state["Catch"][0]["Next"])]
        assert any(one.endswith("deleteEndpoint") for one in resources)


SERVES, ROLLED_BACK, LATE = "Drop the candidate", "Serves another: the endpoint", "Late: the endpoint"


@pytest.mark.parametrize(
    ("choice", "status", "config", "minute", "following"),
    [
        ("Serves: the endpoint?", "InService", "new", 1, SERVES),
        ("Serves: the endpoint?", "InService", "new", 9, SERVES),
        ("Serves: the endpoint?", "InService", "old", 1, ROLLED_BACK),  # an update that was rolled back ends so
        ("Serves: the endpoint?", "RollingBack", "old", 1, "Wait for the endpoint"),
        ("Serves: the endpoint?", "SystemUpdating", "new", 1, "Wait for the endpoint"),
        ("Serves: the endpoint?", "Creating", "new", 9, LATE),
        ("Serves: the endpoint?", "Failed", "new", 1, "Failed: the endpoint"),
        ("Serves: the endpoint?", "UpdateRollbackFailed", "old", 1, "Failed: the endpoint"),
        ("What does the endpoint do?", "InService", "old", 1, "Update the endpoint"),
        ("What does the endpoint do?", "Failed", "old", 1, "Delete the failed endpoint"),
        ("What does the endpoint do?", "SystemUpdating", "old", 1, "Wait until it can be updated"),
        ("What does the endpoint do?", "Deleting", "old", 1, "Wait until it can be updated"),
        ("What does the endpoint do?", "Deleting", "old", 9, "Too late to update"),
        ("What does the endpoint do?", "OutOfService", "old", 1, "No state to update from"),
    ],
)
def test_a_release_counts_as_one_only_when_the_endpoint_serves_it(
    template: Template, choice: str, status: str, config: str, minute: int, following: str
) -> None:
    state = template.machine("DeployWorkflow")["States"][choice]
    known = {
        "$.looked.status": status,
        "$.looked.config": config,
        "$.release": "new",
        "$.deadline": "2024-05-03T12:05:00.000Z",
        "$$.State.EnteredTime": f"2024-05-03T12:0{minute}:00.000Z",
    }
    found = next((rule["Next"] for rule in state["Choices"] if holds(rule, known)), state.get("Default"))
    assert found == following


def holds(rule: dict[str, Any], known: dict[str, str]) -> bool:
    """A rule of a Choice, for the operators that the machines use."""
    if "And" in rule:
        return all(holds(one, known) for one in rule["And"])
    if "Or" in rule:
        return any(holds(one, known) for one in rule["Or"])
    (operator,) = set(rule) - {"Variable", "Next"}
    left, right = known[rule["Variable"]], str(rule[operator])
    if operator == "StringEquals":
        return left == right
    if operator == "StringEqualsPath":
        return left == known[right]
    assert operator == "TimestampGreaterThanPath", operator
    return left > known[right]


def test_every_call_of_the_release_is_tried_again(template: Template) -> None:
    found = list(calls(template, "DeployWorkflow"))
    assert len(found) >= 8
    for name, _operation, state in found:
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.TaskFailed"], name
        # There being no endpoint yet is an error, too, which a first release need not wait for.
        assert retry["MaxAttempts"] == (1 if name == "Find the endpoint" else 4), name


@pytest.mark.parametrize("experiment", sorted(EXPERIMENTS))
def test_every_training_request_is_within_sagemakers_own_limits(template: Template, experiment: str) -> None:
    assert_within_limits(template, "TrainWorkflow", sample_input(experiment))


def test_every_deployment_request_is_within_sagemakers_own_limits(template: Template) -> None:
    assert_within_limits(template, "DeployWorkflow", release_input())


def assert_within_limits(template: Template, machine: str, given: dict[str, Any]) -> None:
    found = list(calls(template, machine))
    assert len(found) >= 5
    for name, operation, state in found:
        request = filled(state["Parameters"], given)
        assert violations("sagemaker", operation, request) == [], name


def test_a_name_that_sagemaker_refuses_would_be_seen(template: Template) -> None:
    given = {**sample_input(), "run": "a_run"}
    _name, operation, state = next(one for one in calls(template, "TrainWorkflow") if one[1] == "CreateTrainingJob")
    (found,) = violations("sagemaker", operation, filled(state["Parameters"], given))
    assert "TrainingJobName" in found


def test_no_action_is_allowed_whole(template: Template) -> None:
    wide = [action for one in statements(template) for action in listed(one["Action"]) if re.fullmatch(r"\*|\w+:\*", action)]
    assert wide == []
    assert not [one for one in statements(template) if "NotAction" in one or "NotResource" in one]


def test_only_actions_without_resources_are_allowed_everywhere(template: Template) -> None:
    everywhere = {
        action
        for one in statements(template)
        if "*" in listed(template.resolve(one["Resource"]))
        for action in listed(one["Action"])
    }
    assert everywhere == set(ANYWHERE)


def test_no_role_has_a_policy_of_awss(template: Template) -> None:
    assert [role for role in template.all("AWS::IAM::Role") if role.get("ManagedPolicyArns")] == []


def test_no_function_may_write_or_delete_anywhere_in_the_lake(template: Template) -> None:
    changing = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
    for one in statements(template):
        if set(changing) & set(listed(one["Action"])):
            resources = listed(template.resolve(one["Resource"]))
            assert [name for name in resources if re.fullmatch(r"arn:aws:s3:::[^/]+/[*]?", name)] == []


def test_roles_are_passed_to_sagemaker_only(template: Template) -> None:
    passing = [one for one in statements(template) if "iam:PassRole" in listed(one["Action"])]
    assert len(passing) == 2
    roles = dict(template.assembly.resources("AWS::IAM::Role"))
    for one in passing:
        assert one["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        for resource in listed(one["Resource"]):
            (trust,) = roles[resource["Fn::GetAtt"][0]]["AssumeRolePolicyDocument"]["Statement"]
            assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_log_groups_are_named_as_iam_names_them(template: Template) -> None:
    # "log-group/aws/…", with a slash, matches nothing: the endpoint's containers could not write their log.
    named = [
        resource
        for one in statements(template)
        for resource in listed(template.resolve(one["Resource"]))
        if any(action.startswith("logs:") for action in listed(one["Action"]))
    ]
    assert named
    assert [one for one in named if one != "*" and not re.search(r":logs:[^:]*:\d{12}:log-group:[^/]*(/aws/|:[*]$)", one)] == []


def test_jobs_write_only_what_they_make(template: Template) -> None:
    roles = dict(template.assembly.resources("AWS::IAM::Role"))
    written = set()
    for policy in template.all("AWS::IAM::Policy"):
        (role,) = policy["Roles"]
        if roles[role["Ref"]]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] != {"Service": "sagemaker.amazonaws.com"}:
            continue
        for one in policy["PolicyDocument"]["Statement"]:
            if {"s3:PutObject", "s3:DeleteObject"} & set(listed(one["Action"])):
                written |= {resource.partition("/")[2] for resource in listed(template.resolve(one["Resource"]))}
    assert written == {"models/*", "checkpoints/*", "corpora/runs/*"}


def test_deploy_starts_on_approval_of_our_models_only(template: Template) -> None:
    (rule,) = [one for one in template.all("AWS::Events::Rule") if "Package" in str(one["EventPattern"])]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [Settings().model_group], "ModelApprovalStatus": ["Approved"]},
    }
    assert rule["State"] == "ENABLED"
    assert [one["Arn"] for one in rule["Targets"]] == [template.assembly.template["Outputs"]["DeployWorkflow"]["Value"]]


def test_new_models_wait_for_approval(template: Template) -> None:
    (register,) = [state for _name, operation, state in calls(template, "TrainWorkflow") if operation == "CreateModelPackage"]
    assert register["Parameters"]["ModelApprovalStatus"] == "PendingManualApproval"


def test_updates_of_the_endpoint_are_rolled_back_by_alarms_that_exist(template: Template) -> None:
    (update,) = [state for _name, operation, state in calls(template, "DeployWorkflow") if operation == "UpdateEndpoint"]
    named = [one["AlarmName"] for one in update["Parameters"]["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    alarms = [one for one in template.all("AWS::CloudWatch::Alarm") if "AlarmName" in one]  # the others only tell
    assert sorted(named) == sorted(one["AlarmName"] for one in alarms)
    watched = {dimension["Value"] for one in alarms for dimension in one["Dimensions"]}
    assert Settings().endpoint_name in watched
    # Counting 4XX, it would roll a release back for three bad requests of some app.
    assert {one["MetricName"] for one in alarms} == {"Invocation5XXErrors"}


def test_serving_image_holds_politico_and_inference_and_nothing_else(template: Template) -> None:
    assert_is_copy(template.image(), {"politico", "inference"}, {"Dockerfile", "requirements.txt"})
    (one,) = template.assembly.assets["dockerImages"].values()
    assert (template.image() / one["source"]["dockerFile"]).is_file()


def test_lambda_zip_holds_functions_and_politico_and_nothing_else(template: Template) -> None:
    (key,) = {function["Code"]["S3Key"] for function in template.functions.values()}
    assert_is_copy(template.asset(key), {"functions", "politico"}, set())


def assert_is_copy(folder: Path, packages: set[str], besides: set[str]) -> None:
    """The folder holds every module of the packages and every part of the page as it is, the files named, and nothing else."""
    held = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files = [path for one in packages for path in (ROOT / one).rglob("*") if path.suffix in CODE]
    modules = {path.relative_to(ROOT): path.read_bytes() for path in files}
    assert {path.parts[0] for path in held} == packages
    assert {path for path in held if path not in modules} == {path for path in held if path.name in besides}
    assert {path.name for path in held if path not in modules} == besides
    assert {path: body for path, body in held.items() if path in modules} == modules


@pytest.mark.slow
def test_synthesis_is_reproducible_and_takes_nothing_from_the_environment(template: Template, tmp_path: Path) -> None:
    canary = "canary-7d1f0c"
    done = synthesis(
        tmp_path / "again",
        PYTHONHASHSEED="4321",
        TZ="Asia/Tokyo",
        X_BEARER_TOKEN=canary,
        POLITICO_X_SECRET=canary,
        AWS_SECRET_ACCESS_KEY=canary,
    )
    assert done.returncode == 0, done.stderr
    first, second = (
        json.loads(next(one.glob("*.assets.json")).read_text()) for one in (template.assembly.folder, tmp_path / "again")
    )
    assert (set(second["files"]), set(second["dockerImages"])) == (set(first["files"]), set(first["dockerImages"]))
    assert not [path for path in (tmp_path / "again").rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"settings": {"training_hours": 0}}, "training_hours is 0; SageMaker takes 1 to 672"),
        ({"settings": {"colour": "red"}}, "unknown setting 'colour'"),
        ({"x_monthly_cap": "many"}, "x_monthly_cap is 'many'"),
        ({"settings": "large"}, "the settings are 'large'"),
    ],
)
def test_bad_settings_end_in_one_clear_sentence(context: dict[str, Any], said: str, tmp_path: Path) -> None:
    done = synthesis(tmp_path / "out", CDK_CONTEXT_JSON=json.dumps(context))
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("error: ")
    assert said in sentence


@pytest.mark.parametrize(
    "given",
    [{"x_monthly_cap": -1}, {"x_late_hours": 200}, {"training_hours": 700}, {"spot_wait_hours": -1}],
    ids=lambda given: next(iter(given)),
)
def test_settings_outside_their_limits_are_refused(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(LimitError, match=name):
        Settings(**given)


def run_elsewhere(program: str, path: str) -> subprocess.CompletedProcess[str]:
    """Python in the repository, with nothing but `path` to find programs on."""
    environment = {"PATH": path, "LANG": "C.UTF-8"}
    return subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "image", ["politico:latest", "docker.io/me/politico:1", "123456789012.dkr.ecr.us-east-1.amazonaws.com/politico"]
)
def test_a_serving_image_that_sagemaker_could_not_pull_is_refused(image: str) -> None:
    with pytest.raises(LimitError, match="serving_image"):
        Settings(serving_image=image)


def test_an_image_of_the_deployers_own_may_be_pulled_by_the_endpoint() -> None:
    image = "210987654321.dkr.ecr.us-west-2.amazonaws.com/team/politico:1"
    program = (
        "import sys, json, aws_cdk as cdk; from infra.storage import Storage; from infra.deploy.serving import Serving;"
        "from infra.settings import Settings; stack = cdk.Stack(cdk.App(), 'S');"
        f"Serving(stack, 'Serving', folder='', storage=Storage(stack, 'Storage'), settings=Settings(serving_image={image!r}));"
        "print(json.dumps(cdk.App.of(stack).synth().get_stack_by_name('S').template))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    policies = [one for one in json.loads(done.stdout)["Resources"].values() if one["Type"] == "AWS::IAM::Policy"]
    statements = [statement for one in policies for statement in one["Properties"]["PolicyDocument"]["Statement"]]
    (pulls,) = [one for one in statements if "ecr:BatchGetImage" in one["Action"]]
    assert json.dumps(pulls["Resource"]).endswith(':ecr:us-west-2:210987654321:repository/team/politico"]]}')


@pytest.mark.parametrize(("region", "refused"), [("sa-east-1", True), ("us-east-1", False), ("xx-north-9", False)])
def test_a_region_that_lacks_what_the_stack_lives_on_is_refused(region: str, refused: bool) -> None:
    # No Node on the way: a region that is let through ends there, and at once.
    program = (
        "import sys; sys.executable = '/nowhere/python'; from infra.app import main;"
        f"import os; os.environ['CDK_DEFAULT_REGION'] = {region!r}; sys.exit(main())"
    )
    done = run_elsewhere(program, "/nowhere")
    assert done.returncode == 2
    assert ("the region sa-east-1 has no comprehend; deploy to one of ap-" in done.stderr) is refused
    assert ("Node.js is missing" in done.stderr) is not refused


def distributed(definition: Any) -> Iterator[dict[str, Any]]:
    """What each distributed map does with an item, however deep in the definition."""
    if isinstance(definition, dict):
        if definition.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            yield definition
        definition = list(definition.values())
    if isinstance(definition, list):
        for one in definition:
            yield from distributed(one)


def test_an_item_of_a_list_in_the_lake_hands_nothing_on(template: Template) -> None:
    """Step Functions gathers what the items hand on, at most 256 KB of it, also where the state throws it away."""
    found = list(distributed(template.machine("IngestWorkflow")))
    assert len(found) > 2
    for processor in found:
        ends = [one for one in processor["States"].values() if one.get("End") or one["Type"] in ("Succeed", "Fail")]
        assert ends
        assert all("OutputPath" in one and one["OutputPath"] is None for one in ends)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_broken_cdk_json_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cdk.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"cdk\.json is no JSON file"):
        context_of(path)


def test_a_missing_node_ends_in_one_clear_sentence(tmp_path: Path) -> None:
    program = f"import sys; sys.executable = {str(tmp_path / 'python')!r}; from infra.app import main; sys.exit(main())"
    done = run_elsewhere(program, str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        "error: Node.js is missing, and the template can't be written without it: run `make setup`, which brings one\n"
    )


def test_the_environments_own_node_comes_before_the_systems(tmp_path: Path) -> None:
    systems = tmp_path / "node"
    systems.write_text("#!/bin/sh\n")
    systems.chmod(0o755)
    done = run_elsewhere("from infra import node; print(node.find().parent)", str(tmp_path))
    assert done.stdout.strip() == str(Path(sys.executable).parent)


NAMES = (
    ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::Glue::Database", "DatabaseInput"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::Scheduler::Schedule", "Name"),
    ("AWS::Events::Rule", "Name"),
)


def named(template: Template) -> set[str]:
    """What the template gives a name of its own in the account, where CloudFormation makes none."""
    found = {f"{kind} {one[field]}" for kind, field in NAMES for one in template.all(kind) if field in one}
    return {*found, f"endpoint {template.assembly.template['Outputs']['Endpoint']['Value']}"}


@pytest.mark.slow
def test_a_second_stack_shares_no_name_and_holds_to_its_settings(template: Template, tmp_path: Path) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c"
    given = {
        "stack_name": "Politico-dev",
        "kms_key": key,
        "monthly_budget": 0,
        "serving_most_instances": 1,
        "data_capture_percent": 10,
        "training_instances": 2,
        "training_wheels": "wheels/",
        "torch_index": "https://example.org/cpu",
    }
    out = tmp_path / "cdk.out"
    done = synthesis(out, CDK_CONTEXT_JSON=json.dumps({"settings": given}))
    assert done.returncode == 0, done.stderr
    other = Template(Assembly.read(out))
    assert named(template) & named(other) == set()
    assert {"endpoint politico-dev", "AWS::SageMaker::ModelPackageGroup politico-dev"} <= named(other)
    services = {one["Environment"]["Variables"][environment.SERVICE] for one in other.all("AWS::Lambda::Function")}
    assert services == {"Politico-dev"}
    assert other.all("AWS::Budgets::Budget") == []
    (built,) = other.assembly.assets["dockerImages"].values()
    assert built["source"]["dockerBuildArgs"] == {"TORCH_INDEX": "https://example.org/cpu"}
    asked = [state.get("Resource", "") for _name, state in states_of(other.machine("DeployWorkflow"))]
    scaling = [one.rpartition(":")[2] for one in asked if "applicationautoscaling" in one]
    assert scaling == ["deregisterScalableTarget"]  # what an earlier deployment may have left
    released = [one for one in other.all("AWS::Lambda::Function") if one["Handler"] == "functions.deploy.release.handler"]
    assert [one["Environment"]["Variables"][environment.KMS_KEY] for one in released] == [key]
    (job,) = [one for name, _operation, one in calls(other, "TrainWorkflow") if name == "Train base model"]
    assert job["Parameters"]["ResourceConfig"]["InstanceCount"] == 2
    channels = {one["ChannelName"]: one["DataSource"]["S3DataSource"] for one in job["Parameters"]["InputDataConfig"]}
    assert channels["wheels"]["S3Uri"].endswith("/wheels/")
    assert job["Parameters"]["Environment"]["PIP_NO_INDEX"] == "1"
    for _name, operation, state in calls(other, "TrainWorkflow"):
        if operation in ("CreateTrainingJob", "CreateProcessingJob"):
            output = state["Parameters"].get("OutputDataConfig") or state["Parameters"]["ProcessingOutputConfig"]
            assert output["KmsKeyId"] == key
    # Whoever reads what the key has closed may open it.
    for policy in other.all("AWS::IAM::Policy"):
        allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
        lake = [one for one in allowed if "s3:GetObject" in listed(one["Action"]) and "Lake" in json.dumps(one["Resource"])]
        opens = [one for one in allowed if "kms:Decrypt" in listed(one["Action"]) and key in listed(one["Resource"])]
        assert opens or not lake, policy["PolicyName"]
