"""Alarms: what an operator is told without asking, within CloudWatch's own limits, and over a topic that lets them in."""

import json
from typing import Any

import pytest

from functions.telemetry import NAMESPACE, UNITS
from infra.settings import LONGEST_LAG_HOURS, Settings
from infra.watching.alarms import ENDINGS, WITHIN_A_RUN
from politico.errors import LimitError
from tests.support.template import Template

HOUR, DAY = 3600, 24 * 3600


def told(template: Template) -> list[dict[str, Any]]:
    """The alarms that tell somebody; those that only roll a release back have no action."""
    return [one for one in template.all("AWS::CloudWatch::Alarm") if one.get("AlarmActions")]


def of_metric(template: Template, namespace: str, name: str) -> list[dict[str, Any]]:
    return [one for one in told(template) if (one["Namespace"], one["MetricName"]) == (namespace, name)]


def machine_of(alarm: dict[str, Any]) -> str:
    (dimension,) = alarm["Dimensions"]
    assert dimension["Name"] == "StateMachineArn"
    reference: str = dimension["Value"]["Ref"]
    return reference


def test_every_machine_raises_an_alarm_however_a_run_fails(template: Template) -> None:
    machines = {name for name, _properties in template.assembly.resources("AWS::StepFunctions::StateMachine")}
    for ending in ENDINGS:
        alarms = of_metric(template, "AWS/States", ending)
        assert {machine_of(one) for one in alarms} == machines, ending
        for one in alarms:
            assert (one["Statistic"], one["ComparisonOperator"]) == ("Sum", "GreaterThanOrEqualToThreshold")
            assert (one["Threshold"], one["EvaluationPeriods"], one["TreatMissingData"]) == (1, 1, "notBreaching")


def test_what_is_scheduled_raises_an_alarm_when_it_did_not_succeed_for_too_long_once_x_may_be_read(template: Template) -> None:
    lags = of_metric(template, "AWS/States", "ExecutionsSucceeded")
    assert template.assembly.template["Outputs"]["IngestWorkflow"]["Value"]["Ref"] in {machine_of(one) for one in lags}
    for one in lags:
        assert one["Period"] * one["EvaluationPeriods"] == Settings().lag_hours * HOUR
        assert one.get("DatapointsToAlarm", one["EvaluationPeriods"]) == one["EvaluationPeriods"]
        # Nothing ran, nothing is measured: that is just what the alarm is for.
        assert (one["ComparisonOperator"], one["Threshold"], one["TreatMissingData"]) == ("LessThanThreshold", 1, "breaching")
    wholes = [one for one in template.assembly.template["Resources"].values() if one.get("Properties") in lags]
    assert len(wholes) == len(lags)
    assert {one.get("Condition") for one in wholes} == {"XEnabled"}


def test_the_schedules_period_lies_within_the_lag(template: Template) -> None:
    assert Settings().lag_hours > 24, "a daily run that takes as long as the day before's would raise an alarm"


def test_the_spending_alarm_begins_at_its_share_and_holds_between_two_runs(template: Template) -> None:
    (alarm,) = of_metric(template, NAMESPACE, "CapSpent")
    assert (alarm["Threshold"], alarm["Statistic"]) == (Settings().spending_alarm_percent, "Maximum")
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("GreaterThanOrEqualToThreshold", "ignore")


@pytest.mark.parametrize("metric", sorted(WITHIN_A_RUN))
def test_one_failure_within_a_run_is_enough_for_an_alarm(template: Template, metric: str) -> None:
    (alarm,) = of_metric(template, NAMESPACE, metric)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Maximum", "notBreaching")


def test_alarms_watch_metrics_that_the_functions_send_as_they_send_them(template: Template) -> None:
    ours = [one for one in told(template) if one["Namespace"] == NAMESPACE]
    assert {one["MetricName"] for one in ours} <= set(UNITS)
    assert {str(one["Dimensions"]) for one in ours} == {str([{"Name": "service", "Value": Settings().stack_name}])}


