"""The deploy workflow: an approved version is tried on an endpoint of its own, then takes over the real one, blue/green."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import environment
from infra.deploy.serving import Serving
from infra.execution import executions_of, machine_of
from infra.functions import Functions
from infra.naming import arn_of
from infra.rights import allow
from infra.settings import Settings
from infra.storage import Storage
from infra.watching.alarms import of_endpoint
from politico.lake import places
from politico.models.packages import VARIANT

POLL_SECONDS = 5
ROLLBACK_METRIC = "Invocation5XXErrors"
"""Not InvocationModelErrors: that counts the 400s, too, with which the endpoint answers a bad request."""
ON_THE_WAY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
"""What an endpoint comes out of by itself."""
SCALING = "applicationautoscaling"
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId.$": f"States.Format('endpoint/{{}}/variant/{VARIANT}', $.endpoint)",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
"""What Application Auto Scaling calls the endpoint's size."""
NEVER_SCALED = "ApplicationAutoScaling.ObjectNotFoundException"
SEE = "aws sagemaker describe-endpoint says why"
RETRY = [
    {
        # Throttling, an outage: SageMaker's codes come under many names here, and what is wrong in itself is so four times.
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": 2,
        "MaxAttempts": 4,
        "BackoffRate": 2.0,
        "JitterStrategy": "FULL",
    }
]


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
        undelivered: sqs.Queue,
        settings: Settings,
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._serving, self._notifications = settings, serving, notifications
        self.release = functions.make(
            "Release",
            "deploy.release",
            environment={
                environment.ENDPOINT: settings.endpoint_name,
                environment.SERVING_ROLE: serving.role.role_arn,
                environment.SERVING_INSTANCE: settings.serving_instance,
                environment.SERVING_INSTANCES: str(settings.serving_instances),
                environment.SERVING_WATERMARK: str(settings.serving_watermark).lower(),
                **({environment.KMS_KEY: settings.kms_key} if settings.kms_key else {}),
                environment.DATA_CAPTURE: f"{settings.data_capture_percent} {storage.lake.s3_url_for_object(places.CAPTURED)}",
            },
        )
        self._let_release_make_models()
        self.probe = functions.make("Probe", "deploy.probe", environment={}, timeout=Duration.minutes(5))
        candidates = arn_of(self, "sagemaker", "endpoint", f"{settings.endpoint_name}-candidate-*")
        allow(self.probe, ["sagemaker:InvokeEndpoint"], [candidates], why="a candidate is named after its version")
        # Named, not referred to: the definition that names it would have to wait for it.
        self._alarm_name = f"{settings.endpoint_name}-{ROLLBACK_METRIC}"
        self._make_alarm()
        self.machine = machine_of(
            self,
            comment="An approved model version in, the endpoint updated",
            definition=self._definition(),
            timeout=Duration.hours(3),  # an hour longer than a release takes before it gives itself up
            functions=(self.release, self.probe),
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
            targets=[targets.SfnStateMachine(self.machine, dead_letter_queue=undelivered)],
        )

    def _definition(self) -> sfn.IChainable:
        path = sfn.JsonPath
        release = tasks.LambdaInvoke(
            self,
            "Hold the release",
            lambda_function=self.release,
            payload=sfn.TaskInput.from_object({"execution": path.string_at("$$.Execution.Id"), "approval": path.object_at("$")}),
            payload_response_only=True,
        )
        tell = self._tell()
        give_up = self._give_up(tell)
        release.add_catch(tell, result_path="$.error")
        candidate = self._call(
            "Create the candidate",
            "createEndpoint",
            {"EndpointName.$": "$.candidate", "EndpointConfigName.$": "$.release"},
        )
        candidate.add_catch(give_up, result_path="$.error")
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
        drop.add_catch(give_up, result_path="$.error")
        drop.next(self._scale(tell) if self._settings.scales else self._stop_scaling(tell))
        probe.next(self._go_live(drop, give_up))
        tried = self._until_in_service("candidate", "the candidate", probe, give_up)
        held = sfn.Choice(self, "This execution's to make?").when(
            sfn.Condition.boolean_equals("$.held", True), candidate.next(tried)
        )
        return release.next(held.otherwise(sfn.Succeed(self, "Another execution's")))

    def _scale(self, tell: sfn.IChainable) -> sfn.IChainable:
        """Let the endpoint have more machines under load: it can be told only once it serves, and is told the same again."""
        settings = self._settings
        between = {"MinCapacity": settings.serving_instances, "MaxCapacity": settings.serving_most_instances}
        metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}
        by_load = {
            "PolicyName": "requests",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {**metric, "TargetValue": settings.serving_requests_a_minute},
        }
        register = self._call("Let it scale", "registerScalableTarget", {**SCALED, **between}, service=SCALING)
        policy = self._call("Scale by its load", "putScalingPolicy", {**SCALED, **by_load}, service=SCALING)
        for one in (register, policy):
            one.add_catch(tell, result_path="$.error")
        return register.next(policy)

    def _stop_scaling(self, tell: sfn.IChainable) -> sfn.IChainable:
        """Leave nothing of an earlier deployment that lets the endpoint grow."""
        # That it never grew is an error of the same kind as any other; a throttled call is asked again by the SDK.
        stop = self._call("Let it scale no more", "deregisterScalableTarget", SCALED, service=SCALING, retry=[])
        stop.add_catch(sfn.Succeed(self, "Never scaled"), errors=[NEVER_SCALED], result_path=sfn.JsonPath.DISCARD)
        stop.add_catch(tell, result_path="$.error")
        return stop

    def _go_live(self, drop: sfn.IChainable, give_up: sfn.IChainable) -> sfn.IChainable:
        """From a candidate that wrote to the endpoint that serves it: made, or updated from whatever state it is in."""
        endpoint = {"EndpointName.$": "$.endpoint"}
        target = {**endpoint, "EndpointConfigName.$": "$.release"}
        # An endpoint that has grown under load stays as large; what is kept of requests is the new configuration's to say.
        retained: dict[str, Any] = {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
        }
        grown = retained if self._settings.scales else {}
        update = self._call("Update the endpoint", "updateEndpoint", {**target, **grown, "DeploymentConfig": self._blue_green()})
        create = self._call("Create the endpoint", "createEndpoint", target)
        delete = self._call("Delete the failed endpoint", "deleteEndpoint", endpoint)
        live = self._until_in_service("endpoint", "the endpoint", drop, give_up)
        # That there is none of that name is an error of the same kind as any other: asked but once more, or a first release waits
        # for it. Where it was another, the making fails and says why.
        find = self._look("Find the endpoint", "endpoint", [{**RETRY[0], "MaxAttempts": 1}])
        settle = self._wait("Wait until it can be updated")
        find.add_catch(create, result_path=sfn.JsonPath.DISCARD)
        for step in (update, create, delete):
            step.add_catch(give_up, result_path="$.error")
        update.next(live)
        create.next(live)
        settle.next(find)
        delete.next(settle)
        found = (
            sfn.Choice(self, "What does the endpoint do?")
            .when(self._is("InService"), update)
            .when(self._is("Failed"), delete)  # it serves nobody, and nothing else can be done with it
            .when(self._is_late(), self._fail("Too late to update", "the endpoint never came to rest", give_up))
            .when(self._is(*ON_THE_WAY), settle)
            .otherwise(self._fail("No state to update from", f"the endpoint can't be updated: {SEE}", give_up))
        )
        return find.next(found)

    def _until_in_service(self, field: str, name: str, then: sfn.IChainable, give_up: sfn.IChainable) -> sfn.IChainable:
        """Look every few seconds until the endpoint named in `$.FIELD` serves this very release, or will not.

        An update that is rolled back ends in service, too, with the configuration of before; one that another release overtook,
        with that release's.
        """
        wait, look = self._wait(f"Wait for {name}"), self._look(f"Look at {name}", field)
        look.add_catch(give_up, result_path="$.error")
        ours = sfn.Condition.string_equals_json_path("$.looked.config", "$.release")
        seen = (
            sfn.Choice(self, f"Serves: {name}?")
            .when(sfn.Condition.and_(self._is("InService"), ours), then)
            .when(
                self._is("InService"),
                self._fail(
                    f"Serves another: {name}",
                    f"{name} serves another configuration: it was rolled back, or another release came after; {SEE}",
                    give_up,
                ),
            )
            .when(self._is_late(), self._fail(f"Late: {name}", f"{name} did not come into service in time", give_up))
            .when(self._is(*ON_THE_WAY), wait)
            .otherwise(self._fail(f"Failed: {name}", f"{name} did not come into service; {SEE}", give_up))
        )
        wait.next(look).next(seen)
        return wait

    def _look(self, name: str, field: str, retry: Sequence[Mapping[str, Any]] = RETRY) -> sfn.CustomState:
        told = {"status.$": "$.EndpointStatus", "config.$": "$.EndpointConfigName"}
        return self._call(name, "describeEndpoint", {"EndpointName.$": f"$.{field}"}, told, "$.looked", retry)

    def _wait(self, name: str) -> sfn.Wait:
        return sfn.Wait(self, name, time=sfn.WaitTime.duration(Duration.seconds(POLL_SECONDS)))

    def _is(self, *statuses: str) -> sfn.Condition:
        return sfn.Condition.or_(*(sfn.Condition.string_equals("$.looked.status", one) for one in statuses))

    def _is_late(self) -> sfn.Condition:
        return sfn.Condition.timestamp_greater_than_json_path("$$.State.EnteredTime", "$.deadline")

    def _fail(self, state: str, cause: str, give_up: sfn.IChainable) -> sfn.IChainable:
        reason = sfn.Result.from_object({"Error": "EndpointFailed", "Cause": cause})
        return sfn.Pass(self, state, result=reason, result_path="$.error").next(give_up)

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
        retry: Sequence[Mapping[str, Any]] = RETRY,
        service: str = "sagemaker",
    ) -> sfn.CustomState:
        """One call of a service's API; unless asked for, its answer is dropped and what came in goes on."""
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{Aws.PARTITION}:states:::aws-sdk:{service}:{action}",
            "Parameters": parameters,
            "ResultPath": result_path,
            "Retry": retry,
        }
        return sfn.CustomState(self, name, state_json={**state, "ResultSelector": selector} if selector else state)

    def _make_alarm(self) -> None:
        """What makes SageMaker roll an update back."""
        measured = of_endpoint(ROLLBACK_METRIC, self._settings, statistic="Sum", period=Duration.minutes(1))
        measured.create_alarm(
            self,
            ROLLBACK_METRIC,
            alarm_name=self._alarm_name,
            alarm_description="The endpoint fails to answer; an update under way is rolled back",
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
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": self._alarm_name}]},
        }

    def _let_machine_deploy(self) -> None:
        name = self._settings.endpoint_name
        allow(
            self.machine,
            [f"sagemaker:{verb}Endpoint" for verb in ("Create", "Describe", "Update", "Delete")],
            [
                arn_of(self, "sagemaker", "endpoint", name),
                arn_of(self, "sagemaker", "endpoint", f"{name}-candidate-*"),
                arn_of(self, "sagemaker", "endpoint-config", f"{name}-*"),
            ],
            why="candidates and configurations are named after their version",
        )
        allow(self.machine, ["cloudwatch:DescribeAlarms"], [arn_of(self, "cloudwatch", "alarm", self._alarm_name)])
        if self._settings.scales:
            self._let_machine_scale()
        else:
            self._let_machine_set_size("application-autoscaling:DeregisterScalableTarget")
            self._let_machine_keep_alarms("cloudwatch:DeleteAlarms")

    def _let_machine_scale(self) -> None:
        """What it takes to hand the endpoint's size to Application Auto Scaling: its alarms are made with the caller's rights."""
        self._let_machine_set_size("application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy")
        self._let_machine_keep_alarms("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms")
        name = self._settings.endpoint_name
        allow(self.machine, ["sagemaker:UpdateEndpointWeightsAndCapacities"], [arn_of(self, "sagemaker", "endpoint", name)])
        allow(
            self.machine,
            ["sagemaker:DescribeEndpointConfig"],
            [arn_of(self, "sagemaker", "endpoint-config", f"{name}-*")],
            why="configurations are named after their version",
        )
        linked = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        service = "sagemaker.application-autoscaling.amazonaws.com"
        allow(
            self.machine,
            ["iam:CreateServiceLinkedRole"],
            [f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/{service}/{linked}"],
            conditions={"StringEquals": {"iam:AWSServiceName": service}},
        )

    def _let_machine_set_size(self, *actions: str) -> None:
        allow(
            self.machine,
            actions,
            [arn_of(self, "application-autoscaling", "scalable-target", "*")],
            why="a scalable target is named once it is registered",
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        )

    def _let_machine_keep_alarms(self, *actions: str) -> None:
        allow(
            self.machine,
            actions,
            [arn_of(self, "cloudwatch", "alarm", f"TargetTracking-endpoint/{self._settings.endpoint_name}/*")],
            why="Auto Scaling names its alarms itself",
        )

    def _let_release_make_models(self) -> None:
        name = self._settings.endpoint_name
        models = arn_of(self, "sagemaker", "model", f"{name}-*")
        configurations = arn_of(self, "sagemaker", "endpoint-config", f"{name}-*")
        versions = arn_of(self, "sagemaker", "model-package", f"{self._settings.model_group}/*")
        passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        for actions, resources in (
            (["sagemaker:CreateModel"], [models, versions]),
            (["sagemaker:DescribeModelPackage"], [versions]),
            (["sagemaker:DescribeModel", "sagemaker:ListTags", "sagemaker:AddTags"], [models]),
            (["sagemaker:CreateEndpointConfig"], [configurations, models]),
            (["states:DescribeExecution"], [executions_of(self, "DeployWorkflow")]),
        ):
            allow(self.release, actions, resources, why="models, configurations and executions are named after their version")
        allow(self.release, ["iam:PassRole"], [self._serving.role.role_arn], conditions=passed)
