"""What AWS says of regions, profiles and credentials is one sentence with its remedy, for every command; never a traceback."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.main import main

LIST = "screen_name,user_id,name,office,coalition,party\nana,7,Ana,Diputada,Norte,PN\n"
COMMANDS = {
    "generate": ["generate", "--partido", "PN"],
    "import": ["import", "tweets.csv", "--politicians", "list.csv"],
    "retire": ["retire"],
    "forget": ["forget", "--tweet", "1446921934455017486", "--yes"],
    "discover": ["discover", "list.csv"],
    "registry check": ["registry", "check"],
    "registry put": ["registry", "put", "list.csv"],
    "cost ingest": ["cost", "ingest"],
    "dataset summary": ["dataset", "summary"],
}
"""Every command that asks AWS for something."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command where nobody has told boto3 anything but what is given here; its exit code and what it said."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "")  # first, so that what a command sets is taken back too
        monkeypatch.delenv(name)
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "tweets.csv").write_text("id,created_at,text,user_id\n")

    def run_it(*words: str, **told: str) -> tuple[int, str]:
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["politico", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run_it


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "nobody's"}


def failing(error: Exception) -> Callable[..., Any]:
    def call(_client: BaseClient, _operation: str, _parameters: Any) -> Any:
        raise error

    return call


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "The security token is of no use"}}, "DescribeStacks")


def assert_one_sentence(said: str, *words: str) -> None:
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_region_a_command_says_which_variable_to_set(run: Callable[..., tuple[int, str]], command: str) -> None:
    code, said = run(*COMMANDS[command], **KEYS)
    assert code == 2
    assert_one_sentence(said, "You must specify a region", "AWS_REGION")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_profile_that_is_not_there_is_named(run: Callable[..., tuple[int, str]], command: str) -> None:
    code, said = run(*COMMANDS[command], AWS_PROFILE="nobody", AWS_REGION="us-east-1")
    assert code == 2
    assert_one_sentence(said, "nobody", "AWS_PROFILE")


@pytest.mark.parametrize("command", COMMANDS)
def test_without_credentials_a_command_says_where_they_go(run: Callable[..., tuple[int, str]], command: str) -> None:
    code, said = run(*COMMANDS[command], AWS_REGION="us-east-1")
    assert code == 2
    assert_one_sentence(said, "Unable to locate credentials", "AWS_ACCESS_KEY_ID")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_expired_token_is_told_as_one(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(refusal("ExpiredTokenException")))
    code, said = run(*COMMANDS[command], AWS_REGION="us-east-1", **KEYS)
    assert code == 2
    assert_one_sentence(said, "expired", "sign in again")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("UnrecognizedClientException"), ["does not know the credentials"]),
        (refusal("AccessDeniedException"), ["may not do this"]),
        (EndpointConnectionError(endpoint_url="http://localhost:1"), ["localhost:1", "AWS_ENDPOINT_URL"]),
    ],
    ids=["unknown keys", "no right", "no connection"],
)
def test_each_kind_of_refusal_has_its_own_remedy(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, error: Exception, words: list[str]
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(error))
    code, said = run(*COMMANDS["dataset summary"], AWS_REGION="us-east-1", **KEYS)
    assert code == 2
    assert_one_sentence(said, *words)


def test_a_refusal_that_nobody_here_can_mend_is_a_failure(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(_client: BaseClient, operation: str, _parameters: Any) -> Any:
        if operation == "DescribeStacks":
            return {"Stacks": [{"Outputs": [{"OutputKey": "LakeBucket", "OutputValue": "lake"}]}]}
        raise refusal("InternalError")

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    code, said = run(*COMMANDS["dataset summary"], AWS_REGION="us-east-1", **KEYS)
    assert (code, said.split(":")[0]) == (1, "failed")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
    ],
    ids=["AWS_REGION", "AWS_DEFAULT_REGION", "both"],
)
def test_aws_region_is_honoured_as_the_aws_command_line_does(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, told: dict[str, str], asked: str
) -> None:
    regions: list[str] = []

    def call(client: BaseClient, _operation: str, _parameters: Any) -> Any:
        regions.append(client.meta.region_name)
        raise refusal("ExpiredToken")

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    run(*COMMANDS["generate"], **told, **KEYS)
    assert regions == [asked]
