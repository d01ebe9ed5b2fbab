"""The compliance workflow: what X has deleted, protected or withheld, and what was forgotten by hand, out of everything kept."""

from collections.abc import Mapping

from aws_cdk import Duration, Size
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import environment
from infra.execution import execution, machine_of
from infra.functions import Functions
from infra.naming import model_versions, x_secret
from infra.rights import allow
from infra.schedule import Schedule
from infra.settings import Settings
from infra.storage import Storage
from politico.forgetting.sweeping import PHASES
from politico.lake import places

PARTS_AT_ONCE = 4


class Compliance(Construct):
    """`machine` runs the workflow; its input may hold `ask` (false: only sweep what is buried)."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        storage: Storage,
        notifications: sns.ITopic,
        settings: Settings,
        x_terms: str,
        undelivered: sqs.Queue,
    ) -> None:
        super().__init__(scope, name)
        self._storage, self._settings, self._notifications = storage, settings, notifications
        lake = {environment.BUCKET: storage.lake.bucket_name}
        ledger = {environment.LEDGER_TABLE: storage.ledger.table_name}
        x = {
            environment.X_TERMS: x_terms,
            environment.X_SECRET: settings.x_secret_name,
            environment.X_MONTHLY_CAP: str(settings.x_monthly_cap),
            environment.X_LOOKUPS_A_DAY: str(settings.x_lookups_a_day),
        }
        long = Duration.minutes(15)
        # Both may hold the ids of everything that is stored.
        self.ask = functions.make(
            "Ask", "compliance.ask", environment={**lake, **ledger, **x}, timeout=long, memory_megabytes=2048
        )
        secret = {environment.X_SECRET: settings.x_secret_name}
        self.hear = functions.make("Hear", "compliance.hear", environment={**lake, **secret}, timeout=long, memory_megabytes=2048)
        self.survey = functions.make("Survey", "compliance.survey", environment=lake, timeout=Duration.minutes(5))
        self.sweep = functions.make(
            "Sweep", "compliance.sweep", environment=lake, timeout=long, memory_megabytes=2048, storage=Size.gibibytes(10)
        )
        self.conclude = functions.make(
            "Settle",
            "compliance.conclude",
            environment={**lake, **ledger, environment.MODEL_GROUP: settings.model_group},
            timeout=long,
            memory_megabytes=1024,
        )
        self._grant()
        self.machine = machine_of(
            self,
            comment="What must go, out of everything kept",
            definition=self._definition(),
            timeout=Duration.hours(23),
            functions=(self.ask, self.hear, self.survey, self.sweep, self.conclude),
        )
        # Also where X is not read: what is forgotten by hand is swept once more the day after.
        Schedule(
            self,
            "Daily",
            machine=self.machine,
            expression=settings.compliance_schedule,
            time_zone=settings.time_zone,
            undelivered=undelivered,
        )

    def _definition(self) -> sfn.IChainable:
        path = sfn.JsonPath
        survey = self._call("Survey", self.survey, execution(), "$.survey")
        found = {
            "run": path.string_at("$.survey.run"),
            "began": path.string_at("$.survey.began"),
            "parts": path.object_at("$.survey.parts"),
        }
        conclude = self._call("Settle", self.conclude, found, "$.settled")
        sweeps = [self._sweep(phase) for phase in PHASES]
        for one, then in zip(sweeps, [*sweeps[1:], conclude], strict=True):
            one.next(then)
        any_part = sfn.Condition.is_present("$.survey.parts[0]")
        survey.next(sfn.Choice(self, "Anything to sweep?").when(any_part, sweeps[0]).otherwise(conclude))
        conclude.next(self._end())
        return self._ask(then=survey)

    def _ask(self, then: sfn.IChainable) -> sfn.IChainable:
        """Ask X, and wait for its jobs. Whatever fails, what is buried already is swept, and the run fails after that."""
        ask = self._call("Ask X", self.ask, execution(), "$.asked")
        hear = self._call("Hear", self.hear, None, "$.asked", input_path="$.asked")
        for one in (ask, hear):
            one.add_catch(then, result_path="$.failure")
        wait = sfn.Wait(self, "Wait for X's jobs", time=sfn.WaitTime.timestamp_path("$.asked.until")).next(hear)
        waiting = sfn.Condition.string_equals("$.asked.status", "wait")
        hear.next(sfn.Choice(self, "Jobs done?").when(waiting, wait).otherwise(then))
        return ask.next(sfn.Choice(self, "Any jobs?").when(sfn.Condition.is_present("$.asked.jobs[0]"), hear).otherwise(then))

    def _end(self) -> sfn.IChainable:
        """Tell what is new of models, and fail where X did not answer."""
        unanswered = sfn.Fail(
            self,
            "X was not asked",
            error="XNotAsked",
            cause="what is buried was swept, but X could not be asked what else must go; the log of "
            "functions/compliance/ask or functions/compliance/hear says why, and the next run asks again",
        )
        asked = (
            sfn.Choice(self, "X asked?")
            .when(sfn.Condition.or_(*map(sfn.Condition.is_present, ("$.failure", "$.asked.failure"))), unanswered)
            .otherwise(sfn.Succeed(self, "Done", output_path="$.settled"))
        )
        tell = tasks.SnsPublish(
            self,
            "Tell which models are concerned",
            topic=self._notifications,
            subject="politico: models saw what had to be removed",
            message=sfn.TaskInput.from_json_path_at("$.settled"),
            result_path=sfn.JsonPath.DISCARD,
        )
        return (
            sfn.Choice(self, "Any news?")
            .when(sfn.Condition.boolean_equals("$.settled.news", True), tell.next(asked))
            .otherwise(asked)
        )

    def _sweep(self, phase: str) -> sfn.Map:
        """Every part, side by side; one that fails fails the run, and the next run sweeps everything again."""
        each = sfn.Map(
            self,
            f"Sweep {phase}",
            items_path="$.survey.parts",
            max_concurrency=PARTS_AT_ONCE,
            item_selector={
                "phase": phase,
                "run": sfn.JsonPath.string_at("$$.Map.Item.Value.run"),
                "part": sfn.JsonPath.number_at("$$.Map.Item.Value.part"),
                "of": sfn.JsonPath.number_at("$$.Map.Item.Value.of"),
            },
            result_path=sfn.JsonPath.DISCARD,
        )
        call = tasks.LambdaInvoke(self, f"Sweep {phase}: one", lambda_function=self.sweep, payload_response_only=True)
        call.add_retry(max_attempts=2, interval=Duration.seconds(2), backoff_rate=2)
        each.item_processor(call)
        return each

    def _call(
        self,
        name: str,
        function: lambda_.Function,
        payload: Mapping[str, object] | None,
        result_path: str,
        input_path: str | None = None,
    ) -> tasks.LambdaInvoke:
        """Without a payload the function is given what `input_path` leads to."""
        return tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(payload) if payload else None,
            payload_response_only=True,
            input_path=input_path,
            result_path=result_path,
        )

    def _grant(self) -> None:
        let, note = self._storage.let, self._storage.let_note
        compliance, buried = places.COMPLIANCE, places.TOMBSTONES
        for function in (self.ask, self.hear):
            let(function, read=[places.RAW, compliance], write=[compliance, buried])
            allow(function, ["secretsmanager:GetSecretValue"], [x_secret(self, self._settings.x_secret_name)])
        let(self.survey, read=[compliance])
        swept = [
            places.RAW,
            places.ANNOTATED,
            places.DATASET,
            places.RUNS,
            places.REGISTRY_FOLDER,
            places.MODELS,
            places.CORPORA,
        ]
        rows = [places.RAW, places.ANNOTATED, places.DATASET]
        let(self.sweep, read=[*swept, buried], write=[*swept, compliance, buried], delete=rows, purge=swept)
        let(
            self.conclude,
            read=[compliance, places.MODELS, buried],
            write=[compliance, buried],
            purge=[places.COMPLIANCE_CHANGED, f"{places.CORPORA}{places.RUNS}", buried],
        )
        note(self.ask, "GetItem", "UpdateItem")
        note(self.conclude, "Scan", "UpdateItem", "DeleteItem")
        allow(
            self.conclude,
            ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"],
            model_versions(self, self._settings.model_group),
            why="versions are numbered as they come",
        )
