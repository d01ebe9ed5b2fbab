"""One Lambda function of ours: its module, what it may take, and what it is told through its environment."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions.environment import SERVICE
from infra.naming import arn_of
from infra.rights import TRACES, allow, explain_function, explain_wildcards


class Functions(Construct):
    """Makes functions that share one zip and one set of layers."""

    def __init__(
        self, scope: Construct, name: str, *, code: lambda_.Code, layers: Sequence[lambda_.ILayerVersion], service: str
    ) -> None:
        """`service` is what their metrics, logs and traces go by."""
        super().__init__(scope, name)
        self._service = service
        self._code = code
        self._layers = layers

    def make(
        self,
        name: str,
        module: str,
        *,
        environment: Mapping[str, str],
        timeout: Duration | None = None,
        memory_megabytes: int = 512,
        storage: Size | None = None,
    ) -> lambda_.Function:
        """The function whose handler is in `functions.MODULE`, such as `ingest.fetch`.

        `name` becomes part of its logical id, which stays whatever the module is called: another id is another function, and
        its log begins anew. `storage` is its room for files, where half a gigabyte is too little.
        """
        log_group = logs.LogGroup(
            self, f"{name}Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        allow(
            role,
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [arn_of(self, "logs", "log-group", f"{log_group.log_group_name}:*")],
            why="a stream of the function's own log is named by Lambda",
        )
        explain_wildcards(role, ["Resource::*"], TRACES)
        function = lambda_.Function(
            self,
            name,
            role=role,
            description=f"politico: functions/{module.replace('.', '/')}.py",
            runtime=lambda_.Runtime.PYTHON_3_12,
            architecture=lambda_.Architecture.X86_64,
            code=self._code,
            handler=f"functions.{module}.handler",
            layers=list(self._layers),
            environment={SERVICE: self._service, **environment},
            timeout=timeout or Duration.minutes(1),
            memory_size=memory_megabytes,
            # Of logging, only the log group: functions/telemetry.py writes JSON itself.
            tracing=lambda_.Tracing.ACTIVE,
            ephemeral_storage_size=storage,
            log_group=log_group,
        )
        explain_function(function)
        return function
