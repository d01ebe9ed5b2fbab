"""The local cloud, whole: moto's server with everything it is taught, the stand-in for X, and the stack deployed on both.

Lives in one process (local/server.py); MOTO_PORT must be set before this module is imported.
"""

import json
import os
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.environment import X_ADDRESS, X_TIMEOUT
from local import cloudformation, comprehend, events, moto_caches, workflows
from local.account import client, environment
from local.door import Door
from local.faults import AwsFault, AwsFaults
from local.iam.guard import Guard
from local.iam.mutation import record, rights
from local.lambdas.functions import Functions
from local.processes import children
from local.processes.ports import HOST
from local.quotas import Quotas
from local.sagemaker import model_groups
from local.sagemaker.endpoints import Endpoints
from local.sagemaker.jobs import JobFault, Jobs
from local.stack import Assembly, deploy, physical_ids
from local.x.api import XApi
from local.x.faults import Fault

_X_TIMEOUT_SECONDS = "5"
"""How long functions wait for the stand-in: it is near, and a fault may have it hang."""


API_STAGE = "v1"
"""Under it the REST API lies, here as on AWS."""
RIGHTS_FOLDER = "POLITICO_RIGHTS"
"""The environment variable that names a folder: which rights were used is left there at the end."""

SCHEDULER = "scheduler.amazonaws.com"
"""Who starts what is scheduled."""


