"""SageMaker's endpoints: the serving image's own program, as a process on the unpacked model; `invoke_endpoint` reaches it."""

import json
import shutil
import stat
import sys
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.sagemaker.models import FakeEndpointConfig, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from local.account import ACCOUNT, REGION, child_environment, client
from local.alarms import ringing
from local.iam.guard import Guard
from local.iam.implied import to_log, to_pull
from local.limits import violations
from local.processes import children
from local.processes.ports import HOST, free_port
from local.processes.readiness import came_up
from local.sagemaker import response_stream
from local.sagemaker.container import ISOLATION, Container
from local.sagemaker.jobs import SERVICE, refuse
from politico.errors import JobError
from politico.models.packages import VARIANT

STARTUP_SECONDS = 120.0
"""SageMaker waits up to several minutes for /ping; a small model here needs seconds."""
INVOCATION_SECONDS, INVOCATION_BYTES = 60.0, 25 * 1024 * 1024
"""SageMaker's own limits."""


@dataclass(frozen=True)
class Image:
    """A serving image that stands in the assembly as a folder with its Dockerfile."""

    folder: Path
    dockerfile: str

    @property
    def user(self) -> str:
        """The Dockerfile's USER, who runs the program."""
        lines = (self.folder / self.dockerfile).read_text().splitlines()
        return next((line.split(" ", 1)[1].strip() for line in reversed(lines) if line.startswith("USER ")), "root")

    def may_read(self, mode: int) -> bool:
        """Whether that user may read what root unpacked with this mode."""
        return self.user in ("root", "0") or bool(mode & stat.S_IROTH)

    def command(self) -> list[str]:
        """The Dockerfile's ENTRYPOINT, with the environment's Python for the image's, and what SageMaker appends."""
        lines = (self.folder / self.dockerfile).read_text().splitlines()
        entry = [line.split(" ", 1)[1] for line in lines if line.startswith("ENTRYPOINT ")]
        words: list[str] = json.loads(entry[-1])
        return [sys.executable if words[0] == "python" else words[0], *words[1:], "serve"]


@dataclass
class _Serving:
    launch: Callable[[int], Popen[bytes]]
    """Starts the container's program on a port."""
    process: Popen[bytes]
    port: int
    folder: Path

    def again(self) -> "_Serving":
        """The same container, started anew."""
        children.stop(self.process, 0.0)  # what it left behind, and its place in the list of what runs
        port = free_port()
        return replace(self, process=self.launch(port), port=port)


