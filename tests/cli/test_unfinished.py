"""An import that is stopped, wherever: the same command goes on, and what is there in the end is what it would have been."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from cli.executions import Execution
from cli.importing import command, hands, rows, unfinished
from cli.importing.command import Archive, Stored, store
from cli.importing.inputs import Inputs, read_files
from cli.importing.posts import PostsWriter
from cli.importing.unfinished import Standing, Unfinished, begun
from politico.archives.tables import TableReading
from politico.control.political import SCHEMA
from politico.errors import InputError, JobError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import bury
from politico.tweets.politician import Registry

NOBODY = Registry([])
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HEADER = "id,created_at,author_id,username,text,is_retweet\n"
LIST = "screen_name,user_id,name,office,coalition,party\njuana,7,Juana Rojas,Senadora,Norte,PVA\n"


def line(number: int, text: str = "", told: str = "False") -> str:
    moment = NOW - timedelta(minutes=number)
    id_str = (int(moment.timestamp() * 1000) - 1_288_834_974_657 << 22) + number
    return f'{id_str},{moment:%Y-%m-%dT%H:%M:%SZ},7,juana,"{text or f"Hola a todos y todas {number}"}",{told}\n'


def files(folder: Path, lines: list[str]) -> tuple[Path, Path]:
    (folder / "tweets.csv").write_text(HEADER + "".join(lines), encoding="utf-8")
    (folder / "people.csv").write_text(LIST)
    return folder / "tweets.csv", folder / "people.csv"


def read(folder: Path, name: str, **options: Any) -> tuple[Inputs, str, list[str], list[str]]:
    """What a reading gives, with its list of politicians, its posts and its rejects."""
    (folder / name).mkdir(exist_ok=True)
    posts, rejected = folder / name / "posts.jsonl", folder / name / "rejected.jsonl"
    found = read_files(folder / "tweets.csv", folder / "people.csv", posts, rejected, UTC_ZONE, now=NOW, **options)
    plain = replace(found, posts=Path(), registry=NOBODY)
    return plain, found.registry.to_csv(), posts.read_text().splitlines(), rejected.read_text().splitlines()


# Reading

troubles = st.sampled_from(
    [
        line(1),  # again and again the same id
        line(2, "El camiÃ³n pasÃ³ por la maÃ±ana temprano"),
        line(3, told="quizás"),
        line(4, told="sí"),
        '"a stray quotation mark,"x\n',
        "too,few\n",
        HEADER,
        "\n",
    ]
)


@settings(deadline=None, max_examples=40)
@given(given_lines=st.lists(st.integers(10, 500).map(line) | troubles, max_size=40), of=st.integers(1, 4), size=st.integers(1, 9))
def test_several_processes_read_what_one_reads(
    tmp_path_factory: pytest.TempPathFactory, given_lines: list[str], of: int, size: int
) -> None:
    folder = tmp_path_factory.mktemp("read")
    files(folder, [line(0), *given_lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "STRETCH", size)
        alone = read(folder, "alone")
        work = folder / "work"
        work.mkdir()
        reading = TableReading(UTC_ZONE, user_ids={"juana": "7"})
        for share in reversed(range(of)):
            rows.judge(folder / "tweets.csv", reading, work, share, of)
        judged_again: list[int] = []
        patch.setattr(rows, "_write", lambda folder, stretch, *more: judged_again.append(stretch))
        shared = read(folder, "shared", work=work)
    assert shared == alone
    assert judged_again == []


def test_a_reading_that_was_killed_goes_on_behind_what_it_had_judged(tmp_path: Path) -> None:
    """The whole process with those beside it, at any moment, by the signal that nobody can catch."""
    files(tmp_path, [line(number) for number in range(30_000)])
    work = tmp_path / "work"
    work.mkdir()
    script = tmp_path / "reading.py"
    script.write_text(
        "import sys; from pathlib import Path; from zoneinfo import ZoneInfo\n"
        "from cli.importing import rows; rows.STRETCH = 2_000\n"
        "from cli.importing.inputs import read_files\n"
        "if __name__ == '__main__':\n"
        "    here = Path(sys.argv[1])\n"
        "    read_files(here / 'tweets.csv', here / 'people.csv', here / 'posts', here / 'bad', ZoneInfo('UTC'),\n"
        "               work=here / 'work', processes=2)\n"
    )
    process = subprocess.Popen([sys.executable, script, tmp_path], start_new_session=True, env={**os.environ, "PYTHONPATH": "."})
    until = time.monotonic() + 60
    while len(rows.stretches(work)) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    held = {path: path.stat().st_mtime_ns for path in work.glob("*.tally")}
    assert 3 <= len(held) < 15, "it was killed in the middle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "STRETCH", 2_000)
        patch.setattr(hands, "STRETCH", 2_000)
        gone_on = read(tmp_path, "on", work=work)
        assert {path: path.stat().st_mtime_ns for path in held} == held
        assert gone_on == read(tmp_path, "whole")
    assert gone_on[0].kept == 30_000


def test_a_process_that_dies_is_named_and_not_waited_for(tmp_path: Path) -> None:
    files(tmp_path, [line(number) for number in range(20)])
    with pytest.raises(JobError, match="was killed, for memory as a rule; the same command goes on"), hands.Hands(2) as two:
        two._pool.submit(os._exit, 9).result()  # type: ignore[union-attr]


# Storing


@pytest.fixture
def services() -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        s3.create_bucket(Bucket="lake")
        s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        handed: list[str] = []
        ledger = SimpleNamespace(hand_over=lambda user_id, run: handed.append(user_id))
        yield SimpleNamespace(lake=Lake(s3, "lake"), ledger=ledger, handed=handed)


def posts_of(folder: Path, count: int) -> Path:
    with PostsWriter(folder / "posts") as writer:
        for number in range(count):
            id_str = str(1_200_000_000_000_000_000 + number)
            post = {
                "id": id_str,
                "author_id": "78"[number % 2],
                "text": "Hola a todos y todas",
                "created_at": "2024-01-01T00:00:00Z",
            }
            writer.write(post["author_id"], id_str, json.dumps(post))
    return folder / "posts"


class StoppedError(Exception):
    """What stops a storing in these tests."""


def stop_after(count: int) -> Callable[[Lake, str, bytes], None]:
    """`write_text` of a lake that ends the storing once so many pages are there."""
    written: list[str] = []
    original = Lake.write_text

    def write_text(lake: Lake, key: str, body: bytes) -> None:
        if len(written) >= count:
            raise StoppedError
        written.append(key)
        original(lake, key, body)

    return write_text


def held_in(lake: Lake, run: str) -> dict[str, bytes]:
    return {key.split(f"run={run}/")[1]: lake.read(key) for key in lake.keys(places.raw_of_run(run))}


def storing(folder: Path, run: str) -> Unfinished:
    return Unfinished(folder, Standing(run, run, NOW.isoformat()), False)


@pytest.mark.parametrize("pages", [0, 1, 5, 11])
def test_a_storing_that_was_stopped_goes_on_and_leaves_what_it_would_have(services: Any, tmp_path: Path, pages: int) -> None:
    posts, under_way = posts_of(tmp_path, 1_150), storing(tmp_path, "20240101-000000-00000001")
    whole = storing(tmp_path, "20240101-000000-00000002")
    assert store(services, posts, whole, NOW) == Stored(12, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lake, "write_text", stop_after(pages))
        with pytest.raises(StoppedError):
            store(services, posts, under_way, NOW)
    services.handed.clear()
    again = Unfinished(tmp_path, unfinished._read(tmp_path) or under_way.progress, True)
    assert store(services, posts, again, NOW) == Stored(12, pages)
    assert held_in(services.lake, again.progress.run) == held_in(services.lake, whole.progress.run)
    assert services.handed == ["7", "8"]


def test_what_was_buried_since_it_was_stopped_is_in_no_page(services: Any, tmp_path: Path) -> None:
    posts, under_way = posts_of(tmp_path, 450), storing(tmp_path, "20240101-000000-00000001")
    store(services, posts, under_way, NOW)
    gone = str(1_200_000_000_000_000_200)
    bury(services.lake, tweets={gone: "deleted"}, now=NOW)
    assert store(services, posts, under_way, NOW).there == 0
    assert not any(gone in services.lake.read_text(key) for key in services.lake.keys(places.RAW))


# The folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files(tmp_path, [line(0)])
    return tmp_path


def opened(where: str = "lake", **options: Any) -> Any:
    return begun(Path("tweets.csv"), Path("people.csv"), where, options)


def test_the_same_import_goes_on_and_any_other_begins(here: Path) -> None:
    with pytest.raises(StoppedError), opened(zone="UTC") as first:
        raise StoppedError
    assert not first.goes_on
    for other in (opened(zone="Z"), opened("another lake", zone="UTC")):
        with other as found:
            assert not found.goes_on
            assert found.folder != first.folder
    with opened(zone="UTC") as again:
        assert again.goes_on
        assert again.progress == first.progress
    assert not first.folder.exists(), "an import that is through leaves nothing"
    with pytest.raises(StoppedError), opened(zone="UTC"):
        raise StoppedError
    (here / "tweets.csv").write_text(HEADER + line(5) + line(6))
    with opened(zone="UTC") as changed:
        assert not changed.goes_on


def test_a_file_that_is_refused_leaves_nothing_behind(here: Path) -> None:
    with pytest.raises(InputError, match="no"), opened() as found:
        raise InputError("no")
    assert not found.folder.exists()


def test_one_import_of_a_file_at_a_time(here: Path) -> None:
    with opened(), pytest.raises(InputError, match=r"an import of tweets.csv is under way in this folder"), opened():
        pass
    with opened() as found:
        assert not found.goes_on


def test_what_nobody_goes_on_with_is_gone_after_a_week(here: Path) -> None:
    with pytest.raises(StoppedError), opened(zone="UTC") as old:
        raise StoppedError
    week_ago = time.time() - unfinished.KEPT_SECONDS - 60
    os.utime(old.folder / "progress.json", (week_ago, week_ago))
    with opened(zone="Z"):
        assert not old.folder.exists()


@pytest.mark.parametrize(("status", "goes_on"), [("RUNNING", True), ("SUCCEEDED", True), ("FAILED", False), ("", False)])
def test_a_workflow_that_goes_on_by_itself_is_followed_and_not_started_twice(
    here: Path, monkeypatch: pytest.MonkeyPatch, status: str, goes_on: bool
) -> None:
    """Comprehend would be paid twice for every tweet."""
    monkeypatch.setattr(Execution, "status", property(lambda execution: status))
    with pytest.raises(StoppedError), opened() as found:
        raise StoppedError
    found.note(replace(found.progress, execution="arn"))
    with opened() as again:
        execution = command._started(SimpleNamespace(), again)  # type: ignore[arg-type]
        assert (execution is not None) == goes_on
        assert bool(again.progress.execution) == goes_on
        assert (again.progress.name == found.progress.name) == goes_on, "Step Functions takes a name once"


def test_an_option_that_changes_what_is_read_makes_another_import() -> None:
    archive = Archive(Path("t"), Path("p"), Path("r"), "UTC")
    schema = SCHEMA
    others = [replace(archive, time_zone="Z"), replace(archive, columns={"text": "x"}), replace(archive, author="a")]
    others += [replace(archive, from_ids=True)]
    assert len({json.dumps(one.as_read(schema)) for one in (archive, *others)}) == 5
