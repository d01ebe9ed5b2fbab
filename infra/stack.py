"""The stack: every construct, what each is granted, and the names that its users need."""

from aws_cdk import Aws, CfnCondition, CfnOutput, CfnParameter, Fn, Stack, Tags
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.api.api import Api
from infra.bundles import Bundles
from infra.catalog import Catalog
from infra.compliance.workflow import Compliance
from infra.deploy.serving import Serving
from infra.deploy.workflow import Deploy
from infra.functions import Functions
from infra.ingest.workflow import Ingest
from infra.settings import Settings
from infra.storage import Storage
from infra.train.workflow import Train
from infra.watching.alarms import Alarms
from infra.watching.budget import Budget
from infra.watching.dashboard import Dashboard
from infra.watching.undelivered import Undelivered


class PoliticoStack(Stack):
    """One stack: its parts refer to each other, and live and go together; what must outlive it is retained."""

    def __init__(self, scope: Construct, name: str, *, settings: Settings, bundles: Bundles) -> None:
        super().__init__(
            scope,
            name,
            description="politico: tweets in, a model that writes them on demand out",
            termination_protection=settings.termination_protection,
        )
        Tags.of(self).add("application", settings.stack_name)
        # A parameter, not a setting: one and the same template serves who has acknowledged X's terms and who has not.
        x_terms = CfnParameter(
            self,
            "XTermsAcknowledged",
            default="no",
            allowed_values=["no", "yes"],
            description=(
                "yes once you have read X's developer agreement and may use its content this way; until then X is not read"
            ),
        )
        x_enabled = CfnCondition(self, "XEnabled", expression=Fn.condition_equals(x_terms.value_as_string, "yes"))
        storage = Storage(self, "Storage", kms_key=settings.kms_key)
        undelivered = Undelivered(self, "Undelivered").queue
        notifications = sns.Topic(self, "Notifications", enforce_ssl=True)
        functions = Functions(
            self,
            "Functions",
            code=lambda_.Code.from_asset(str(bundles.functions)),
            service=settings.stack_name,
            layers=[
                lambda_.LayerVersion(
                    self,
                    "Libraries",
                    code=lambda_.Code.from_asset(str(bundles.layer)),
                    compatible_runtimes=[lambda_.Runtime.PYTHON_3_12],
                    description="politico: pure-Python libraries of the functions",
                ),
                lambda_.LayerVersion.from_layer_version_arn(
                    self,
                    "Pandas",
                    f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{settings.pandas_layer_account}:layer:{settings.pandas_layer}",
                ),
                lambda_.LayerVersion.from_layer_version_arn(
                    self,
                    "Powertools",
                    f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{settings.powertools_layer_account}"
                    f":layer:{settings.powertools_layer}",
                ),
            ],
        )
        serving = Serving(self, "Serving", folder=str(bundles.serving), storage=storage, settings=settings)
        ingest = Ingest(
            self,
            "Ingest",
            functions=functions,
            storage=storage,
            settings=settings,
            x_terms=x_terms.value_as_string,
            x_enabled=x_enabled,
            undelivered=undelivered,
        )
        train = Train(
            self,
            "Train",
            functions=functions,
            storage=storage,
            source=assets.Asset(self, "TrainingSource", path=str(bundles.source)),
            serving_image=serving.image,
            notifications=notifications,
            settings=settings,
        )
        serving.let_register(train.machine)
        compliance = Compliance(
            self,
            "Compliance",
            functions=functions,
            storage=storage,
            notifications=notifications,
            settings=settings,
            x_terms=x_terms.value_as_string,
            undelivered=undelivered,
        )
        deploy = Deploy(
            self,
            "Deploy",
            functions=functions,
            storage=storage,
            serving=serving,
            notifications=notifications,
            undelivered=undelivered,
            settings=settings,
        )
        api = Api(self, "Api", functions=functions, storage=storage, settings=settings)
        catalog = Catalog(self, "Catalog", storage=storage, stack_name=settings.stack_name)
        machines = {
            "Ingest": ingest.machine,
            "Compliance": compliance.machine,
            "Train": train.machine,
            "Deploy": deploy.machine,
        }
        alarms = Alarms(
            self,
            "Alarms",
            machines=machines,
            scheduled={"Ingest": ingest.machine, "Compliance": compliance.machine},
            undelivered=undelivered,
            settings=settings,
            notifications=notifications,
            x_enabled=x_enabled,
        )
        Dashboard(self, "Dashboard", machines=machines, alarms=alarms, settings=settings)
        if settings.monthly_budget:
            Budget(self, "Budget", notifications=notifications, settings=settings)
        outputs = {
            "LakeBucket": storage.lake.bucket_name,
            "LedgerTable": storage.ledger.table_name,
            "IngestWorkflow": ingest.machine.state_machine_arn,
            "ComplianceWorkflow": compliance.machine.state_machine_arn,
            "TrainWorkflow": train.machine.state_machine_arn,
            "DeployWorkflow": deploy.machine.state_machine_arn,
            "ModelGroup": settings.model_group,
            "Endpoint": settings.endpoint_name,
            "ApiUrl": api.url,
            "ApiKey": api.key_name,
            "NotificationTopic": notifications.topic_arn,
            "CatalogDatabase": catalog.database,
            "CatalogTable": catalog.table,
            "XSecret": settings.x_secret_name,
            "XMonthlyCap": str(settings.x_monthly_cap),
            "XLookupsADay": str(settings.x_lookups_a_day),
            "XExcludeRetweets": "yes" if settings.x_exclude_retweets else "no",
            "XLateHours": str(settings.x_late_hours),
        }
        if api.page_url:
            outputs["PageUrl"] = api.page_url
        for output, value in outputs.items():
            CfnOutput(self, output, value=value)
