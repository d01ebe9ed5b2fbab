"""The train workflow: a corpus and the dataset to a base model, a control model, its evaluation, and a version to approve."""

from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import environment
from infra.execution import execution, executions_of, machine_of
from infra.functions import Functions
from infra.naming import arn_of, model_versions
from infra.rights import PULL, allow
from infra.settings import Settings
from infra.storage import Storage
from infra.train import jobs
from politico.lake import places
from politico.models.experiment import BASE, CASUAL, CONTROL

CONTENT_TYPE = "application/json"
PASSING = ("CapacityError", "InternalServerError")
"""How the reason of a job begins that failed for SageMaker's own reasons."""
CAPACITY_WAITS = 12
"""How often, in one run, machines that AWS has none of at the moment are waited for."""
CAPACITY_WAIT = Duration.minutes(15)


class Train(Construct):
    """`machine` runs the workflow on `{"experiment": …, "corpus": …, "overrides": {…}}`; given `{"resume": RUN}`, on what that
    run has not made yet. `group` holds the versions."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        storage: Storage,
        source: assets.Asset,
        serving_image: str,
        notifications: sns.ITopic,
        settings: Settings,
    ) -> None:
        super().__init__(scope, name)
        self._storage, self._settings, self._notifications = storage, settings, notifications
        self._source, self._serving_image = source, serving_image
        self.group = sagemaker.CfnModelPackageGroup(self, "Models", model_package_group_name=settings.model_group)
        lake = {environment.BUCKET: storage.lake.bucket_name}
        self.prepare = functions.make(
            "Prepare",
            "train.prepare",
            environment={
                **lake,
                environment.MODEL_GROUP: settings.model_group,
                environment.TRAINING_MACHINES: f"{settings.training_instances} {settings.training_instance}",
                environment.PROCESSING_INSTANCE: settings.processing_instance,
            },
        )
        allow(
            self.prepare,
            ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"],
            model_versions(self, settings.model_group),
            why="versions are numbered as they come",
        )
        allow(
            self.prepare,
            ["sagemaker:DescribeTrainingJob"],
            [arn_of(self, "sagemaker", "training-job", "*")],
            why="a run that is taken up again may be any",
        )
        allow(
            self.prepare,
            ["states:DescribeExecution"],
            [executions_of(self, "TrainWorkflow")],
            why="the one that a run was last in may be any",
        )
        allow(self.prepare, ["servicequotas:ListServiceQuotas"], ["*"], why="a list of quotas has no resource to name")
        shards = f"{places.CORPORA}{places.RUNS}"
        storage.let(
            self.prepare,
            read=[places.MODELS, places.DATASET_MANIFEST, shards],
            write=[places.MODELS],
            delete=[places.CHECKPOINTS],
        )
        self.gate = functions.make("Gate", "train.gate", environment=lake)
        storage.let(self.gate, read=[places.MODELS])
        self.job_role = self._job_role()
        self._training_image = (
            f"{settings.training_image_account}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}/{settings.training_image}"
        )
        self.machine = machine_of(
            self,
            comment="Corpus and dataset in, a model version to approve out",
            definition=self._definition(),
            timeout=Duration.hours(2 * (settings.training_hours + settings.spot_wait_hours) + 24),
            functions=(self.prepare, self.gate),
        )
        self._let_machine_run_jobs()

    def _definition(self) -> sfn.IChainable:
        prepare = tasks.LambdaInvoke(
            self,
            "Prepare",
            lambda_function=self.prepare,
            payload=sfn.TaskInput.from_object({**execution(), "execution": sfn.JsonPath.string_at("$$.Execution.Id")}),
            payload_response_only=True,
        )
        failed = sfn.Fail(self, "Training failed", error="TrainingFailed", cause_path="$.error.Cause")
        tell = tasks.SnsPublish(
            self,
            "Tell that training failed",
            topic=self._notifications,
            subject="politico: training failed",
            message=sfn.TaskInput.from_json_path_at("$.error"),
            result_path=sfn.JsonPath.DISCARD,
        ).next(failed)
        steps = self._steps()
        prepare.add_catch(tell, result_path="$.error")
        for called, step in steps.items():
            step.add_catch(self._wait_for_machines(called, step, tell), errors=["States.TaskFailed"], result_path="$.error")
            step.add_catch(tell, result_path="$.error")
        corpus, base, casual, control, evaluate = steps.values()
        with_champion = self._with_champion(evaluate)
        evaluate.next(self._judge(tell))
        corpus.next(base)
        casual.next(sfn.Succeed(self, "Casual model made"))
        control.next(with_champion)
        is_base, is_casual = (sfn.Condition.string_equals("$.goal", goal) for goal in (BASE, CASUAL))
        with_base = sfn.Choice(self, "What comes of the base?")
        with_base.when(is_base, sfn.Succeed(self, "Base model made")).when(is_casual, casual).otherwise(control)
        base.next(with_base)
        with_candidate = sfn.Choice(self, "Is it to be judged?")
        with_candidate.when(is_casual, sfn.Succeed(self, "Casual model was made")).otherwise(with_champion)
        # A run begins where its input says, and one that is taken up again with what is not made yet.
        begin = sfn.Choice(self, "What is to be made?")
        for made, first in (("candidate", with_candidate), ("base", with_base), ("shards", base)):
            begin.when(sfn.Condition.boolean_equals(f"$.made.{made}", True), first)
        return prepare.next(begin.otherwise(corpus))

    def _wait_for_machines(self, called: str, step: sfn.CustomState, tell: sfn.IChainable) -> sfn.IChainable:
        """Where a job failed for want of machines, begin another after a while; any other failure is told."""
        wait = sfn.Wait(self, f"Wait for machines: {called}", time=sfn.WaitTime.duration(CAPACITY_WAIT))
        count = sfn.Pass(
            self,
            f"Count the wait: {called}",
            parameters={"waits": sfn.JsonPath.math_add(sfn.JsonPath.number_at("$.capacity.waits"), 1)},
            result_path="$.capacity",
        )
        passing = (sfn.Condition.string_matches("$.error.Cause", f"*{one}*") for one in PASSING)
        none_there = sfn.Condition.and_(
            sfn.Condition.or_(*passing),
            sfn.Condition.number_less_than("$.capacity.waits", CAPACITY_WAITS),
        )
        count.next(wait)
        wait.next(step)
        return sfn.Choice(self, f"No machines: {called}?").when(none_there, count).otherwise(tell)

    def _steps(self) -> dict[str, sfn.CustomState]:
        """The SageMaker jobs, each waited for."""
        wheels = self._settings.training_wheels
        common: dict[str, Any] = {
            "role": self.job_role.role_arn,
            "image": self._training_image,
            "settings": self._settings,
            "source": self._source.s3_object_url,
            "wheels": self._storage.lake.s3_url_for_object(wheels) if wheels else "",
        }
        on_tweets = {"dataset": "$.paths.dataset", "base": "$.base_model.uri"}
        definitions = {
            "Prepare corpus": jobs.processing(
                "corpus",
                inputs={"corpus": "$.paths.corpus", "dataset": "$.paths.dataset"},
                output="$.paths.shards",
                **common,
            ),
            "Train base model": jobs.training(BASE, channels={"corpus": "$.paths.shards"}, result_path="$.base_model", **common),
            "Train casual model": jobs.training(CASUAL, channels=on_tweets, result_path="$.candidate", **common),
            "Train control model": jobs.training(CONTROL, channels=on_tweets, result_path="$.candidate", **common),
            "Evaluate": jobs.processing(
                "evaluation",
                inputs={
                    "dataset": "$.paths.dataset",
                    "base": "$.base_model.uri",
                    "candidate": "$.candidate.uri",
                    "champion": "$.champion.uri",
                },
                output="$.paths.evaluation",
                **common,
            ),
        }
        return {name: sfn.CustomState(self, name, state_json=definition) for name, definition in definitions.items()}

    def _with_champion(self, evaluate: sfn.CustomState) -> sfn.IChainable:
        """A job's inputs are fixed: where there is no champion the candidate fills its place, and no flag makes it be read."""
        fill = sfn.Pass(
            self,
            "No champion yet",
            parameters={"exists": False, "uri": sfn.JsonPath.string_at("$.candidate.uri")},
            result_path="$.champion",
        ).next(evaluate)
        choice = sfn.Choice(self, "Champion to compare with?")
        return choice.when(sfn.Condition.boolean_equals("$.champion.exists", True), evaluate).otherwise(fill)

    def _judge(self, tell: sfn.IChainable) -> sfn.IChainable:
        gate = tasks.LambdaInvoke(
            self,
            "Gate",
            lambda_function=self.gate,
            payload=sfn.TaskInput.from_object(
                {"run": sfn.JsonPath.string_at("$.run"), "tolerance": sfn.JsonPath.object_at("$.tolerance")}
            ),
            payload_response_only=True,
            result_path="$.gate",
        )
        gate.add_catch(tell, result_path="$.error")
        register = sfn.CustomState(self, "Register", state_json=self._register())
        register.add_catch(tell, result_path="$.error")
        refused = sfn.Succeed(self, "Not better: not offered")
        passed = sfn.Condition.boolean_equals("$.gate.passed", True)
        return gate.next(sfn.Choice(self, "Good enough?").when(passed, register).otherwise(refused))

    def _register(self) -> dict[str, Any]:
        container = {"Image": self._serving_image, "ModelDataUrl.$": "$.candidate.uri"}
        return {
            "Type": "Task",
            "Resource": f"arn:{Aws.PARTITION}:states:::aws-sdk:sagemaker:createModelPackage",
            "Parameters": {
                "ModelPackageGroupName": self._settings.model_group,
                "ModelPackageDescription.$": "States.Format('run {}: {}', $.run, $.gate.reason)",
                "ModelApprovalStatus": "PendingManualApproval",
                "CustomerMetadataProperties": {"run.$": "$.run", "bits_per_byte.$": "$.gate.bits_per_byte"},
                "InferenceSpecification": {
                    "Containers": [container],
                    "SupportedContentTypes": [CONTENT_TYPE],
                    "SupportedResponseMIMETypes": [CONTENT_TYPE],
                    "SupportedRealtimeInferenceInstanceTypes": [self._settings.serving_instance],
                },
            },
            "ResultSelector": {"arn.$": "$.ModelPackageArn"},
            "ResultPath": "$.package",
            "End": True,
        }

    def _job_role(self) -> iam.Role:
        """What the jobs may do: read what they learn from and the code, write shards and models, and ask Comprehend."""
        role = iam.Role(self, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        learnt_from = [places.DATASET, places.CORPORA, places.BASES, places.MODELS]
        if self._settings.training_wheels:
            learnt_from.append(self._settings.training_wheels)
        self._storage.let(
            role,
            read=[*learnt_from, places.CHECKPOINTS],
            write=[places.MODELS, places.CHECKPOINTS, f"{places.CORPORA}{places.RUNS}"],
        )
        code = self._source.bucket
        allow(role, ["s3:GetObject"], [code.arn_for_objects(self._source.s3_object_key)])
        allow(role, ["s3:ListBucket"], [code.bucket_arn])
        allow(
            role,
            [
                "comprehend:BatchDetectSentiment",
                "comprehend:BatchDetectEntities",
                "comprehend:BatchDetectKeyPhrases",
                "cloudwatch:PutMetricData",
                "ecr:GetAuthorizationToken",
            ],
            ["*"],
            why="none of these has a resource to name",
        )
        allow(
            role,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            [arn_of(self, "logs", "log-group", "/aws/sagemaker/*")],
            why="SageMaker names the streams after the jobs",
        )
        image = self._settings.training_image.partition(":")[0]
        allow(role, PULL, [f"arn:{Aws.PARTITION}:ecr:{Aws.REGION}:{self._settings.training_image_account}:repository/{image}"])
        return role

    def _let_machine_run_jobs(self) -> None:
        """CDK can't know what a CustomState does: start, watch, stop and tag jobs, and the rules that `.sync` waits through."""
        kinds = ("Training", "Processing")
        allow(
            self.machine,
            [f"sagemaker:{verb}{kind}Job" for kind in kinds for verb in ("Create", "Describe", "Stop")] + ["sagemaker:AddTags"],
            [arn_of(self, "sagemaker", f"{kind.lower()}-job", "*") for kind in kinds],
            why="a run's jobs are named after it",
        )
        allow(
            self.machine,
            ["iam:PassRole"],
            [self.job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        allow(
            self.machine,
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            [arn_of(self, "events", "rule", f"StepFunctionsGetEventsForSageMaker{kind}JobsRule") for kind in kinds],
        )
        allow(
            self.machine,
            ["sagemaker:CreateModelPackage"],
            model_versions(self, self._settings.model_group),
            why="versions are numbered as they come",
        )
