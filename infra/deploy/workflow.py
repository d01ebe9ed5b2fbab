"""The deploy workflow: an approved version is tried on an endpoint of its own, then takes over the real one, blue/green."""

from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import environment
from infra.deploy.serving import Serving
from infra.functions import Functions
from infra.naming import arn_of
from infra.settings import Settings
from infra.storage import Storage

VARIANT = "AllTraffic"
POLL_SECONDS = 5
ROLLBACK_METRICS = ("Invocation5XXErrors", "InvocationModelErrors")


class Deploy(Construct):
    """`machine` runs the workflow on the event of an approved model package."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        storage: Storage,
        serving: Serving,
        notifications: sns.ITopic,
        settings: Settings,
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._serving, self._notifications = settings, serving, notifications
        self.release = functions.make("Release", "deploy.release", environment={environment.ENDPOINT: settings.endpoint_name})
        self.release.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpoint"], resources=[arn_of(self, "sagemaker", "endpoint", settings.endpoint_name)]
            )
        )
        self.probe = functions.make("Probe", "deploy.probe", environment={}, timeout=Duration.minutes(5))
        candidates = arn_of(self, "sagemaker", "endpoint", f"{settings.endpoint_name}-candidate-*")
        self.probe.add_to_role_policy(iam.PolicyStatement(actions=["sagemaker:InvokeEndpoint"], resources=[candidates]))
        # Named, not referred to: the local cloud makes no alarms, and a reference to one would have nothing to point at.
        self._alarm_names = [f"{settings.endpoint_name}-{metric}" for metric in ROLLBACK_METRICS]
        self._make_alarms()
        self.machine = sfn.StateMachine(
            self,
            "Workflow",
            comment="An approved model version in, the endpoint updated",
            definition_body=sfn.DefinitionBody.from_chainable(self._definition()),
            timeout=Duration.hours(3),
            tracing_enabled=True,
        )
        self._let_machine_deploy()
        self.rule = events.Rule(
            self,
            "Approved",
            description="A model version was approved",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": [settings.model_group], "ModelApprovalStatus": ["Approved"]},
            ),
            targets=[targets.SfnStateMachine(self.machine)],
        )

    def _definition(self) -> sfn.IChainable:
        path = sfn.JsonPath
        release = tasks.LambdaInvoke(
            self,
            "Name the release",
            lambda_function=self.release,
            payload=sfn.TaskInput.from_object(
                {"name": path.string_at("$$.Execution.Name"), "package": path.string_at("$.detail.ModelPackageArn")}
            ),
            payload_response_only=True,
        )
        tell = self._tell()
        give_up = self._give_up(tell)
        release.add_catch(tell, result_path="$.error")
        probe = tasks.LambdaInvoke(
            self,
            "Ask the candidate",
            lambda_function=self.probe,
            payload=sfn.TaskInput.from_object({"endpoint": path.string_at("$.candidate")}),
            payload_response_only=True,
            result_path="$.probed",
        )
        probe.add_catch(give_up, result_path="$.error")
        drop = self._call("Drop the candidate", "deleteEndpoint", {"EndpointName.$": "$.candidate"})
        update = self._call(
            "Update the endpoint",
            "updateEndpoint",
            {
                "EndpointName.$": "$.endpoint",
                "EndpointConfigName.$": "$.release",
                "DeploymentConfig": self._blue_green(),
            },
        )
        create = self._call(
            "Create the endpoint", "createEndpoint", {"EndpointName.$": "$.endpoint", "EndpointConfigName.$": "$.release"}
        )
        for step in (update, create, drop):
            step.add_catch(give_up, result_path="$.error")
        live = self._until_in_service("endpoint", "the endpoint", drop, give_up)
        update.next(live)
        create.next(live)
        go_live = sfn.Choice(self, "Endpoint there already?").when(sfn.Condition.boolean_equals("$.exists", True), update)
        probe.next(go_live.otherwise(create))
        tried = self._until_in_service("candidate", "the candidate", probe, give_up)
        return release.next(self._make_candidate(give_up)).next(tried)

    def _make_candidate(self, give_up: sfn.IChainable) -> sfn.Chain:
        model = self._call(
            "Create the model",
            "createModel",
            {
                "ModelName.$": "$.release",
                "ExecutionRoleArn": self._serving.role.role_arn,
                "PrimaryContainer": {"ModelPackageName.$": "$.package"},
            },
        )
        variant = {
            "VariantName": VARIANT,
            "ModelName.$": "$.release",
            "InstanceType": self._settings.serving_instance,
            "InitialInstanceCount": 1,
        }
        config = self._call(
            "Create the configuration",
            "createEndpointConfig",
            {"EndpointConfigName.$": "$.release", "ProductionVariants": [variant]},
        )
        candidate = self._call(
            "Create the candidate",
            "createEndpoint",
            {"EndpointName.$": "$.candidate", "EndpointConfigName.$": "$.release"},
        )
        for step in (model, config, candidate):
            step.add_catch(give_up, result_path="$.error")
        return model.next(config).next(candidate)

    def _until_in_service(self, field: str, name: str, then: sfn.IChainable, give_up: sfn.IChainable) -> sfn.IChainable:
        """Look every few seconds until the endpoint named in `$.FIELD` serves, or has failed."""
        wait = sfn.Wait(self, f"Wait for {name}", time=sfn.WaitTime.duration(Duration.seconds(POLL_SECONDS)))
        look = self._call(
            f"Look at {name}",
            "describeEndpoint",
            {"EndpointName.$": f"$.{field}"},
            {"status.$": "$.EndpointStatus"},
            "$.looked",
        )
        look.add_catch(give_up, result_path="$.error")
        status = "$.looked.status"
        in_service = sfn.Condition.string_equals(status, "InService")
        on_its_way = sfn.Condition.or_(*(sfn.Condition.string_equals(status, one) for one in ("Creating", "Updating")))
        failed = sfn.Pass(
            self,
            f"Failed: {name}",
            result=sfn.Result.from_object({"Error": "EndpointFailed", "Cause": f"{name} did not come into service"}),
            result_path="$.error",
        ).next(give_up)
        seen = sfn.Choice(self, f"Serves: {name}?").when(in_service, then).when(on_its_way, wait).otherwise(failed)
        wait.next(look).next(seen)
        return wait

    def _tell(self) -> sfn.Chain:
        """Say what went wrong, and fail."""
        fail = sfn.Fail(self, "Release failed", error="ReleaseFailed", cause_path="$.error.Cause")
        return tasks.SnsPublish(
            self,
            "Tell that the release failed",
            topic=self._notifications,
            subject="politico: release failed",
            message=sfn.TaskInput.from_json_path_at("$.error"),
            result_path=sfn.JsonPath.DISCARD,
        ).next(fail)

    def _give_up(self, tell: sfn.Chain) -> sfn.Chain:
        """Leave nothing that bills, say so, and fail."""
        drop = self._call("Drop the failed candidate", "deleteEndpoint", {"EndpointName.$": "$.candidate"})
        drop.add_catch(tell, result_path=sfn.JsonPath.DISCARD)
        return drop.next(tell)

    def _call(
        self,
        name: str,
        action: str,
        parameters: dict[str, Any],
        selector: dict[str, str] | None = None,
        result_path: str = sfn.JsonPath.DISCARD,
    ) -> sfn.CustomState:
        """One call of SageMaker's API; unless asked for, its answer is dropped and what came in goes on."""
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{Aws.PARTITION}:states:::aws-sdk:sagemaker:{action}",
            "Parameters": parameters,
            "ResultPath": result_path,
        }
        return sfn.CustomState(self, name, state_json={**state, "ResultSelector": selector} if selector else state)

    def _make_alarms(self) -> None:
        """What makes SageMaker roll an update back."""
        for metric, alarm_name in zip(ROLLBACK_METRICS, self._alarm_names, strict=True):
            measured = cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions_map={"EndpointName": self._settings.endpoint_name, "VariantName": VARIANT},
                statistic="Sum",
                period=Duration.minutes(1),
            )
            measured.create_alarm(
                self,
                metric,
                alarm_name=alarm_name,
                alarm_description="The endpoint answers with failures; an update under way is rolled back",
                threshold=3,
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )

    def _blue_green(self) -> dict[str, Any]:
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300},
                "TerminationWaitInSeconds": 300,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self._alarm_names]},
        }

    def _let_machine_deploy(self) -> None:
        name = self._settings.endpoint_name
        verbs = ("Create", "Describe", "Update", "Delete")
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    *(f"sagemaker:{verb}Endpoint" for verb in verbs),
                    "sagemaker:CreateEndpointConfig",
                    "sagemaker:CreateModel",
                ],
                resources=[
                    arn_of(self, "sagemaker", "endpoint", name),
                    arn_of(self, "sagemaker", "endpoint", f"{name}-*"),
                    arn_of(self, "sagemaker", "endpoint-config", f"{name}-*"),
                    arn_of(self, "sagemaker", "model", f"{name}-*"),
                ],
            )
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeModelPackage"],
                resources=[arn_of(self, "sagemaker", "model-package", f"{self._settings.model_group}/*")],
            )
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"],
                resources=[arn_of(self, "cloudwatch", "alarm", name) for name in self._alarm_names],
            )
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self._serving.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
