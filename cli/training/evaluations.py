"""`politico evaluation`: the page of an evaluation, from a folder here or from the lake."""

import json
from pathlib import Path

from rich.console import Console

from cli import local_cloud
from cli.pages.evaluation import PAGE_FILE, read_evaluation, write_page
from politico.errors import FileFormatError, LimitError
from politico.lake import places
from politico.runs import is_run
from training.evaluation.evaluate import EVALUATION_FILE


def show_evaluation(source: str, out: Path | None, *, local: bool) -> None:
    """Write the page and say where it is. Raises InputError."""
    path = _file_of(Path(source))
    if path is not None:
        text, page = _text_of(path), out or path.with_name(PAGE_FILE)
    else:
        text, page = _of_lake(source, local=local), out or Path(PAGE_FILE)
    write_page(read_evaluation(text, source), page, source)
    Console().print(f"{page}: figures, pictures and tweets of {source}", highlight=False, soft_wrap=True)


def _file_of(path: Path) -> Path | None:
    """The figures that are meant; None for what is no path here. Raises LimitError for a folder without any."""
    if path.is_file():
        return path
    for one in (path / EVALUATION_FILE, path / "evaluation" / EVALUATION_FILE):
        if one.is_file():
            return one
    if path.is_dir():
        raise LimitError(f"{path} has no evaluation; `politico train` makes one of a casual or a control model")
    return None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} can't be read: {error}") from error


def _of_lake(run: str, *, local: bool) -> str:
    if not is_run(run):
        raise LimitError(
            f"{run} is not there, and no run's id; give a run's folder, an evaluation.json, or the id of a run on the stack"
        )
    found = local_cloud.stack(local=local).lake.read_json_if_any(places.evaluation_figures(run))
    if found is None:
        raise LimitError(f"neither here nor in the lake is there an evaluation of {run!r}; a run of a base has none")
    return json.dumps(found)