class Endpoints:
    """Keeps a process behind every endpoint of moto's SageMaker."""

    def __init__(self, folder: Path, port: int, guard: Guard) -> None:
        self._folder, self._port, self._guard = folder, port, guard
        self._images: dict[str, Image] = {}
        self._serving: dict[str, _Serving] = {}
        self._changing = threading.Lock()
        self._count = 0

    def add_image(self, address_part: str, image: Image) -> None:
        """An image whose address holds this text (an asset's hash) is this one."""
        self._images[address_part] = image

    def install(self) -> None:
        """Make moto's SageMaker serve endpoints from here."""
        endpoints = self
        create, delete = SageMakerModelBackend.create_endpoint, SageMakerModelBackend.delete_endpoint
        configure, make_model = SageMakerResponse.create_endpoint_config, SageMakerResponse.create_model
        tag = SageMakerModelBackend.add_tags

        def create_endpoint_config(response: SageMakerResponse) -> Any:
            request = json.loads(response.body)
            refuse(violations("sagemaker", "CreateEndpointConfig", request))
            _refuse_existing("endpoint configuration", request["EndpointConfigName"], response.sagemaker_backend.endpoint_configs)
            return configure(response)

        def create_model(response: SageMakerResponse) -> Any:
            request = json.loads(response.body)
            refuse(violations("sagemaker", "CreateModel", request))
            _refuse_existing("model", request["ModelName"], response.sagemaker_backend._models)
            return make_model(response)

        def add_tags(backend: SageMakerModelBackend, arn: str, tags: list[dict[str, str]]) -> Any:
            backend.delete_tags(arn, [one["Key"] for one in tags])  # a key has one value
            return tag(backend, arn, tags)

        def create_endpoint(backend: SageMakerModelBackend, endpoint_name: str, endpoint_config_name: str, tags: Any) -> Any:
            request = {"EndpointName": endpoint_name, "EndpointConfigName": endpoint_config_name}
            refuse(violations("sagemaker", "CreateEndpoint", request))
            _refuse_existing("endpoint", endpoint_name, backend.endpoints)
            endpoint = create(backend, endpoint_name, endpoint_config_name, tags)
            endpoints._roll_out(backend, endpoint, endpoint_config_name, "Creating")
            return endpoint

        def describing(describe: Any) -> Any:
            def respond(response: SageMakerResponse) -> ActionResult:
                found = dict(describe(response).result)
                if not found.get("DataCaptureConfig"):  # where nothing is captured, SageMaker says nothing of it
                    found.pop("DataCaptureConfig", None)
                return ActionResult(found)

            return respond

        def update_endpoint(response: SageMakerResponse) -> ActionResult:
            request = json.loads(response.body)
            refuse(violations("sagemaker", "UpdateEndpoint", request))
            backend = response.sagemaker_backend
            backend.describe_endpoint(request["EndpointName"])
            backend.describe_endpoint_config(request["EndpointConfigName"])
            endpoint = backend.endpoints[request["EndpointName"]]
            if endpoint.endpoint_status != "InService":
                raise JsonRESTError("ValidationException", f"Cannot update endpoint in status {endpoint.endpoint_status}.")
            watched = request.get("DeploymentConfig", {}).get("AutoRollbackConfiguration", {}).get("Alarms", ())
            endpoints._roll_out(
                backend, endpoint, request["EndpointConfigName"], "Updating", [one["AlarmName"] for one in watched]
            )
            return ActionResult({"EndpointArn": endpoint.arn})

        def delete_endpoint(backend: SageMakerModelBackend, endpoint_name: str) -> None:
            delete(backend, endpoint_name)
            with endpoints._changing:
                serving = endpoints._serving.pop(endpoint_name, None)
            endpoints._drop(serving)

        def invoke_endpoint(response: SageMakerRuntimeResponse) -> Any:
            return endpoints._invoke(response.path.split("/")[2], response)

        def invoke_endpoint_with_response_stream(response: SageMakerRuntimeResponse) -> Any:
            return endpoints._invoke(response.path.split("/")[2], response, streamed=True)

        deregister = ApplicationAutoscalingBackend.deregister_scalable_target

        def deregister_scalable_target(backend: Any, namespace: str, resource: str, dimension: str) -> None:
            if resource not in backend.targets.get(dimension, {}):
                raise JsonRESTError("ObjectNotFoundException", f"No scalable target was found for {resource}.")
            deregister(backend, namespace, resource, dimension)

        # moto's own list of instance types is out of date; botocore's, checked above, is not.
        FakeEndpointConfig.validate_instance_type = lambda _config, _instance_type: None
        ApplicationAutoscalingBackend.deregister_scalable_target = deregister_scalable_target
        SageMakerResponse.create_endpoint_config = create_endpoint_config
        SageMakerResponse.create_model = create_model
        SageMakerResponse.describe_endpoint = describing(SageMakerResponse.describe_endpoint)
        SageMakerResponse.describe_endpoint_config = describing(SageMakerResponse.describe_endpoint_config)
        SageMakerModelBackend.add_tags = add_tags
        SageMakerModelBackend.create_endpoint = create_endpoint
        SageMakerModelBackend.delete_endpoint = delete_endpoint
        SageMakerResponse.update_endpoint = update_endpoint
        SageMakerRuntimeResponse.invoke_endpoint = invoke_endpoint
        SageMakerRuntimeResponse.invoke_endpoint_with_response_stream = invoke_endpoint_with_response_stream
        response_stream.install()

    def _roll_out(
        self, backend: SageMakerModelBackend, endpoint: Any, config_name: str, status: str, alarms: list[str] | None = None
    ) -> None:
        """Start the new process beside the old one, and switch over once it answers: blue/green.

        An update that fails, or under which an alarm is raised, is rolled back: the endpoint is in service again, with the
        configuration and the process of before.
        """
        endpoint.endpoint_status, endpoint.failure_reason = status, None

        def work() -> None:
            try:
                fresh = self._start(backend, endpoint.endpoint_name, config_name)
                if raised := ringing(ACCOUNT, REGION, alarms or []):
                    self._drop(fresh)
                    endpoint.endpoint_status = "RollingBack"
                    raise JobError(f"One or more configured alarms went into alarm: {', '.join(raised)}")
            except Exception as error:
                if not isinstance(error, JobError):
                    traceback.print_exc()
                endpoint.failure_reason = str(error)
                endpoint.endpoint_status = "Failed" if status == "Creating" else "InService"
            else:
                with self._changing:
                    old = self._serving.get(endpoint.endpoint_name)
                    self._serving[endpoint.endpoint_name] = fresh
                endpoint.endpoint_config_name = config_name
                endpoint.endpoint_status = "InService"
                self._drop(old)
            endpoint.last_modified_time = utcnow()

        threading.Thread(target=work, daemon=True).start()

    def _start(self, backend: SageMakerModelBackend, endpoint_name: str, config_name: str) -> _Serving:
        variant = backend.describe_endpoint_config(config_name)["ProductionVariants"][0]
        address, model_data, told = _container_of(backend, variant["ModelName"])
        image = next((image for part, image in self._images.items() if part in address), None)
        if image is None:
            raise JobError(f"the image {address} is none of the template's; only those can be run here")
        self._count += 1
        folder = self._folder / f"{config_name}-{self._count}"
        role = backend.describe_model(variant["ModelName"]).execution_role_arn
        key = self._guard.key_of(role, SERVICE)
        self._guard.require(role, *to_pull(address), *to_log(f"/aws/sagemaker/Endpoints/{endpoint_name}", "AllTraffic/i-0"))
        container = Container(folder, client("s3", self._port, key))
        model = container.path("/opt/ml/model")
        container.unpack(model_data, model)
        if closed := sorted(path.name for path in model.iterdir() if not image.may_read(path.stat().st_mode)):
            raise JobError(f"the image's user {image.user} may not read {', '.join(closed)}, which SageMaker unpacked as root")
        environment = {
            "PYTHONPATH": str(ISOLATION),
            "SM_MODEL_DIR": str(container.path("/opt/ml/model")),
            "BIND_HOST": HOST,
            "HF_HUB_OFFLINE": "1",
            **told,
        }

        def launch(port: int) -> Popen[bytes]:
            own = {**environment, "SAGEMAKER_BIND_TO_PORT": str(port)}
            with (folder / "log.txt").open("ab") as log:
                return children.start(
                    image.command(),
                    environment=child_environment(self._port, key, own),
                    folder=image.folder,
                    stdout=log,
                    stderr=STDOUT,
                )

        port = free_port()
        process = launch(port)
        serving = _Serving(launch, process, port, folder)
        if not came_up(process, port, STARTUP_SECONDS):
            last = (folder / "log.txt").read_text(errors="replace").strip().splitlines()[-3:]
            self._drop(serving)
            raise JobError(f"The primary container did not pass the ping health check: {' / '.join(last)}")
        return serving

    def _drop(self, serving: _Serving | None) -> None:
        if serving:
            children.stop(serving.process)
            shutil.rmtree(serving.folder, ignore_errors=True)

    def _revive(self, name: str, serving: _Serving) -> None:
        """Start a container that has ended again, as SageMaker does; whoever asks before it answers is told of an error."""
        with self._changing:
            if serving.process.poll() is not None and self._serving.get(name) is serving:
                self._serving[name] = serving.again()

    def _invoke(self, name: str, response: SageMakerRuntimeResponse, *, streamed: bool = False) -> Any:
        serving = self._serving.get(name)
        if serving is None:
            raise JsonRESTError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
        body = response.body if isinstance(response.body, bytes) else response.body.encode()
        if len(body) > INVOCATION_BYTES:
            raise JsonRESTError("ValidationError", f"Request {len(body)} bytes exceeds the {INVOCATION_BYTES} that are allowed.")
        # What an app says it reads goes through to the container; a stream's own media type is SageMaker's.
        accepted = response.headers.get("X-Amzn-SageMaker-Accept" if streamed else "Accept")
        headers = {"Content-Type": response.headers.get("Content-Type", "application/json")}
        headers |= {"Accept": accepted} if accepted else {}
        request = urllib.request.Request(f"http://{HOST}:{serving.port}/invocations", data=body, headers=headers)
        try:
            answer = urllib.request.urlopen(request, timeout=INVOCATION_SECONDS)
            said = {"Content-Type": answer.headers["Content-Type"], "x-Amzn-Invoked-Production-Variant": VARIANT}
            if streamed:
                kind = {"Content-Type": response_stream.MEDIA_TYPE, "X-Amzn-SageMaker-Content-Type": said["Content-Type"]}
                return 200, {**said, **kind}, response_stream.parts(answer)
            with answer:
                return 200, said, answer.read()
        except urllib.error.HTTPError as error:
            return _model_error(name, error.code, error.read().decode(errors="replace"))
        except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
            self._revive(name, serving)
            return _model_error(name, 0, f"Invocation timed out or was cut off: {error}")


