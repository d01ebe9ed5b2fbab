"""What the account may cost in a month before somebody is told."""

from aws_cdk import Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.settings import Settings

LEVELS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""What is told of, in percent of the budget."""


class Budget(Construct):
    """The whole account's bill: one of a tag alone would be silent until somebody lets bills know the tag."""

    def __init__(self, scope: Construct, name: str, *, notifications: sns.Topic, settings: Settings) -> None:
        super().__init__(scope, name)
        notifications.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                resources=[notifications.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        subscriber = budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=notifications.topic_arn)
        budgets.CfnBudget(
            self,
            "Month",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=settings.monthly_budget, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent, threshold_type="PERCENTAGE"
                    ),
                    subscribers=[subscriber],
                )
                for kind, percent in LEVELS
            ],
        )
