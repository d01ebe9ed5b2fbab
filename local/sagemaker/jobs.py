"""SageMaker's training and processing jobs as processes on this machine, in the container's layout."""

import json
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.core.utils import utcnow
from moto.logs.models import logs_backends
from moto.sagemaker.responses import SageMakerResponse

from local.account import ACCOUNT, REGION, child_environment, client
from local.iam.guard import Guard
from local.iam.implied import to_log, to_pull
from local.limits import violations
from local.processes import children
from local.sagemaker import machines
from local.sagemaker.container import ISOLATION, Container
from politico.errors import JobError

SERVICE = "sagemaker.amazonaws.com"
"""Who acts in the role of a job or of a model."""
NO_CAPACITY = "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
GRACE_SECONDS = 120.0
"""Between SIGTERM, which the container's first process gets, and the end of its machine."""
HOST = "algo-1"
MOST_CHARACTERS = 1024
"""Of a reason or a message."""
_KEPT_LINES = 15
"""The end of a failed job's log that its reason quotes when it leaves none itself."""


@dataclass
class JobFault:
    """Jobs that fail for SageMaker's own reasons, before their program begins."""

    job: str
    """Which ones: their names, in a shell's patterns."""
    reason: str = NO_CAPACITY
    times: int = 1
    struck: int = 0


class _StoppedError(Exception):
    """A job was stopped before it was done; its machine's last two minutes are over."""


@dataclass
class _Started:
    """One machine's process, and the end of what it said."""

    process: Popen[bytes]
    tail: list[str] = field(default_factory=list)