class Cloud:
    """Started once, used through its addresses."""

    def __init__(self, folder: Path, port: int, side_port: int) -> None:
        """`port` is for AWS, `side_port` for X and for what only the local cloud can be asked."""
        self._port, self._side_port = port, side_port
        self.x = XApi()
        self.comprehend_faults = comprehend.Faults()
        x = {X_ADDRESS: f"http://{HOST}:{side_port}", X_TIMEOUT: _X_TIMEOUT_SECONDS}
        self.guard = Guard()
        self._functions = Functions(_made(folder / "functions"), port, self.guard, x)
        self.aws_faults = AwsFaults(self._functions.kill)
        self._jobs = Jobs(_made(folder / "jobs"), port, self.guard)
        self._quotas = Quotas()
        self._endpoints = Endpoints(_made(folder / "endpoints"), port, self.guard)
        self._assembly: Assembly | None = None
        self._door: Door | None = None
        self.outputs: dict[str, str] = {}

    def start(self, assembly: Assembly | None) -> None:
        """Bring everything up and create the stack; without one the account is empty, and everybody in it an operator.

        Raises JobError.
        """
        default_user_config["lambda"] = {"use_docker": False}
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        default_user_config["iam"] = {"load_aws_managed_policies": False}
        moto_caches.install()
        self._functions.install()
        self._jobs.install()
        self._endpoints.install()
        cloudformation.install()
        model_groups.install()
        self._quotas.install()
        workflows.install(self._port, self.guard)
        events.install(self._port, self.guard)
        comprehend.install(self.comprehend_faults)
        self.aws_faults.install()
        if assembly is not None:
            self.guard.install()  # outermost: who may not ask is refused before anything else goes wrong
        ThreadedMotoServer(ip_address=HOST, port=self._port, verbose=False).start()
        self._serve_side()
        if assembly is None:
            return
        self._assembly = assembly
        self.outputs = deploy(assembly, self._port, self.guard, self._functions, self._endpoints)
        self._door = Door(assembly, physical_ids(assembly, self._port), self._port)
        for output in [one for one in ("ApiUrl", "PageUrl") if one in self.outputs]:
            # The same path as on AWS, at this machine's door.
            path = urlsplit(self.outputs[output]).path
            assert path.startswith(f"/{API_STAGE}/"), "the template's API has another stage"
            self.outputs[output] = f"http://{HOST}:{self._side_port}{path}"

    def describe(self) -> dict[str, Any]:
        """What a program needs to use this cloud."""
        side, key = f"http://{HOST}:{self._side_port}", self._door.key if self._door else ""
        stack = self._assembly.stack_name if self._assembly else ""
        return {"environment": environment(self._port), "side": side, "outputs": self.outputs, "stack": stack, "api_key": key}

    def stop(self) -> None:
        if (folder := os.environ.get(RIGHTS_FOLDER)) and self._assembly is not None:
            names = {physical: logical for logical, physical in physical_ids(self._assembly, self._port).items()}
            record(self.guard, names, Path(folder))
        children.stop_all()

    def _serve_side(self) -> None:
        routes = [
            *self.x.routes(),
            Route("/local/status", lambda _request: JSONResponse(self.describe())),
            Route("/local/timelines", self._load_timelines, methods=["POST"]),
            Route("/local/faults", self._set_faults, methods=["POST"]),
            Route("/local/comprehend", lambda _request: JSONResponse(self.comprehend_faults.describe())),
            Route("/local/faults", self._list_faults),
            Route("/local/rights", lambda _request: JSONResponse([asdict(one) for one in rights(self.guard)])),
            Route("/local/schedule", self._fire_schedules, methods=["POST"]),
            Route("/local/interrupt/{job}", self._interrupt, methods=["POST"]),
            Route(f"/{API_STAGE}/{{path:path}}", self._api, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host=HOST, port=self._side_port, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        threading.Thread(target=server.run, daemon=True).start()

    async def _api(self, request: Request) -> Response:
        assert self._door is not None, "the stack is made before it is asked"
        return await self._door.answer(request)

    async def _load_timelines(self, request: Request) -> Response:
        """Body: `path` of a JSON-lines file of API v2 posts, and `users`."""
        body = await request.json()
        with Path(body["path"]).open(encoding="utf-8") as lines:
            count = self.x.load((json.loads(line) for line in lines), body["users"])
        return JSONResponse({"posts": count})

    async def _set_faults(self, request: Request) -> Response:
        """Body: `x`, `aws` and `jobs`, lists of faults, in place of any before; `comprehend`, what changes of its faults,
        and `quotas`, what is allowed instead of plenty, by name."""
        body = await request.json()
        self._quotas.limited = dict(body.get("quotas", {}))
        self._jobs.faults = [JobFault(**one) for one in body.get("jobs", ())]
        self.aws_faults.set(AwsFault(**one) for one in body.get("aws", ()))
        self.x.faults = [Fault(**one) for one in body.get("x", ())]
        for name, value in body.get("comprehend", {}).items():
            setattr(self.comprehend_faults, name, value)
        return JSONResponse({})

    def _list_faults(self, _request: Request) -> Response:
        """What is armed of `x` and `aws`, as it was given: `times` counts down; of AWS's also how often each `struck`."""
        x, jobs = [asdict(one) for one in self.x.faults], [asdict(one) for one in self._jobs.faults]
        return JSONResponse({"x": x, "jobs": jobs, "aws": self.aws_faults.describe()})

    async def _fire_schedules(self, request: Request) -> Response:
        """Body: `machine`, the address of the only state machine to start, or none for all."""
        only = (await request.json()).get("machine")
        return JSONResponse({"executions": await run_in_threadpool(self._start_scheduled, only)})

    def _start_scheduled(self, only: str | None) -> list[str]:
        """Do at once what the template's schedules do at their times; the executions."""
        assert self._assembly is not None, "the cloud is started before it is asked"
        made = physical_ids(self._assembly, self._port)
        targets = [properties["Target"] for _name, properties in self._assembly.resources("AWS::Scheduler::Schedule")]
        started = []
        for target in targets:
            machine, role = made[target["Arn"]["Ref"]], made[target["RoleArn"]["Fn::GetAtt"][0]]
            if only in (None, machine):
                steps = client("stepfunctions", self._port, self.guard.key_of(self.guard.named(role), SCHEDULER))
                answer = steps.start_execution(stateMachineArn=machine, input=target["Input"])
                started.append(answer["executionArn"])
        return started

    def _interrupt(self, request: Request) -> Response:
        self._jobs.interrupt(request.path_params["job"])
        return JSONResponse({})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
