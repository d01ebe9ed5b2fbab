"""SageMaker's training and processing jobs as processes on this machine, in the container's layout."""

import json
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.core.utils import utcnow
from moto.logs.models import logs_backends
from moto.sagemaker.responses import SageMakerResponse

from local.account import ACCOUNT, REGION, child_environment, client
from local.iam.guard import Guard
from local.iam.implied import to_log, to_pull
from local.limits import violations
from local.processes import children
from local.sagemaker.container import ISOLATION, Container
from local.sagemaker.toolkit import training_command
from politico.errors import JobError

SERVICE = "sagemaker.amazonaws.com"
"""Who acts in the role of a job or of a model."""
_KEPT_LINES = 15
"""The end of a failed job's log that its reason quotes when it leaves none itself."""


class Jobs:
    """Runs the jobs that are created in moto's SageMaker, each in a thread, one process group each."""

    def __init__(self, folder: Path, port: int, guard: Guard) -> None:
        self._folder, self._port, self._guard = folder, port, guard
        self._processes: dict[str, Popen[bytes]] = {}
        self._interrupted: set[str] = set()

    def install(self) -> None:
        """Make moto's SageMaker run its jobs here."""
        for kind, run in (("Training", self._train), ("Processing", self._process)):
            name = f"create_{kind.lower()}_job"
            setattr(SageMakerResponse, name, self._creating(kind, getattr(SageMakerResponse, name), run))

    def interrupt(self, name: str) -> None:
        """Take a training job's machine away, as a spot interruption does; the job starts again from its checkpoint."""
        self._interrupted.add(name)
        children.stop(self._processes[name])

    def _creating(self, kind: str, create: Any, run: Callable[[dict[str, Any]], None]) -> Any:
        jobs = self

        def respond(response: SageMakerResponse) -> Any:
            request = json.loads(response.body)
            name = request.get(f"{kind}JobName", "")
            refuse(violations("sagemaker", f"Create{kind}Job", request))
            known = getattr(response.sagemaker_backend, f"{kind.lower()}_jobs")
            if name in known:
                raise JsonRESTError("ResourceInUse", f"Job name must be unique; {name} is taken")
            answer = create(response)
            threading.Thread(target=jobs._watched, args=(kind, known[name], request, run), daemon=True).start()
            return answer

        return respond

    def _watched(self, kind: str, job: Any, request: dict[str, Any], run: Callable[[dict[str, Any]], None]) -> None:
        """Run one job and keep what SageMaker says of it true."""
        status = f"{kind.lower()}_job_status"
        end = f"{kind.lower()}_end_time"
        setattr(job, status, "InProgress")
        job.secondary_status = "Training"
        try:
            run(request)
        except JobError as error:
            job.failure_reason, outcome = str(error)[:1024], "Failed"
        except ClientError as error:  # the role may not read or write its data
            job.failure_reason, outcome = f"ClientError: {error}"[:1024], "Failed"
        except Exception as error:  # the emulator's own fault: the job must not hang for it
            traceback.print_exc()
            job.failure_reason, outcome = f"InternalServerError: {error!r}"[:1024], "Failed"
        else:
            outcome = "Completed"
        setattr(job, end, utcnow())
        job.secondary_status = outcome
        setattr(job, status, outcome)

    def _train(self, request: dict[str, Any]) -> None:
        name = request["TrainingJobName"]
        container = self._container(name, request)
        for channel in request["InputDataConfig"]:
            source = channel["DataSource"]["S3DataSource"]["S3Uri"]
            container.download(source, container.path(f"/opt/ml/input/data/{channel['ChannelName']}"))
        for folder in ("/opt/ml/model", "/opt/ml/output/data"):
            container.path(folder).mkdir(parents=True)
        checkpoints = request.get("CheckpointConfig")
        saved = container.path(checkpoints.get("LocalPath", "/opt/ml/checkpoints")) if checkpoints else None
        if checkpoints and saved:
            saved.mkdir(parents=True)
            container.download_if_any(checkpoints["S3Uri"], saved)
        command, extra = training_command(request, container)
        while True:
            code, tail = self._run(name, "Training", request, command, extra, container.path("/opt/ml/code"))
            if checkpoints and saved:
                container.upload(saved, checkpoints["S3Uri"])
            if name not in self._interrupted:
                break
            self._interrupted.discard(name)
        _raise_on_failure(code, tail, container.path("/opt/ml/output/failure"))
        output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/") + f"/{name}/output"
        container.upload_packed(container.path("/opt/ml/model"), f"{output}/model.tar.gz")
        container.upload_packed(container.path("/opt/ml/output/data"), f"{output}/output.tar.gz")

    def _process(self, request: dict[str, Any]) -> None:
        name = request["ProcessingJobName"]
        container = self._container(name, request)
        for one in request.get("ProcessingInputs", ()):
            container.download(one["S3Input"]["S3Uri"], container.path(one["S3Input"]["LocalPath"]))
        outputs = [one["S3Output"] for one in request.get("ProcessingOutputConfig", {}).get("Outputs", ())]
        for one in outputs:
            container.path(one["LocalPath"]).mkdir(parents=True)
        application = request["AppSpecification"]
        command = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", ())]
        extra = {**request.get("Environment", {}), "PYTHONPATH": str(ISOLATION)}
        code, tail = self._run(
            name, "Processing", request, [container.translate(word) for word in command], extra, container.root
        )
        _raise_on_failure(code, tail, container.path("/opt/ml/output/message"))
        for one in outputs:
            container.upload(container.path(one["LocalPath"]), one["S3Uri"])

    def _container(self, name: str, request: dict[str, Any]) -> Container:
        """The job's folders, and its role's way to S3: SageMaker brings and fetches data in the role's name."""
        application = request.get("AppSpecification") or request["AlgorithmSpecification"]
        self._guard.require(request["RoleArn"], *to_pull(application.get("ImageUri") or application["TrainingImage"]))
        return Container(self._folder / name, client("s3", self._port, self._key(request)))

    def _key(self, request: dict[str, Any]) -> str:
        return self._guard.key_of(request["RoleArn"], SERVICE)

    def _run(
        self, name: str, kind: str, request: dict[str, Any], command: list[str], extra: dict[str, str], folder: Path
    ) -> tuple[int, list[str]]:
        """The process's exit code and the end of its log, which goes to CloudWatch Logs line by line."""
        group, stream = f"/aws/sagemaker/{kind}Jobs", f"{name}/algo-1-{time.time_ns() // 1_000_000}"
        self._guard.require(request["RoleArn"], *to_log(group, stream))
        log = _Log(group, stream)
        environment = child_environment(self._port, self._key(request), extra)
        process = children.start(command, environment=environment, folder=folder, stdout=PIPE, stderr=STDOUT)
        self._processes[name] = process
        limit = threading.Timer(request["StoppingCondition"]["MaxRuntimeInSeconds"], children.stop, [process])
        limit.daemon = True
        limit.start()
        tail: list[str] = []
        assert process.stdout is not None, "the process was started with a pipe"
        for line in process.stdout:
            text = line.decode(errors="replace").rstrip()
            if text:
                log.write(text)
                tail = [*tail[1 - _KEPT_LINES :], text]
        code = process.wait()
        limit.cancel()
        children.stop(process)
        return code, tail


class _Log:
    """One stream of CloudWatch Logs."""

    def __init__(self, group: str, stream: str) -> None:
        self._group, self._stream = group, stream
        self._logs = logs_backends[ACCOUNT][REGION]
        if group not in self._logs.groups:
            self._logs.create_log_group(group, tags={})
        self._logs.create_log_stream(group, stream)

    def write(self, text: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": text}
        self._logs.put_log_events(self._group, self._stream, [event])


def refuse(found: list[str]) -> None:
    """Answer as SageMaker does to a request outside its limits."""
    if found:
        raise JsonRESTError("ValidationException", f"{len(found)} validation errors detected: {'; '.join(found)}")


def _raise_on_failure(code: int, tail: list[str], reason: Path) -> None:
    if code:
        said = reason.read_text(errors="replace").strip() if reason.is_file() else "\n".join(tail)
        raise JobError(f"AlgorithmError: {said}, exit code: {code}")