def test_every_alarm_tells_the_operator_and_is_within_cloudwatchs_limits(template: Template) -> None:
    (topic,) = (name for name, _properties in template.assembly.resources("AWS::SNS::Topic"))
    for one in told(template):
        assert one["AlarmActions"] == [{"Ref": topic}]
        assert "AlarmName" not in one
        assert one["AlarmDescription"]
        assert one["Period"] % 60 == 0
        # A week at most; with periods below an hour a day.
        assert one["Period"] * one["EvaluationPeriods"] <= (7 * DAY if one["Period"] >= HOUR else DAY)


def test_the_topic_lets_the_accounts_own_alarms_in(template: Template) -> None:
    # The topic's policy that refuses what is not encrypted took the place of the one that let alarms in.
    allowed = [one for one in template.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    by_service = {one["Principal"]["Service"]: one for one in template.resolve(allowed)}
    assert set(by_service) == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.amazonaws.com"}
    assert {one["Action"] for one in by_service.values()} == {"sns:Publish"}
    statement = by_service["cloudwatch.amazonaws.com"]
    conditions = statement["Condition"]
    assert conditions["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert conditions["ArnLike"] == {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"}


def test_what_is_not_delivered_raises_an_alarm_and_is_kept(template: Template) -> None:
    (queue,) = (name for name, _properties in template.assembly.resources("AWS::SQS::Queue"))
    (alarm,) = of_metric(template, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    letters = {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    for schedule in template.all("AWS::Scheduler::Schedule"):
        assert schedule["Target"]["DeadLetterConfig"] == letters
    starting = [one for one in template.all("AWS::Events::Rule") if "SageMaker Model Package" in str(one["EventPattern"])]
    assert [one["Targets"][0]["DeadLetterConfig"] for one in starting] == [letters]


def test_an_endpoint_that_fails_is_slow_or_is_down_calls_a_person(template: Template) -> None:
    endpoint = [{"Name": "EndpointName", "Value": "politico"}, {"Name": "VariantName", "Value": "AllTraffic"}]
    (fails,), (slow,) = (of_metric(template, "AWS/SageMaker", one) for one in ("Invocation5XXErrors", "ModelLatency"))
    assert fails["Dimensions"] == slow["Dimensions"] == endpoint
    assert slow["Threshold"] == Settings().latency_alarm_seconds * 1_000_000, "SageMaker measures it in microseconds"
    (down,) = [one for one in template.all("AWS::Events::Rule") if "Endpoint State" in str(one["EventPattern"])]
    (topic,) = (name for name, _properties in template.assembly.resources("AWS::SNS::Topic"))
    assert down["EventPattern"]["detail"]["EndpointName"] == ["politico"]
    assert [one["Arn"] for one in down["Targets"]] == [{"Ref": topic}]


def test_the_dashboard_shows_every_machine_the_tweets_and_the_endpoint(template: Template) -> None:
    body = json.dumps(template.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for name, _properties in template.assembly.resources("AWS::StepFunctions::StateMachine"):
        assert name in body
    for metric in ("RowsWritten", "CapSpent", "PartsFailed", "Invocations", "ModelLatency"):
        assert metric in body


def test_a_budget_tells_before_the_month_is_over(template: Template) -> None:
    budget = template.one("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": Settings().monthly_budget, "Unit": "USD"}
    kinds = {one["Notification"]["NotificationType"] for one in budget["NotificationsWithSubscribers"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lag_hours": 0}, "lag_hours is 0; CloudWatch looks back 1 to 168 hours"),
        ({"lag_hours": LONGEST_LAG_HOURS + 1}, "lag_hours is 169"),
        ({"spending_alarm_percent": 0.0}, "spending_alarm_percent is 0.0"),
        ({"spending_alarm_percent": 101.0}, "spending_alarm_percent is 101.0; it takes more than 0 and at most 100"),
    ],
)
def test_an_alarm_that_could_not_be_made_or_never_rung_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LimitError, match=said):
        Settings(**given)
