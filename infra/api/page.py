"""The public page in the template: four methods without a key, a function behind them, one that writes, and a table of orders."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from functions import environment
from infra.functions import Functions
from infra.naming import arn_of
from infra.rights import allow, explain
from infra.settings import Settings
from infra.storage import Storage
from politico.page import desk
from politico.page.orders import EXPIRES, KEY
from politico.page.writing import LONGEST_SECONDS

LOOKS_A_TWEET = 10
"""So many times more often than it orders a page may look, for each order is looked for until it is written."""
BURST_SECONDS = 5
WAITED = Duration.minutes(1)
"""An order that was not begun by then is not worth writing any more."""


class Page(Construct):
    """Everything the page needs beside the API that it is part of. Nothing of it is made where `page_tweets_a_day` is 0."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        storage: Storage,
        root: apigateway.IResource,
        settings: Settings,
    ) -> None:
        super().__init__(scope, name)
        orders = dynamodb.Table(
            self,
            "Orders",
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRES,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if storage.key else None,
            encryption_key=storage.key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        explain(orders, {"DDB3": "an order is thrown away after an hour: a backup would keep what visitors asked for"})
        told = {
            environment.ENDPOINT: settings.endpoint_name,
            environment.ORDERS_TABLE: orders.table_name,
            environment.PAGE_TWEETS_A_DAY: str(settings.page_tweets_a_day),
        }
        endpoint = arn_of(self, "sagemaker", "endpoint", settings.endpoint_name)
        writer = functions.make(
            "PageWriter", "api.write", environment=told, timeout=Duration.seconds(LONGEST_SECONDS + 45), memory_megabytes=256
        )
        writer.configure_async_invoke(retry_attempts=0, max_event_age=WAITED)
        allow(writer, ["sagemaker:InvokeEndpointWithResponseStream"], [endpoint])
        allow(writer, ["dynamodb:PutItem"], [orders.table_arn])
        answering = functions.make(
            "Page",
            "api.page",
            environment={**told, environment.PAGE_WRITER: writer.function_name},
            timeout=Duration.seconds(desk.MODEL_SECONDS + 10),
        )
        allow(answering, ["sagemaker:InvokeEndpoint"], [endpoint])
        allow(answering, ["lambda:InvokeFunction"], [writer.function_arn])
        allow(answering, [f"dynamodb:{one}" for one in ("GetItem", "PutItem", "UpdateItem")], [orders.table_arn])
        for function in (writer, answering):
            storage.let_decrypt(function, also_encrypt=True)
        integration = apigateway.LambdaIntegration(answering, allow_test_invoke=False)
        page = root.add_resource(desk.PAGE)
        tweets = page.add_resource(desk.TWEETS.removeprefix(f"{desk.PAGE}/"))
        for resource, verb in (
            (page, "GET"),
            (page.add_resource(desk.MODEL.removeprefix(f"{desk.PAGE}/")), "GET"),
            (tweets, "POST"),
            (tweets.add_resource(f"{{{desk.ORDER}}}"), "GET"),
        ):
            method = resource.add_method(verb, integration)
            explain(method, {"APIG4": "a public page can't hide a key; it has a throttle and a daily cap", "COG4": "as above"})


def limits(settings: Settings) -> dict[str, apigateway.MethodDeploymentOptions]:
    """How often each of the page's methods may be called, for the API's stage; none where there is no page."""
    if not settings.page_tweets_a_day:
        return {}
    orders, looks = settings.page_tweets_a_second, LOOKS_A_TWEET * settings.page_tweets_a_second

    def at_most(rate: int) -> apigateway.MethodDeploymentOptions:
        return apigateway.MethodDeploymentOptions(throttling_rate_limit=rate, throttling_burst_limit=BURST_SECONDS * rate)

    return {
        f"/{desk.TWEETS}/POST": at_most(orders),
        f"/{desk.TWEETS}/{{{desk.ORDER}}}/GET": at_most(looks),
        f"/{desk.PAGE}/GET": at_most(looks),
        f"/{desk.MODEL}/GET": at_most(looks),
    }
