"""The deployed stack as the command line sees it, local or on AWS: clients, and the names in the stack's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.aws_errors import is_about_credentials, readable
from cli.settings import STACK_VARIABLE
from politico.errors import InputError
from politico.lake.bucket import Lake
from politico.ledger.table import Ledger


@dataclass(frozen=True)
class Services:
    """A boto3 session, where it points to, and the stack's outputs."""

    session: Any
    endpoint_url: str | None
    outputs: Mapping[str, str]
    stack: str
    """Its name."""

    @classmethod
    def local(cls, environment: Mapping[str, str], outputs: Mapping[str, str], stack: str) -> "Services":
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        return cls(session, environment["AWS_ENDPOINT_URL"], outputs, stack)

    @classmethod
    def deployed(cls, stack: str) -> "Services":
        """What the environment's credentials and AWS_ENDPOINT_URL point to. Raises InputError when the stack is not there."""
        try:
            session = boto3.Session()
            found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if is_about_credentials(error):
                raise readable(error) from error
            raise InputError(
                f"no stack {stack!r} is in reach ({error}); deploy it with `make deploy`, name yours in {STACK_VARIABLE}, or "
                "start a local cloud with `politico up` and set the AWS_ENDPOINT_URL it prints"
            ) from error
        except BotoCoreError as error:
            raise readable(error) from error
        return cls(session, None, {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}, stack)

    def client(self, service: str, **options: Any) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url, config=Config(**options) if options else None)

    def output(self, name: str) -> str:
        """One of the stack's outputs. Raises InputError when it was deployed before there was such a one."""
        if name not in self.outputs:
            raise InputError(
                f"the stack has no output {name}: it was deployed by an older version; deploy it again (`make deploy`)"
            )
        return self.outputs[name]

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.client("s3"), self.outputs["LakeBucket"])

    @cached_property
    def ledger(self) -> Ledger:
        table = self.session.resource("dynamodb", endpoint_url=self.endpoint_url).Table(self.outputs["LedgerTable"])
        return Ledger(table)
