"""The local cloud's parts, each by itself: what they refuse, what they isolate, and what they leave behind."""

import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from botocore.exceptions import ClientError
from moto.cloudformation.parsing import get_model_map
from starlette.applications import Starlette

from cli.local_cloud import LocalCloud
from local.iam.guard import Guard
from local.lambdas.functions import Functions
from local.limits import violations
from local.processes import children
from local.processes.ports import HOST, free_port, require_free
from local.sagemaker.container import Container
from local.sagemaker.endpoints import Endpoints, Image, _container_of
from local.sagemaker.machines import hosts, lay_out
from local.stack import SKIPPED, Assembly, _refuse_too_large, deploy
from politico.errors import FileFormatError, JobError, PortInUseError
from tests.support.paths import ROOT
from tests.support.template import Template
from training.launch import Machines, gpus

OF_THE_PAGE = {"AWS::Lambda::EventInvokeConfig"}
"""Kinds of resources that only a stack with the page has."""
PATIENCE = 30.0
"""Seconds until something that should have happened at once is taken not to happen."""

TRAINING_JOB: dict[str, Any] = {
    "TrainingJobName": "a-job",
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "HyperParameters": {"steps": "3"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


# --- limits ---


def test_a_request_within_the_limits_has_no_violations() -> None:
    assert violations("sagemaker", "CreateTrainingJob", TRAINING_JOB) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TrainingJobName": "n" * 64}, "TrainingJobName has 64 characters; it takes 1 to 63"),
        ({"TrainingJobName": "a_job"}, "TrainingJobName is 'a_job'; it takes [a-zA-Z0-9](-*"),
        ({"TrainingJobName": 5}, "TrainingJobName is 5; it takes a text"),
        ({"RoleArn": "jobs"}, "RoleArn has 4 characters; it takes 20 to 2048"),
        ({"HyperParameters": {"steps": "3" * 2501}}, "HyperParameters['steps'] has 2501 characters; it takes 0 to 2500"),
        ({"HyperParameters": {"steps": 3}}, "HyperParameters['steps'] is 3; it takes a text"),
        ({"OutputDataConfig": {}}, "OutputDataConfig lacks S3OutputPath"),
        ({"OutputDataConfig": "s3://bucket/out"}, "OutputDataConfig is 's3://bucket/out'; it takes an object"),
        ({"Colour": "red"}, "has the unknown member Colour"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "MaxRuntimeInSeconds is 0; it takes 1 or more"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "60"}}, "MaxRuntimeInSeconds is '60'; it takes a whole number"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": True}}, "MaxRuntimeInSeconds is True; it takes a whole number"),
        ({"EnableManagedSpotTraining": "yes"}, "EnableManagedSpotTraining is 'yes'; it takes true or false"),
        ({"Tags": [{"Key": "k", "Value": "v"}] * 51}, "Tags has 51 items; it takes 0 to 50"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_sagemaker_would_refuse_is_said(changed: dict[str, Any], said: str) -> None:
    found = violations("sagemaker", "CreateTrainingJob", {**TRAINING_JOB, **changed})
    assert any(said in one for one in found), found


def test_a_value_outside_its_list_is_said() -> None:
    resources = {**TRAINING_JOB["ResourceConfig"], "InstanceType": "ml.g9000.huge"}
    (found,) = violations("sagemaker", "CreateTrainingJob", {**TRAINING_JOB, "ResourceConfig": resources})
    assert "InstanceType is 'ml.g9000.huge'; it takes one of" in found


def test_a_missing_member_is_said() -> None:
    request = {name: value for name, value in TRAINING_JOB.items() if name != "RoleArn"}
    assert violations("sagemaker", "CreateTrainingJob", request) == ["CreateTrainingJob lacks RoleArn"]


def test_every_violation_is_said_not_only_the_first() -> None:
    assert len(violations("sagemaker", "CreateTrainingJob", {**TRAINING_JOB, "TrainingJobName": "_" * 64, "Colour": 1})) == 3


def until(there: Callable[[], Any]) -> Any:
    """What `there` gives, as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := there()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


# --- processes ---

# The shell ends when asked; the sleep in its background does not, as `trap ''` is inherited.
STUBBORN = ["/bin/sh", "-c", "(trap '' TERM; exec sleep 600) & echo started; wait"]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe; its reading end is at its end only once every process that holds its writing end is gone."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def read(descriptor: int) -> bytes:
    ready, _, _ = select.select([descriptor], [], [], PATIENCE)
    assert ready, "a process that should be gone still holds the pipe"
    return os.read(descriptor, 1_000)


def test_stopping_a_process_ends_what_it_started_even_what_ignores_the_request(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    process = children.start(STUBBORN, environment={"PATH": os.environ["PATH"]}, stdout=writing)
    os.close(writing)
    assert read(reading) == b"started\n"
    children.stop(process)
    assert read(reading) == b""
    assert process.returncode == -signal.SIGTERM


def test_stopping_all_ends_every_process(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    started = [children.start(["sleep", "600"], environment=dict(os.environ), stdout=writing) for _ in range(3)]
    os.close(writing)
    children.stop_all()
    assert read(reading) == b""
    assert [one.returncode for one in started] == [-signal.SIGTERM] * 3


def test_a_parent_that_is_killed_outright_leaves_nothing_running(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    program = f"""
        import os, time
        from local.processes import children
        children.start({STUBBORN!r}, environment=dict(os.environ), stdout={writing})
        print("parent goes on", flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    parent = subprocess.Popen(command, cwd=ROOT, pass_fds=[writing], stdout=subprocess.PIPE)
    os.close(writing)
    assert read(reading) == b"started\n"
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"parent goes on\n"
    parent.kill()
    parent.wait()
    assert read(reading) == b""


def test_a_process_is_told_only_what_is_said(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = pipe
    monkeypatch.setenv("POLITICO_BUCKET", "ours")
    process = children.start(["/usr/bin/env"], environment={"ONLY": "this"}, stdout=writing)
    os.close(writing)
    process.wait(PATIENCE)
    children.stop(process)
    assert read(reading) == b"ONLY=this\n"


def test_a_port_in_use_is_named() -> None:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Starlette(), host=HOST, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    with pytest.raises(PortInUseError, match=f"port {port} is in use"):
        require_free(port)
    server.should_exit = True
    thread.join()
    require_free(port)


# --- functions in workers of their own ---


class Lambda:
    """Makes functions from source texts in the local cloud, and calls them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._client = cloud.services().client("lambda", retries={"max_attempts": 0}, read_timeout=60)
        self._role = self._client.list_functions()["Functions"][0]["Role"]
        self.made: list[str] = []

    def make(self, name: str, source: str, timeout: int = 20, more: dict[str, str] | None = None) -> str:
        """A function whose zip holds `handler.py` and what else is given."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in {"handler.py": textwrap.dedent(source), **(more or {})}.items():
                archive.writestr(path, text)
        self._client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=self._role,
            Handler="handler.handler",
            Timeout=timeout,
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"TOLD": "yes"}},
        )
        self.made.append(name)
        return name

    def call(self, name: str, event: Any) -> tuple[Any, str | None]:
        """What the function answered, and how Lambda says that it failed."""
        answer = self._client.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def delete(self) -> None:
        for name in self.made:
            self._client.delete_function(FunctionName=name)


@pytest.fixture
def functions(cloud: LocalCloud) -> Iterator[Lambda]:
    made = Lambda(cloud)
    yield made
    made.delete()


def test_a_function_sees_its_zip_its_environment_and_its_context(functions: Lambda) -> None:
    source = """
        import os
        import beside

        def handler(event, context):
            return {
                "event": event,
                "beside": beside.WORD,
                "told": os.environ["TOLD"],
                "name": [context.function_name, os.environ["AWS_LAMBDA_FUNCTION_NAME"]],
                "time": 0 < context.get_remaining_time_in_millis() <= 20_000,
            }
    """
    name = functions.make("sees", source, more={"beside.py": "WORD = 'there'"})
    answer, failed = functions.call(name, {"ask": "ñandú"})
    assert failed is None
    assert answer == {"event": {"ask": "ñandú"}, "beside": "there", "told": "yes", "name": [name, name], "time": True}


@pytest.mark.parametrize("module", ["politico.lake", "functions.ingest.plan", "local", "infra", "cli"])
def test_a_module_that_the_zip_lacks_is_missing_even_where_the_project_has_it(functions: Lambda, module: str) -> None:
    name = functions.make(f"lacks-{module.replace('.', '-')}", f"import {module}\n\ndef handler(event, context):\n    return 1\n")
    answer, failed = functions.call(name, {})
    assert failed == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert module.partition(".")[0] in answer["errorMessage"]


def test_only_what_lambdas_runtime_brings_can_be_imported(functions: Lambda) -> None:
    source = """
        import importlib

        def handler(event, context):
            return {name: there(name) for name in event}

        def there(name):
            try:
                importlib.import_module(name)
            except ImportError:
                return False
            return True
    """
    name = functions.make("imports", source)
    brought = {"boto3": True, "botocore.exceptions": True, "dateutil": True}
    # Installed here, but not brought by Lambda; the layers of a function of ours are none of this one's.
    not_brought = dict.fromkeys(["pandas", "pyarrow", "numpy", "tweepy", "requests", "torch", "moto", "starlette", "pip"], False)
    answer, _failed = functions.call(name, [*brought, *not_brought])
    assert answer == {**brought, **not_brought}


def test_a_function_that_takes_too_long_is_ended_and_works_again(functions: Lambda) -> None:
    source = """
        import time

        def handler(event, context):
            if event["slow"]:
                time.sleep(600)
            return "quick"
    """
    name = functions.make("slow", source, timeout=1)
    answer, failed = functions.call(name, {"slow": True})
    assert failed == "Unhandled"
    assert answer == {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 1.00 seconds"}
    assert functions.call(name, {"slow": False}) == ("quick", None)


def test_an_exception_is_an_answer_with_its_type_and_its_words(functions: Lambda) -> None:
    source = """
        class OfOurOwnError(Exception):
            pass

        def handler(event, context):
            raise OfOurOwnError("what went wrong")
    """
    answer, failed = functions.call(functions.make("raises", source), {})
    assert failed == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("OfOurOwnError", "what went wrong")
    assert any("in handler" in frame for frame in answer["stackTrace"])


def test_a_function_whose_process_ends_is_an_error_and_works_again(functions: Lambda) -> None:
    source = """
        import os

        def handler(event, context):
            if event["end"]:
                os._exit(1)
            return "alive"
    """
    name = functions.make("ends", source)
    answer, failed = functions.call(name, {"end": True})
    assert (failed, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert functions.call(name, {"end": False}) == ("alive", None)


def test_a_function_runs_two_events_at_once(functions: Lambda, tmp_path: Path) -> None:
    source = """
        import pathlib, time

        def handler(event, context):
            pathlib.Path(event["mine"]).touch()
            deadline = time.monotonic() + 15
            while time.monotonic() < deadline:
                if pathlib.Path(event["other"]).exists():
                    return "met"
                time.sleep(0.02)
            return "alone"
    """
    name = functions.make("meets", source)
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda event: functions.call(name, event), [{"mine": one, "other": other}, {"mine": other, "other": one}])
        )
    assert answers == [("met", None), ("met", None)]


def test_what_a_function_prints_is_no_answer(functions: Lambda) -> None:
    source = """
        def handler(event, context):
            print('{"result": "a word of the log"}')
            return "an answer"
    """
    assert functions.call(functions.make("prints", source), {}) == ("an answer", None)


def test_an_event_or_an_answer_above_lambdas_six_megabytes_is_refused(functions: Lambda) -> None:
    name = functions.make("long-winded", "def handler(event, context):\n    return 'x' * event['length']\n")
    assert functions.call(name, {"length": 4_000_000}) == ("x" * 4_000_000, None)
    answer, failed = functions.call(name, {"length": 6 * 1024 * 1024})
    assert (failed, answer["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    with pytest.raises(ClientError, match="Request must be smaller"):
        functions.call(name, {"length": 1, "more": "x" * 6 * 1024 * 1024})


def test_a_function_that_holds_more_than_its_memory_has_run_out_of_it(functions: Lambda) -> None:
    source = """
        def handler(event, context):
            held = b"x" * event["megabytes"] * 1024 * 1024
            return len(held)
    """
    name = functions.make("holds", source)  # with Lambda's 128 MB
    assert functions.call(name, {"megabytes": 1}) == (1024 * 1024, None)
    answer, failed = functions.call(name, {"megabytes": 200})
    assert (failed, answer["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
    assert "and has 128" in answer["errorMessage"]


# --- endpoints, jobs, the stack ---


def test_an_endpoint_runs_the_images_own_command(template: Template) -> None:
    (one,) = template.assembly.assets["dockerImages"].values()
    image = Image(template.image(), one["source"]["dockerFile"])
    assert image.command() == [sys.executable, "-m", "inference.server", "serve"]


def test_the_last_entry_point_counts_and_its_program_is_kept(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM a\nENTRYPOINT ["python", "-m", "a"]\nFROM b\nENTRYPOINT ["/bin/serve", "--all"]\n')
    assert Image(tmp_path, "Dockerfile").command() == ["/bin/serve", "--all", "serve"]


@pytest.mark.parametrize(
    ("dockerfile", "mode", "may"),
    [
        ("FROM a\n", 0o600, True),
        ("FROM a\nUSER root\n", 0o600, True),
        ("USER x\nFROM a\nUSER root\n", 0o600, True),
        ("FROM a\nUSER serving\n", 0o600, False),
        ("FROM a\nUSER serving\n", 0o644, True),
    ],
)
def test_an_image_reads_of_a_model_what_its_user_may(tmp_path: Path, dockerfile: str, mode: int, may: bool) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    assert Image(tmp_path, "Dockerfile").may_read(mode) is may


def test_the_serving_image_runs_as_root_as_sagemaker_wants_it(template: Template) -> None:
    (one,) = template.assembly.assets["dockerImages"].values()
    assert Image(template.image(), one["source"]["dockerFile"]).user == "root"


class Files:
    """S3's client, as far as unpacking an archive needs it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def download_file(self, _bucket: str, _key: str, target: str) -> None:
        shutil.copyfile(self._path, target)


def archive_of(path: Path, contents: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for name, text in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    return path


def container(tmp_path: Path) -> Container:
    return Container(tmp_path / "job", None)


@pytest.mark.parametrize(("instance", "listed"), [("ml.g5.12xlarge", 2), ("ml.g5.xlarge", 1), ("ml.m5.2xlarge", 0)])
def test_a_containers_driver_lists_the_gpus_of_its_machine(
    tmp_path: Path, instance: str, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ml = container(tmp_path)
    request = {**TRAINING_JOB, "ResourceConfig": {**TRAINING_JOB["ResourceConfig"], "InstanceType": instance}}
    lay_out(ml, request, "algo-1", ["algo-1"])
    monkeypatch.setenv("PATH", str(ml.tools), prepend=":")
    assert gpus() == listed


def test_a_container_holds_its_settings_and_the_names_of_its_machines(tmp_path: Path) -> None:
    ml = container(tmp_path)
    request = {**TRAINING_JOB, "HyperParameters": {"steps": "3", "checkpoint_dir": "/opt/ml/checkpoints"}}
    assert hosts(1) == ["algo-1"]
    lay_out(ml, request, hosts(2)[1], hosts(2))
    given = json.loads((ml.root / "input/config/hyperparameters.json").read_text())
    assert given == {"steps": "3", "checkpoint_dir": f"{ml.root}/checkpoints"}
    read = Machines.read(ml.root / "input/config/resourceconfig.json")
    assert (read.here, read.all) == ("127.0.0.2", ["127.0.0.1", "127.0.0.2"])


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    ml = Container(tmp_path / "job", Files(archive_of(tmp_path / "bad.tar.gz", {"../escaped": "x"})))
    with pytest.raises(tarfile.TarError):
        ml.unpack("s3://bucket/bad.tar.gz", ml.path("/opt/ml/model"))
    assert not list(tmp_path.rglob("escaped"))


def test_a_function_that_lambda_would_not_take_for_its_size_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", bytes(30_000_000))
    layers = ["AWSSDKPandas-Python312:26", "AWSLambdaPowertoolsPythonV3-python312-x86_64:27"]
    _refuse_too_large("small", [b"PK\x05\x06" + bytes(18)], layers)
    with pytest.raises(JobError, match="the function large has 269,000,000 bytes unzipped"):
        _refuse_too_large("large", [packed.getvalue()], layers)


def test_what_the_emulator_skips_is_listed_exactly(template: Template) -> None:
    kinds = {resource["Type"] for resource in template.assembly.template["Resources"].values()}
    assert kinds - set(get_model_map()) == set(SKIPPED) - OF_THE_PAGE


def test_a_new_kind_of_resource_is_an_error(template: Template) -> None:
    resources = {**template.assembly.template["Resources"], "New": {"Type": "AWS::IoT::Thing2"}}
    assembly = replace(template.assembly, template={**template.assembly.template, "Resources": resources})
    with pytest.raises(JobError, match=r"can't make AWS::IoT::Thing2; teach local/stack\.py"):
        deploy(assembly, 0, Guard(), cast(Functions, None), cast(Endpoints, None))


def test_a_folder_without_an_assembly_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="holds no assembly of one stack; run `make synth`"):
        Assembly.read(tmp_path)


def test_a_container_is_told_what_its_model_and_its_package_say() -> None:
    package = {
        "Image": "one",
        "ModelDataUrl": "s3://lake/model.tar.gz",
        "Environment": {"TORCH_THREADS": "2", "WATERMARK": "true"},
    }

    class Backend:
        def describe_model(self, _name: str) -> Any:
            return SimpleNamespace(primary_container={"ModelPackageName": "package/1", "Environment": {"WATERMARK": "false"}})

        def describe_model_package(self, _name: str) -> Any:
            return SimpleNamespace(inference_specification={"Containers": [package]})

    found = _container_of(Backend(), "model")
    assert found == ("one", "s3://lake/model.tar.gz", {"TORCH_THREADS": "2", "WATERMARK": "false"})
