"""Where events and schedules end that could not start their workflow: a queue that raises an alarm."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.rights import explain

KEPT = Duration.days(14)
"""As long as a queue can."""


class Undelivered(Construct):
    """`queue` holds what was not delivered after all attempts."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.queue = sqs.Queue(self, "Queue", retention_period=KEPT, enforce_ssl=True, encryption=sqs.QueueEncryption.SQS_MANAGED)
        explain(self.queue, {"SQS3": "it is itself where undelivered messages go"})
