"""Packed folders come out as they were, and what would write elsewhere does not come out at all, on every Python."""

import io
import tarfile
from pathlib import Path

import pytest

from politico.models.packed import unpack

ELSEWHERE = Path("/tmp/politico-escaped")


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
    return info


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for one in members:
            out.addfile(one, io.BytesIO(b"text") if one.isreg() else None)
    return path


@pytest.fixture(params=["as this Python has it", "as Python 3.11.2 has it"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "as this Python has it":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


@pytest.mark.usefixtures("python")
def test_files_and_folders_come_out(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar.gz", member("code", tarfile.DIRTYPE), member("code/train.py"), member("./card.json"))
    unpack(archive, tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"code/train.py", "card.json"}


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped"),
        member("code/../../escaped"),
        member(str(ELSEWHERE)),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("link", tarfile.SYMTYPE, "card.json"),
        member("link", tarfile.LNKTYPE, "../escaped"),
        member("pipe", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda one: f"{one.name} {one.type.decode()} {one.linkname}",
)
def test_what_is_no_file_of_the_folder_keeps_all_of_it_from_coming_out(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    archive = packed(tmp_path / "a.tar.gz", member("card.json"), bad)
    with pytest.raises(tarfile.TarError, match="which is no file of its own folder"):
        unpack(archive, tmp_path / "out")
    assert not ELSEWHERE.exists()
    assert [path for path in tmp_path.rglob("*") if path != archive] == []
