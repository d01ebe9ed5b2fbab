"""API Gateway as far as the template's REST API needs it: paths, keys, throttles, quota, browsers' questions, Lambda's proxy.

moto knows only a part of it. The answers' statuses and words are API Gateway's own.
"""

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.account import client
from local.stack import Assembly
from politico.errors import JobError

LONGEST_SECONDS = 29.0
"""An integration that takes longer is given up."""
MOST_BYTES = 10_485_760
_DAY = 86_400.0


@dataclass
class Throttle:
    """A bucket of tokens that fills by the second, a token a request."""

    rate: float
    burst: int
    _tokens: float = -1.0
    _filled: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> str | None:
        """None where a request may pass, or API Gateway's words for why not."""
        with self._lock:
            now = time.time()
            if self._tokens < 0:
                self._tokens, self._filled = float(self.burst), now
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                return "Too Many Requests"
            self._tokens -= 1
            return None


@dataclass
class Plan:
    """What one key may ask for: at a time, and in a day, whose count begins anew with the next."""

    throttle: Throttle
    quota: int
    _day: int = -1
    _used: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> str | None:
        """None where a request may pass, or API Gateway's words for why not."""
        with self._lock:
            if (day := int(time.time() // _DAY)) != self._day:
                self._day, self._used = day, 0
            if self._used >= self.quota:
                return "Limit Exceeded"
            if (why := self.throttle.take()) is None:
                self._used += 1
            return why


@dataclass(frozen=True)
class Method:
    """One method of one resource."""

    resource: str
    """Such as `/page/tweets/{order}`."""
    function: str
    """The Lambda function behind it; empty where API Gateway answers itself."""
    needs_key: bool
    throttle: Throttle | None = None
    """Of the stage, for all callers together."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of an answer that API Gateway gives itself."""

    def parameters(self, path: str) -> dict[str, str] | None:
        """What the path has in the places that the resource leaves open; None for another resource's path."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.resource))
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


class Door:
    """The API, once the stack is made."""

    def __init__(self, assembly: Assembly, made: Mapping[str, str], port: int) -> None:
        """Raises JobError for a template whose functions do not let API Gateway in."""
        waiting = Config(read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1})
        self._lambda = client("lambda", port, config=waiting)
        (stage,) = [one for _name, one in assembly.resources("AWS::ApiGateway::Stage")]
        self._stage = stage["StageName"]
        throttles = {
            (one["ResourcePath"].replace("~1", "/")[1:], one["HttpMethod"]): Throttle(
                one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]
            )
            for one in stage.get("MethodSettings", ())
            if "ThrottlingRateLimit" in one
        }
        self._methods = [
            (given["HttpMethod"], _method(given, assembly, made, throttles))
            for _name, given in assembly.resources("AWS::ApiGateway::Method")
        ]
        (plan,) = [one for _name, one in assembly.resources("AWS::ApiGateway::UsagePlan")]
        (key,) = [one for _name, one in assembly.resources("AWS::ApiGateway::ApiKey")]
        self._plan = Plan(Throttle(plan["Throttle"]["RateLimit"], plan["Throttle"]["BurstLimit"]), plan["Quota"]["Limit"])
        self.key = secrets.token_hex(20)
        client("apigateway", port).create_api_key(name=key["Name"], value=self.key, enabled=True)

    async def answer(self, request: Request) -> Response:
        """What API Gateway would answer."""
        path = request.url.path.removeprefix(f"/{self._stage}")
        for verb, method in self._methods:
            if verb == request.method and (parameters := method.parameters(path)) is not None:
                return await self._answer(request, method, path, parameters)
        return _refusal(403, "Missing Authentication Token")

    async def _answer(self, request: Request, method: Method, path: str, parameters: dict[str, str]) -> Response:
        if not method.function:
            return Response(status_code=204, headers=dict(method.headers))
        if method.needs_key and not secrets.compare_digest(request.headers.get("x-api-key", ""), self.key):
            return _refusal(403, "Forbidden")
        if method.throttle and (why := method.throttle.take()) is not None:
            return _refusal(429, why)
        if method.needs_key and (why := self._plan.take()) is not None:
            return _refusal(429, why)
        body = await request.body()
        if len(body) > MOST_BYTES:
            return _refusal(413, "Request Too Long")
        event = _event(request, self._stage, method.resource, path, parameters, body)
        return await run_in_threadpool(self._invoke, method.function, event)

    def _invoke(self, function: str, event: dict[str, Any]) -> Response:
        try:
            said = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event))
            answer = json.loads(said["Payload"].read())
        except ReadTimeoutError:
            return _refusal(504, "Endpoint request timed out")
        except (ClientError, ValueError):
            return _refusal(502, "Internal server error")
        if "FunctionError" in said or not isinstance(answer, dict) or "statusCode" not in answer:
            return _refusal(502, "Internal server error")
        content = answer.get("body") or ""
        body = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        return Response(body, status_code=answer["statusCode"], headers=answer.get("headers"))


def _method(
    given: Mapping[str, Any], assembly: Assembly, made: Mapping[str, str], throttles: Mapping[tuple[str, str], Throttle]
) -> Method:
    integration, resource = given["Integration"], _path(given["ResourceId"], assembly.template["Resources"])
    if integration["Type"] == "MOCK":
        (answer,) = integration["IntegrationResponses"]
        headers = {name.rpartition(".")[2]: value.strip("'") for name, value in answer.get("ResponseParameters", {}).items()}
        return Method(resource, "", needs_key=False, headers=headers)
    (logical,) = [part["Fn::GetAtt"][0] for part in integration["Uri"]["Fn::Join"][1] if "Fn::GetAtt" in part]
    let_in = [
        one
        for _name, one in assembly.resources("AWS::Lambda::Permission")
        if one["Principal"] == "apigateway.amazonaws.com" and one["FunctionName"] == {"Fn::GetAtt": [logical, "Arn"]}
    ]
    if not let_in:
        raise JobError(f"the function {logical} does not let API Gateway call it: its permission is missing")
    throttle = throttles.get((resource, given["HttpMethod"]))
    return Method(resource, made[logical], bool(given.get("ApiKeyRequired")), throttle)


def _path(resource: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """`/tweets` for a reference to a resource of the API; nothing for its root."""
    if "Ref" not in resource:
        return ""
    given = resources[resource["Ref"]]["Properties"]
    return f"{_path(given['ParentId'], resources)}/{given['PathPart']}"


def _event(request: Request, stage: str, resource: str, path: str, parameters: dict[str, str], body: bytes) -> dict[str, Any]:
    """As a function behind API Gateway's proxy integration is told of a request."""
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "queryStringParameters": dict(request.query_params) or None,
        "pathParameters": parameters or None,
        "requestContext": {
            "stage": stage,
            "path": request.url.path,
            "resourcePath": resource,
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": text or None,
        "isBase64Encoded": encoded,
    }


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