class Jobs:
    """Runs the jobs that are created in moto's SageMaker, each in a thread, one process group for each of its machines."""

    def __init__(self, folder: Path, port: int, guard: Guard) -> None:
        self._folder, self._port, self._guard = folder, port, guard
        self._processes: dict[str, list[_Started]] = {}
        self._interrupted: set[str] = set()
        self._out_of_time: set[str] = set()
        self._told_to_stop: set[str] = set()
        self._changing = threading.Lock()
        self.faults: list[JobFault] = []

    def install(self) -> None:
        """Make moto's SageMaker run its jobs here."""
        for kind, run in (("Training", self._train), ("Processing", self._process)):
            name = f"create_{kind.lower()}_job"
            setattr(SageMakerResponse, name, self._creating(kind, getattr(SageMakerResponse, name), run))
            setattr(SageMakerResponse, f"stop_{kind.lower()}_job", self._stopping(kind))

    def interrupt(self, name: str) -> None:
        """Take a training job's machines away, as a spot interruption does; the job starts again from its checkpoint."""
        running = self._processes[name]
        self._interrupted.add(name)
        self._ask_to_end(running)

    def _ask_to_end(self, running: Sequence[_Started]) -> None:
        for one in running:
            threading.Thread(target=children.terminate, args=(one.process, GRACE_SECONDS), daemon=True).start()

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
            if "ProcessingResources" in request:
                known[name].processing_resources = request["ProcessingResources"]  # moto forgets them
            threading.Thread(target=jobs._watched, args=(kind, known[name], request, run), daemon=True).start()
            return answer

        return respond

    def _stopping(self, kind: str) -> Any:
        """moto has no way to stop a training job, and says of a processing job that it is stopped while it goes on."""
        jobs = self

        def respond(response: SageMakerResponse) -> Any:
            request = json.loads(response.body)
            refuse(violations("sagemaker", f"Stop{kind}Job", request))
            name = request[f"{kind}JobName"]
            job = getattr(response.sagemaker_backend, f"{kind.lower()}_jobs").get(name)
            if job is None:
                raise JsonRESTError("ResourceNotFound", "Requested resource not found.")
            status = f"{kind.lower()}_job_status"
            with jobs._changing:
                if getattr(job, status) != "InProgress":
                    told = f"The request was rejected because the {kind.lower()} job is in status {getattr(job, status)}."
                    raise JsonRESTError("ValidationException", told)
                setattr(job, status, "Stopping")
                job.secondary_status = "Stopping"
                jobs._told_to_stop.add(name)
            jobs._ask_to_end(jobs._processes.get(name, ()))
            return EmptyResult()

        return respond

    def _watched(self, kind: str, job: Any, request: dict[str, Any], run: Callable[[dict[str, Any]], None]) -> None:
        """Run one job and keep what SageMaker says of it true."""
        status = f"{kind.lower()}_job_status"
        end = f"{kind.lower()}_end_time"
        setattr(job, status, "InProgress")
        job.secondary_status = detail = "Training"
        try:
            self._fail_if_due(request[f"{kind}JobName"])
            run(request)
        except JobError as error:
            job.failure_reason, outcome = str(error)[:MOST_CHARACTERS], "Failed"
        except _StoppedError:
            outcome = "Stopped"
            detail = "Stopped" if request[f"{kind}JobName"] in self._told_to_stop else "MaxRuntimeExceeded"
        except ClientError as error:  # the role may not read or write its data
            job.failure_reason, outcome = f"ClientError: {error}"[:MOST_CHARACTERS], "Failed"
        except Exception as error:  # the emulator's own fault: the job must not hang for it
            traceback.print_exc()
            job.failure_reason, outcome = f"InternalServerError: {error!r}"[:MOST_CHARACTERS], "Failed"
        else:
            outcome = "Completed"
        if kind == "Processing":
            message = self._folder / request["ProcessingJobName"] / HOST / "ml/output/message"
            job.exit_message = message.read_text(errors="replace")[:MOST_CHARACTERS] if message.is_file() else None
        with self._changing:
            setattr(job, end, utcnow())
            job.secondary_status = detail if outcome == "Stopped" else outcome
            setattr(job, status, outcome)

    def _fail_if_due(self, name: str) -> None:
        for fault in self.faults:
            if fault.times and fnmatchcase(name, fault.job):
                fault.times -= 1
                fault.struck += 1
                raise JobError(fault.reason)

    def _train(self, request: dict[str, Any]) -> None:
        name = request["TrainingJobName"]
        hosts = machines.hosts(request["ResourceConfig"]["InstanceCount"])
        checkpoints = request.get("CheckpointConfig")
        while True:
            containers = [self._container(name, host, request) for host in hosts]
            starts = [
                (container, machines.lay_out(container, request, host, hosts))
                for host, container in zip(hosts, containers, strict=True)
            ]
            for container in containers:
                for channel in request["InputDataConfig"]:
                    source = channel["DataSource"]["S3DataSource"]["S3Uri"]
                    container.download(source, container.path(f"/opt/ml/input/data/{channel['ChannelName']}"))
                for folder in ("/opt/ml/model", "/opt/ml/output/data"):
                    container.path(folder).mkdir(parents=True)
                if checkpoints:
                    container.path(_saved(checkpoints)).mkdir(parents=True)
                    container.download_if_any(checkpoints["S3Uri"], container.path(_saved(checkpoints)))
            brought = [container.times(_saved(checkpoints)) if checkpoints else {} for container in containers]
            code, said = self._run(name, "Training", request, request["AlgorithmSpecification"], starts)
            if checkpoints:
                for container, before in zip(containers, brought, strict=True):
                    container.upload(container.path(_saved(checkpoints)), checkpoints["S3Uri"], since=before)
            if name not in self._interrupted:
                break
            self._interrupted.discard(name)
        if name in self._out_of_time | self._told_to_stop:
            raise _StoppedError
        if code:
            reasons = [one.path("/opt/ml/output/failure") for one in containers]
            told = next((one.read_text(errors="replace").strip() for one in reasons if one.is_file()), "\n".join(said))
            raise JobError(f"AlgorithmError: {told}, exit code: {code}")
        output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/") + f"/{name}/output"
        first = containers[0]  # ours write to the first machine alone
        first.upload_packed(first.path("/opt/ml/model"), f"{output}/model.tar.gz")
        first.upload_packed(first.path("/opt/ml/output/data"), f"{output}/output.tar.gz")

    def _process(self, request: dict[str, Any]) -> None:
        name = request["ProcessingJobName"]
        container = self._container(name, HOST, request)
        for one in request.get("ProcessingInputs", ()):
            container.download(one["S3Input"]["S3Uri"], container.path(one["S3Input"]["LocalPath"]))
        outputs = [one["S3Output"] for one in request.get("ProcessingOutputConfig", {}).get("Outputs", ())]
        for one in outputs:
            container.path(one["LocalPath"]).mkdir(parents=True)
        code, said = self._run(name, "Processing", request, request["AppSpecification"], [(container, {})])
        if name in self._out_of_time | self._told_to_stop:
            raise _StoppedError
        if code:
            raise JobError(f"AlgorithmError: {said[-1] if said else ''}, exit code: {code}")
        for one in outputs:
            container.upload(container.path(one["LocalPath"]), one["S3Uri"])

    def _container(self, name: str, host: str, request: dict[str, Any]) -> Container:
        """A machine's folders, new ones, and its role's way to S3: SageMaker brings and fetches data in the role's name."""
        application = request.get("AppSpecification") or request["AlgorithmSpecification"]
        self._guard.require(request["RoleArn"], *to_pull(application.get("ImageUri") or application["TrainingImage"]))
        shutil.rmtree(self._folder / name / host, ignore_errors=True)
        return Container(self._folder / name / host, client("s3", self._port, self._key(request)))

    def _key(self, request: dict[str, Any]) -> str:
        return self._guard.key_of(request["RoleArn"], SERVICE)

    def _run(
        self,
        name: str,
        kind: str,
        request: dict[str, Any],
        application: dict[str, Any],
        starts: Sequence[tuple[Container, dict[str, str]]],
    ) -> tuple[int, list[str]]:
        """The first exit code that is not 0, and the end of that machine's log. Every line goes to CloudWatch Logs."""
        words = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", ())]
        given = {"PYTHONPATH": str(ISOLATION), **request.get("Environment", {})}
        group = f"/aws/sagemaker/{kind}Jobs"
        self._processes[name], readers = [], []
        for number, (container, extra) in enumerate(starts, start=1):
            stream = f"{name}/algo-{number}-{time.time_ns() // 1_000_000}"
            self._guard.require(request["RoleArn"], *to_log(group, stream))
            said = {one: container.translate(value) for one, value in given.items()}
            environment = child_environment(self._port, self._key(request), {**said, **extra})
            environment["PATH"] = os.pathsep.join([str(container.tools), environment["PATH"]])
            process = children.start(
                [container.translate(word) for word in words],
                environment=environment,
                folder=container.root,
                stdout=PIPE,
                stderr=STDOUT,
            )
            started = _Started(process)
            self._processes[name].append(started)
            readers.append(threading.Thread(target=_read, args=(started, _Log(group, stream)), daemon=True))
            readers[-1].start()
        limit = threading.Timer(request["StoppingCondition"]["MaxRuntimeInSeconds"], self._end_of_time, [name])
        limit.daemon = True
        limit.start()
        if name in self._told_to_stop:  # before its programs began
            self._ask_to_end(self._processes[name])
        ended = list(self._processes[name])
        for reader in readers:
            reader.join()
        codes = [one.process.wait() for one in ended]
        limit.cancel()
        for one in ended:
            children.stop(one.process)
        return next(((code, one.tail) for code, one in zip(codes, ended, strict=True) if code), (0, ended[0].tail))

    def _end_of_time(self, name: str) -> None:
        self._out_of_time.add(name)
        self._ask_to_end(self._processes[name])


def _saved(checkpoints: dict[str, str]) -> str:
    return checkpoints.get("LocalPath", "/opt/ml/checkpoints")


def _read(started: _Started, log: "_Log") -> None:
    assert started.process.stdout is not None, "the process was started with a pipe"
    for line in started.process.stdout:
        text = line.decode(errors="replace").rstrip()
        if text:
            log.write(text)
            started.tail = [*started.tail[1 - _KEPT_LINES :], text]


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
