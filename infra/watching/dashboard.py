"""One page that shows what the stack does: runs, tweets, money, and the endpoint."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from functions import telemetry
from infra.settings import Settings
from infra.watching.alarms import Alarms, of_endpoint, of_functions

_DAY = Duration.days(1)
_MINUTES = Duration.minutes(5)
WIDTH, HALF = 24, 12


class Dashboard(Construct):
    """Named after the stack."""

    def __init__(
        self, scope: Construct, name: str, *, machines: Mapping[str, sfn.StateMachine], alarms: Alarms, settings: Settings
    ) -> None:
        super().__init__(scope, name)
        endings = {"succeeded": "ExecutionsSucceeded", "failed": "ExecutionsFailed"}
        counts = ("PostsRead", "PostsKept", "PostsFiltered", "PostsRejected", "RowsWritten")
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=settings.stack_name,
            default_interval=Duration.days(14),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms.always, width=WIDTH, height=4)],
                [
                    self._graph(
                        "Runs a day",
                        *(
                            machine.metric(metric, statistic="Sum", period=_DAY, label=f"{called} {ending}")
                            for called, machine in machines.items()
                            for ending, metric in endings.items()
                        ),
                    ),
                    self._graph("Tweets of a run", *(of_functions(one, settings, period=_DAY) for one in counts)),
                ],
                [
                    self._graph("Spent of the month's posts, in percent", of_functions(telemetry.CAP_SPENT, settings)),
                    self._graph(
                        "Failed within a run",
                        *(
                            of_functions(one, settings)
                            for one in (telemetry.ACCOUNTS_FAILED, telemetry.PARTS_FAILED, telemetry.DAYS_FAILED)
                        ),
                    ),
                ],
                [
                    self._graph(
                        "Requests to the endpoint",
                        *(
                            of_endpoint(one, settings, statistic="Sum", period=_MINUTES)
                            for one in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
                        ),
                    ),
                    self._graph(
                        "How long an answer takes, in microseconds",
                        *(of_endpoint("ModelLatency", settings, statistic=one, period=_MINUTES) for one in ("p50", "p90", "p99")),
                    ),
                ],
            ],
        )

    def _graph(self, title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=HALF, height=6)
