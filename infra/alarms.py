"""What an operator is told without asking: failed runs, runs that did not come, what is spent, and what failed within a run."""

from collections.abc import Mapping

from aws_cdk import CfnCondition, CfnResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from functions import telemetry
from infra.naming import arn_of
from infra.settings import Settings

ENDINGS = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
"""How a run may end badly. One alarm each: where a sum is made of metrics that may be missing, an alarm may miss one."""
WITHIN_A_RUN = {
    telemetry.ACCOUNTS_FAILED: "accounts could not be read, or not to their end",
    telemetry.PARTS_FAILED: "parts of a run could not be annotated; the next run takes them up",
    telemetry.DAYS_FAILED: "days of the dataset could not be rebuilt; the next run takes them up",
}
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
        settings: Settings,
        notifications: sns.Topic,
        x_enabled: CfnCondition,
    ) -> None:
        super().__init__(scope, name)
        self._notifications = notifications
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
            self._alarm(metric, f"{meaning}; the run's report says which", _ours(metric))
        self._alarm(
            telemetry.CAP_SPENT,
            f"{settings.spending_alarm_percent:g} % of the month's {settings.x_monthly_cap} posts are spent",
            _ours(telemetry.CAP_SPENT),
            threshold=settings.spending_alarm_percent,
            missing=cloudwatch.TreatMissingData.IGNORE,  # between two runs it stays as it was
        )

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


def _ours(metric: str) -> cloudwatch.Metric:
    """One of the functions' own metrics, at its worst of an hour."""
    return cloudwatch.Metric(
        namespace=telemetry.NAMESPACE,
        metric_name=metric,
        dimensions_map={"service": telemetry.SERVICE},
        statistic="Maximum",
        period=_HOUR,
    )
