"""What an operator is told without asking: failed runs, runs that did not come, what is spent, and what failed within a run."""

from collections.abc import Mapping

from aws_cdk import CfnCondition, CfnResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from functions import telemetry
from infra.naming import arn_of
from infra.settings import Settings
from politico.models.packages import VARIANT

ENDINGS = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
"""How a run may end badly. One alarm each: where a sum is made of metrics that may be missing, an alarm may miss one."""
WITHIN_A_RUN = {
    telemetry.ACCOUNTS_FAILED: "accounts could not be read, or not to their end",
    telemetry.PARTS_FAILED: "parts of a run could not be annotated; the next run takes them up",
    telemetry.DAYS_FAILED: "days of the dataset could not be rebuilt; the next run takes them up",
}
DOWN = ("FAILED", "OUT_OF_SERVICE", "UPDATE_ROLLBACK_FAILED")
"""What an endpoint does not come out of by itself, as events write it."""
_HOUR = Duration.hours(1)
"""Nothing here is more urgent, and with periods from an hour on alarms look back as far as a week."""


class Alarms(Construct):
    """Alarms that go to `notifications`. Every machine is watched for failures, the `scheduled` ones for lag as well: those
    only under `x_enabled`, as nothing is due before."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        machines: Mapping[str, sfn.StateMachine],
        scheduled: Mapping[str, sfn.StateMachine],
        undelivered: sqs.Queue,
        settings: Settings,
        notifications: sns.Topic,
        x_enabled: CfnCondition,
    ) -> None:
        super().__init__(scope, name)
        self._notifications = notifications
        self.always: list[cloudwatch.Alarm] = []
        """All that exist whether X may be read or not: nothing can refer to the others."""
        self._let_alarms_publish()
        for called, machine in machines.items():
            for ending in ENDINGS:
                self._alarm(
                    f"{called}{ending}",
                    f"{called}: {ending}; the execution's history says why",
                    machine.metric(ending, statistic="Sum", period=_HOUR),
                )
        for called, machine in scheduled.items():
            self._watch_lag(called, machine, settings.lag_hours, x_enabled)
        for metric, meaning in WITHIN_A_RUN.items():
            self._alarm(metric, f"{meaning}; the run's report says which", of_functions(metric, settings))
        self._alarm(
            "Undelivered",
            "an event or a schedule could not start its workflow; the queue holds it for two weeks",
            undelivered.metric_approximate_number_of_messages_visible(statistic="Maximum", period=_HOUR),
        )
        self._watch_endpoint(settings)
        self._alarm(
            telemetry.CAP_SPENT,
            f"{settings.spending_alarm_percent:g} % of the month's {settings.x_monthly_cap} posts are spent",
            of_functions(telemetry.CAP_SPENT, settings),
            threshold=settings.spending_alarm_percent,
            missing=cloudwatch.TreatMissingData.IGNORE,  # between two runs it stays as it was
        )

    def _watch_endpoint(self, settings: Settings) -> None:
        """Not the alarm that rolls an update back (infra/deploy): these call a person, whatever goes on."""
        minutes = Duration.minutes(5)
        self._alarm(
            "EndpointFails",
            "the endpoint failed to answer five times in five minutes; its log says why",
            of_endpoint("Invocation5XXErrors", settings, statistic="Sum", period=minutes),
            threshold=5,
        )
        self._alarm(
            "EndpointSlow",
            f"for a quarter of an hour an answer in ten has taken longer than {settings.latency_alarm_seconds:g} seconds",
            of_endpoint("ModelLatency", settings, statistic="p90", period=minutes),
            threshold=settings.latency_alarm_seconds * 1_000_000,
            periods=3,
        )
        rule = events.Rule(
            self,
            "EndpointDown",
            description="The endpoint serves no more",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Endpoint State Change"],
                detail={"EndpointName": [settings.endpoint_name], "EndpointStatus": list(DOWN)},
            ),
        )
        rule.add_target(targets.SnsTopic(self._notifications))

    def _watch_lag(self, called: str, machine: sfn.StateMachine, hours: int, x_enabled: CfnCondition) -> None:
        """No success in any hour of so many. A new deployment lags until its first run."""
        lag = self._alarm(
            f"{called}Lag",
            f"{called}: no run has succeeded for {hours} hours",
            machine.metric_succeeded(statistic="Sum", period=_HOUR),
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=hours,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self.always.remove(lag)
        resource = lag.node.default_child
        assert isinstance(resource, CfnResource), "an alarm is one resource"
        resource.cfn_options.condition = x_enabled

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.Metric,
        *,
        threshold: float = 1,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        alarm = metric.create_alarm(
            self,
            name,
            alarm_description=description,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self._notifications))
        self.always.append(alarm)
        return alarm

    def _let_alarms_publish(self) -> None:
        """A topic with a policy of its own has lost the one that lets its account's alarms in."""
        self._notifications.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self._notifications.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": arn_of(self, "cloudwatch", "alarm", "*")},
                },
            )
        )


def of_functions(metric: str, settings: Settings, period: Duration = _HOUR) -> cloudwatch.Metric:
    """One of the functions' own metrics, at its worst of the period."""
    return cloudwatch.Metric(
        namespace=telemetry.NAMESPACE,
        metric_name=metric,
        dimensions_map={"service": settings.stack_name},
        statistic="Maximum",
        period=period,
    )


def of_endpoint(metric: str, settings: Settings, *, statistic: str, period: Duration) -> cloudwatch.Metric:
    """One of SageMaker's metrics of the endpoint."""
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions_map={"EndpointName": settings.endpoint_name, "VariantName": VARIANT},
        statistic=statistic,
        period=period,
    )