def _refuse_existing(kind: str, name: str, known: Any) -> None:
    if name in known:
        raise JsonRESTError("ValidationException", f'Cannot create already existing {kind} "{name}".')


def _model_error(name: str, status: int, message: str) -> tuple[int, dict[str, str], str]:
    """A container's failure as SageMaker shows it to the app."""
    side = "client" if 400 <= status < 500 else "server"
    stream = f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}#logEventViewer:group=/aws/sagemaker/Endpoints/{name}"
    answer = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "INTERNAL_FAILURE_FROM_MODEL",
        "LogStreamArn": "",
        "Message": f'Received {side} error ({status}) from primary with message "{message}". See {stream} for more information.',
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    }
    headers = {"x-amzn-errortype": "ModelError", "Content-Type": "application/json", "status": "424"}  # moto reads it there
    return 424, headers, json.dumps(answer)


def _container_of(backend: SageMakerModelBackend, model_name: str) -> tuple[str, str, dict[str, str]]:
    """The image and the model's address behind a model, named in it or in its model package, and what both tell the container."""
    own = backend.describe_model(model_name).primary_container
    package = own.get("ModelPackageName")
    primary = backend.describe_model_package(package).inference_specification["Containers"][0] if package else own
    return primary["Image"], primary["ModelDataUrl"], {**primary.get("Environment", {}), **own.get("Environment", {})}
