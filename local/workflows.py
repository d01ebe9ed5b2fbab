"""Step Functions: moto's interpreter, with the machines that CloudFormation makes, and `.sync` for SageMaker's jobs."""

import json
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_unsupported as sagemaker_tasks,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import _SERVICE_ERROR_NAMES
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds import Seconds
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from local.iam.guard import Guard

Task = sagemaker_tasks.StateTaskServiceUnsupported

ClientFor = Callable[[str, str, StateCredentials], Any]
"""A boto3 client of a region and a service, for a state that acts in a role."""

SERVICES = {"applicationautoscaling": "application-autoscaling"}
"""Boto3's names of services where a state's resource writes another."""
ERROR_NAMES = {"applicationautoscaling": "ApplicationAutoScaling", "sagemaker": "SageMaker"}
"""What errors of these services begin with, in states that call them by `aws-sdk`."""
_LONGEST_SECONDS = 99_999_999
_JOBS: Mapping[str, tuple[str, str, str]] = {
    "createtrainingjob": ("describe_training_job", "TrainingJobName", "TrainingJobStatus"),
    "createprocessingjob": ("describe_processing_job", "ProcessingJobName", "ProcessingJobStatus"),
}
"""By action in lower case: how to look at the job, the name of its name, the name of its status."""


SECONDS_IN_A_MINUTE = 0.2
"""Of a wait of a minute or more: whoever tests does not sit through a quarter of an hour until there are machines again."""

SERVICE = "states.amazonaws.com"
"""Who acts in a state machine's role."""


def install(port: int, guard: Guard) -> None:
    """Teach moto's interpreter what it lacks."""
    client_for = _in_the_machines_role(port, guard)
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.") and hasattr(module, "boto_client_for"):
            vars(module)["boto_client_for"] = client_for
    # Machines made by CloudFormation go to a backend that does not execute; send them to the one that does.
    StateMachine.create_from_cloudformation_json = classmethod(_create_machine)
    StateMachine.delete_from_cloudformation_json = classmethod(_delete_machine)
    Seconds._get_wait_seconds = _shortened
    begin = StepFunctionsParserBackend.start_execution

    def start_execution(backend: Any, state_machine_arn: str, name: str | None = None, *given: Any, **named: Any) -> Any:
        # Without a name moto calls each "None": of one machine there could be but one.
        return begin(backend, state_machine_arn, name or str(uuid.uuid4()), *given, **named)

    StepFunctionsParserBackend.start_execution = start_execution
    sagemaker_tasks._SUPPORTED_INTEGRATION_PATTERNS.add(ResourceCondition.Sync)
    Task._build_sync_resolver = _waiting(client_for)
    Task._log_unsupported_warning = lambda _task: None
    Task._from_error = _service_error
    _SERVICE_ERROR_NAMES.update(ERROR_NAMES)


def _shortened(wait: Seconds, env: Any) -> float:
    seconds: float = wait.seconds
    return seconds if seconds < 60 else seconds / 60 * SECONDS_IN_A_MINUTE


def _in_the_machines_role(port: int, guard: Guard) -> ClientFor:
    """What gives a state its clients: with the key of its machine's role."""
    lock = threading.Lock()

    @cache
    def made(region: str, service: str, key: str) -> Any:
        return boto3.client(
            SERVICES.get(service, service),
            region_name=region,
            endpoint_url=f"http://localhost:{port}",
            aws_access_key_id=key,
            aws_secret_access_key=key,
            # As moto's own: states are tried again by the definition, and wait for whatever they call.
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=_LONGEST_SECONDS),
        )

    def client_for(region: str, service: str, state_credentials: StateCredentials) -> Any:
        key = guard.key_of(state_credentials.role_arn, SERVICE)
        with lock:  # moto would make one for every task
            return made(region, service, key)

    return client_for


def _create_machine(
    _kind: type, /, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
) -> StateMachine:
    properties = cloudformation_json["Properties"]
    return stepfunctions_parser_backends[account_id][region_name].create_state_machine(
        properties.get("StateMachineName", resource_name), properties["DefinitionString"], properties["RoleArn"]
    )


def _delete_machine(_kind: type, /, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str) -> None:
    stepfunctions_parser_backends[account_id][region_name].delete_state_machine(resource_name)


def _waiting(client_for: ClientFor) -> Callable[..., Callable[[], Any]]:
    def wait_for_job(
        task: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> Callable[[], Any]:
        """A function that gives the finished job, None while it runs, and raises States.TaskFailed when it failed."""
        describe, name, status = _JOBS[task.resource.api_action.lower()]
        sagemaker = client_for(resource_runtime_part.region, "sagemaker", state_credentials)
        env.stack.pop()  # the answer of the create call; .sync answers with the job instead

        def poll() -> Any:
            job = getattr(sagemaker, describe)(**{name: normalised_parameters[name]})
            job.pop("ResponseMetadata", None)
            job = json.loads(json.dumps(job, default=str))
            if job[status] in ("InProgress", "Stopping"):
                return None
            if job[status] == "Completed":
                return job
            failed = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
            raise FailureEventException(_failure(task, env, failed, json.dumps(job)))

        return poll

    return wait_for_job


def _service_error(task: Any, env: Any, ex: Exception) -> Any:
    """A refusal of SageMaker's API under the name that Step Functions gives it."""
    if isinstance(ex, ClientError):
        error = ex.response["Error"]
        return _failure(task, env, CustomErrorName(f"SageMaker.{error['Code']}"), error["Message"])
    return super(Task, task)._from_error(env=env, ex=ex)


def _failure(task: Any, env: Any, name: Any, cause: str) -> FailureEvent:
    details = TaskFailedEventDetails(
        resource=task._get_sfn_resource(), resourceType=task._get_sfn_resource_type(), error=name.error_name, cause=cause
    )
    return FailureEvent(
        env=env,
        error_name=name,
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),
    )
