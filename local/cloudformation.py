"""What the CDK's command line needs of CloudFormation and moto does not have: a template's address, and protected stacks."""

from typing import Any
from urllib.parse import urlsplit

from moto.apigateway.models import Deployment
from moto.cloudformation import responses
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.s3.models import s3_backends


def install() -> None:
    """Teach moto's CloudFormation."""
    delete = CloudFormationBackend.delete_stack

    def delete_stack(backend: CloudFormationBackend, name_or_stack_id: str) -> Any:
        stack = backend.get_stack(name_or_stack_id)
        if getattr(stack, "enable_termination_protection", False):
            raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        return delete(backend, name_or_stack_id)

    # moto makes it when it comes to it, before the methods that it depends on, and refuses an API without any.
    Deployment.create_from_cloudformation_json = classmethod(_deployment)
    CloudFormationBackend.delete_stack = delete_stack
    CloudFormationResponse.update_termination_protection = _protect
    responses.get_stack_from_s3_url = _template_at


def _deployment(_kind: type, /, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any) -> Deployment:
    properties = cloudformation_json["Properties"]
    return Deployment(resource_name, properties.get("StageName", ""), properties.get("Description", ""))


def _protect(response: CloudFormationResponse) -> ActionResult:
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    stack.enable_termination_protection = str(response._get_param("EnableTerminationProtection")).lower() == "true"
    return ActionResult({"StackId": stack.stack_id})


def _template_at(template_url: str, account_id: str, partition: str) -> str:
    """The template under an address that has the bucket in its path, as all addresses of this machine do."""
    bucket, _, key = urlsplit(template_url).path.lstrip("/").partition("/")
    body: bytes = s3_backends[account_id][partition].get_object(bucket, key).value
    return body.decode()
