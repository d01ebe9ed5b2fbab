"""The ingest workflow: accounts to pages, pages to annotated originals, those to the dataset's days, on a schedule."""

from collections.abc import Mapping

from aws_cdk import Annotations, CfnCondition, Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import environment
from infra.execution import execution, machine_of
from infra.functions import Functions
from infra.naming import x_secret
from infra.rights import allow
from infra.schedule import Schedule
from infra.settings import Settings
from infra.storage import Storage
from politico.lake import places

EVENT_SOURCE = "politico"
DATASET_UPDATED = "DatasetUpdated"
ACCOUNTS_AT_ONCE = 2
DAY_BATCHES_AT_ONCE = 4


class Ingest(Construct):
    """`machine` runs the workflow; its input may hold `fetch` (false: only annotate what an import stored) and `reference`."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        storage: Storage,
        settings: Settings,
        x_terms: str,
        x_enabled: CfnCondition,
        undelivered: sqs.Queue,
    ) -> None:
        super().__init__(scope, name)
        self._storage = storage
        lake = {environment.BUCKET: storage.lake.bucket_name}
        ledger = {environment.LEDGER_TABLE: storage.ledger.table_name}
        terms = {environment.X_TERMS: x_terms}
        x = {
            **terms,
            environment.X_SECRET: settings.x_secret_name,
            environment.X_MONTHLY_CAP: str(settings.x_monthly_cap),
            environment.X_EXCLUDE_RETWEETS: "yes" if settings.x_exclude_retweets else "no",
            environment.X_LATE_HOURS: str(settings.x_late_hours),
        }
        long = Duration.minutes(15)
        self.plan = functions.make("Plan", "ingest.plan", environment={**lake, **terms})
        self.fetch = functions.make("Fetch", "ingest.fetch", environment={**lake, **ledger, **x}, timeout=long)
        self.gather = functions.make("Gather", "ingest.gather", environment={**lake, **ledger}, timeout=long)
        rate = {environment.COMPREHEND_RATE: str(settings.comprehend_rate)}
        self.annotate = functions.make(
            "Annotate", "ingest.annotate", environment={**lake, **ledger, **rate}, timeout=long, memory_megabytes=1024
        )
        self.touched = functions.make("Touched", "ingest.touched", environment=lake, timeout=Duration.minutes(5))
        self.curate = functions.make("Curate", "ingest.curate", environment=lake, timeout=long, memory_megabytes=2048)
        self.report = functions.make("Report", "ingest.report", environment={**lake, **ledger}, timeout=Duration.minutes(5))
        self._grant(settings)
        self.machine = machine_of(
            self,
            comment="Tweets in, dataset out",
            definition=self._definition(settings),
            timeout=Duration.hours(23),
            functions=(self.plan, self.fetch, self.gather, self.annotate, self.touched, self.curate, self.report),
            lists=storage.lake,
        )
        storage.let_decrypt(self.machine)  # a map reads its list itself
        Schedule(
            self,
            "Nightly",
            machine=self.machine,
            expression=settings.schedule,
            time_zone=settings.time_zone,
            undelivered=undelivered,
            enabled=x_enabled,
        )

    def _grant(self, settings: Settings) -> None:
        let, note = self._storage.let, self._storage.let_note
        registry, runs, buried = places.REGISTRY_FOLDER, places.RUNS, places.TOMBSTONES
        let(self.plan, read=[registry, buried], write=[runs])
        # What is buried while they write goes again, with its versions.
        let(self.fetch, read=[places.RAW, buried], write=[places.RAW, runs], purge=[places.RAW])
        let(self.gather, read=[registry, runs], write=[runs])
        annotated = [places.ANNOTATED, runs]
        let(self.annotate, read=[registry, runs, places.RAW, buried], write=annotated, purge=annotated)
        let(self.touched, read=[registry, runs], write=[runs])
        days = [places.DATASET]
        let(self.curate, read=[registry, runs, places.ANNOTATED, *days, buried], write=[*days, runs], delete=days, purge=days)
        let(self.report, read=[runs, places.DATASET_MANIFEST], write=[runs, places.REGISTRY_CURATED])
        note(self.fetch, "GetItem", "UpdateItem", "PutItem")
        note(self.gather, "GetItem")
        note(self.annotate, "UpdateItem")
        note(self.report, "GetItem", "UpdateItem")
        allow(
            self.annotate,
            ["comprehend:BatchDetectSentiment", "comprehend:BatchDetectEntities", "comprehend:BatchDetectKeyPhrases"],
            ["*"],
            why="Comprehend's batch calls have no resource to name",
        )
        allow(
            self.fetch,
            ["secretsmanager:GetSecretValue"],
            [x_secret(self, settings.x_secret_name)],
        )

    def _definition(self, settings: Settings) -> sfn.IChainable:
        path = sfn.JsonPath
        plan = self._call("Plan", self.plan, execution())
        run = {"run": path.string_at("$.run")}
        fetch = self._each("Fetch every account", places.accounts("{}"), self._fetch_one(), ACCOUNTS_AT_ONCE)
        gather = self._call("Gather", self.gather, run, result_path="$.gathered")
        annotate = self._each_by("Annotate every part", places.parts("{}"), self.annotate, settings.annotation_concurrency)
        touched = self._call("List touched days", self.touched, run, result_path="$.touched")
        curate = self._each_by("Curate every touched day", places.touched_days("{}"), self.curate, DAY_BATCHES_AT_ONCE)
        report = self._call("Report", self.report, run)
        announce = tasks.EventBridgePutEvents(
            self,
            "Announce",
            entries=[
                tasks.EventBridgePutEventsEntry(
                    source=EVENT_SOURCE,
                    detail_type=DATASET_UPDATED,
                    detail=sfn.TaskInput.from_json_path_at("$"),
                )
            ],
            result_path=path.DISCARD,
        )
        done = report.next(announce)
        curated = curate.next(done)
        any_day = (
            sfn.Choice(self, "Any day touched?")
            .when(sfn.Condition.number_greater_than("$.touched.days", 0), curated)
            .otherwise(done)
        )
        listed = touched.next(any_day)
        any_item = (
            sfn.Choice(self, "Anything to annotate?")
            .when(sfn.Condition.number_greater_than("$.gathered.parts", 0), annotate.next(listed))
            .otherwise(listed)
        )
        gathered = gather.next(any_item)
        any_account = (
            sfn.Choice(self, "Anybody to ask for?")
            .when(sfn.Condition.number_greater_than("$.accounts", 0), fetch.next(gathered))
            .otherwise(gathered)
        )
        return plan.next(any_account)

    def _fetch_one(self) -> sfn.IChainable:
        """One account: again while there is more, after the reset when X asks to wait; what fails stands in the report."""
        fetch = tasks.LambdaInvoke(
            self,
            "Fetch",
            lambda_function=self.fetch,
            payload_response_only=True,
            result_path="$.fetched",
        )
        failed = self._ended("Account failed")
        fetch.add_catch(failed)
        wait = sfn.Wait(self, "Wait for X", time=sfn.WaitTime.timestamp_path("$.fetched.until")).next(fetch)
        done = self._ended("Account done")
        return fetch.next(
            sfn.Choice(self, "What next?")
            .when(sfn.Condition.string_equals("$.fetched.status", "more"), fetch)
            .when(sfn.Condition.string_equals("$.fetched.status", "wait"), wait)
            .otherwise(done)
        )

    def _call(
        self, name: str, function: lambda_.Function, payload: Mapping[str, object], result_path: str | None = None
    ) -> tasks.LambdaInvoke:
        return tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload),
            payload_response_only=True,
            result_path=result_path or "$",
        )

    def _each_by(self, name: str, list_key: str, function: lambda_.Function, at_once: int) -> sfn.DistributedMap:
        """Call the function for every item of a list in the lake; what fails is missing from the lake, and so in the report."""
        call = tasks.LambdaInvoke(
            self, f"{name}: one", lambda_function=function, payload_response_only=True, output_path=sfn.JsonPath.DISCARD
        )
        call.add_retry(max_attempts=2, interval=Duration.seconds(2), backoff_rate=2)
        call.add_catch(self._ended(f"{name}: failed"))
        return self._each(name, list_key, call, at_once)

    def _ended(self, name: str) -> sfn.Pass:
        """An item's end. It hands on nothing: what all items hand on is gathered, whatever becomes of it, and may be 256 KB."""
        return sfn.Pass(self, name, output_path=sfn.JsonPath.DISCARD)

    def _each(self, name: str, list_key: str, work: sfn.IChainable, at_once: int) -> sfn.DistributedMap:
        """Do this for every item of a list in the lake. No state holds the list: it may be longer than a state may be."""
        each = sfn.DistributedMap(
            self,
            name,
            item_reader=sfn.S3JsonItemReader(
                bucket=self._storage.lake, key=sfn.JsonPath.format(list_key, sfn.JsonPath.string_at("$.run"))
            ),
            max_concurrency=at_once,
            result_path=sfn.JsonPath.DISCARD,
            map_execution_type=sfn.StateMachineType.STANDARD,
        )
        each.item_processor(work, mode=sfn.ProcessorMode.DISTRIBUTED, execution_type=sfn.ProcessorType.STANDARD)
        Annotations.of(each).acknowledge_warning(
            "@aws-cdk/aws-stepfunctions:propertyIgnored",
            "CDK asks for the processor's type, and warns that it reads the map's",
        )
        return each
