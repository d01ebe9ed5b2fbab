"""A REST API for apps without AWS credentials: a key, a quota, and behind it the endpoint."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from functions import environment
from infra.api.page import Page, limits
from infra.functions import Functions
from infra.naming import arn_of
from infra.rights import allow, explain
from infra.settings import Settings
from infra.storage import Storage
from politico.page import desk

STAGE, PATH = "v1", "tweets"
BURST_SECONDS = 2
"""So many seconds' requests may come at once."""


class Api(Construct):
    """`url` takes a POST with the header `x-api-key`; `key_name` is the key's name; `page_url` is empty without a page."""

    def __init__(self, scope: Construct, name: str, *, functions: Functions, storage: Storage, settings: Settings) -> None:
        super().__init__(scope, name)
        self.tweets = functions.make(
            "Tweets",
            "api.tweets",
            environment={environment.ENDPOINT: settings.endpoint_name, environment.API_ORIGIN: settings.api_origin},
            timeout=Duration.seconds(30),
        )
        allow(self.tweets, ["sagemaker:InvokeEndpoint"], [arn_of(self, "sagemaker", "endpoint", settings.endpoint_name)])
        api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=settings.stack_name,
            description="politico: a tweet on demand",
            cloud_watch_role=False,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE, tracing_enabled=True, method_options=limits(settings) or None
            ),
            default_cors_preflight_options=self._cors(settings.api_origin),
        )
        method = api.root.add_resource(PATH).add_method(
            "POST", apigateway.LambdaIntegration(self.tweets, allow_test_invoke=False), api_key_required=True
        )
        if settings.api_origin:
            self._let_browsers_read_refusals(api, settings.api_origin)
        self.page_url = ""
        if settings.page_tweets_a_day:
            Page(self, "Page", functions=functions, storage=storage, root=api.root, settings=settings)
            self.page_url = self._address(api, desk.PAGE)
        self.key_name = settings.stack_name
        plan = api.add_usage_plan(
            "Plan",
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.api_requests_a_second, burst_limit=BURST_SECONDS * settings.api_requests_a_second
            ),
            quota=apigateway.QuotaSettings(limit=settings.api_requests_a_day, period=apigateway.Period.DAY),
        )
        plan.add_api_stage(stage=api.deployment_stage)
        plan.add_api_key(api.add_api_key("Key", api_key_name=self.key_name))
        self.url = self._address(api, PATH)
        explain(
            api,
            {
                "APIG1": "its log takes a role that is the whole account's; the function logs each request, without its words",
                "APIG2": "the endpoint itself checks a request, and says in words what is wrong with it",
                "APIG3": "a firewall bills at rest; a key, its throttle and its quota stand before the function",
                "APIG4": "apps have keys, whose use is counted and limited; there are no users",
                "APIG6": "as for its access log",
                "COG4": "apps have keys; there are no users",
            },
        )
        explain(method, {"APIG4": "an app has a key", "COG4": "there are no users"})

    def _address(self, api: apigateway.RestApi, path: str) -> str:
        return f"https://{api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}/{STAGE}/{path}"

    def _cors(self, origin: str) -> apigateway.CorsOptions | None:
        """Browsers ask before they send a key; only where an origin is named."""
        if not origin:
            return None
        return apigateway.CorsOptions(
            allow_origins=[origin], allow_methods=["POST"], allow_headers=["Content-Type", "x-api-key"], max_age=Duration.hours(1)
        )

    def _let_browsers_read_refusals(self, api: apigateway.RestApi, origin: str) -> None:
        """API Gateway's own refusals, of a wrong key or too many requests."""
        for kind in (apigateway.ResponseType.DEFAULT_4_XX, apigateway.ResponseType.DEFAULT_5_XX):
            api.add_gateway_response(
                f"Readable{kind.response_type}", type=kind, response_headers={"Access-Control-Allow-Origin": f"'{origin}'"}
            )
