"""The answers of a study: how often people are right, by what, and how much they agree."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.study.making import ANSWERS, CHECK, GENERATED, REAL, Item
from politico.errors import FileFormatError
from training.evaluation.adherence import interval


@dataclass
class Answers:
    """What became of the files: read = used + inattentive + rejected."""

    used: list[Mapping[str, str]] = field(default_factory=list)
    """By item's id: what was answered."""
    inattentive: int = 0
    """Who got a check wrong."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Files that are none of this study, and why."""

    @property
    def read(self) -> int:
        return len(self.used) + self.inattentive + len(self.rejected)


def read_key(path: Path) -> tuple[str, list[Item]]:
    """The study's identity and its items. Raises FileFormatError."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        return str(key["study"]), [Item(**one) for one in key["items"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is no study's key: {error}") from error


def read_answers(paths: Iterable[Path], study: str, items: Sequence[Item]) -> Answers:
    """Each file is one participant's."""
    found = Answers()
    known = {one.id: one for one in items}
    for path in paths:
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            given = {str(name): str(value) for name, value in body["answers"].items()}
            other = body["study"] != study
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            found.rejected[path.name] = f"no answers: {error!r}"
            continue
        if other:
            found.rejected[path.name] = "of another study"
        elif unknown := sorted(set(given) - set(known)):
            found.rejected[path.name] = f"answers to {len(unknown)} tweets that the study does not have"
        elif wrong := sorted({value for value in given.values() if value not in ANSWERS}):
            found.rejected[path.name] = f"an answer is {wrong[0]!r}; it takes {' or '.join(ANSWERS)}"
        elif any(given.get(one.id) != one.right for one in items if one.kind == CHECK):
            found.inattentive += 1
        else:
            found.used.append(given)
    return found


def results_of(answers: Answers, items: Sequence[Item]) -> dict[str, Any]:
    """Shares of right answers with their 95 % intervals, ready for JSON: 0.5 is chance."""
    judged = [one for one in items if one.kind != CHECK]
    groups: dict[str, dict[str, list[Item]]] = {
        "all": {"all": judged},
        "kind": {kind: [one for one in judged if one.kind == kind] for kind in (REAL, GENERATED)},
        "party": {party: [one for one in judged if one.party == party] for party in sorted({one.party for one in judged})},
        "model": {
            model: [one for one in judged if one.model == model] for model in sorted({one.model for one in judged if one.model})
        },
    }
    return {
        "files": {
            "read": answers.read,
            "used": len(answers.used),
            "inattentive": answers.inattentive,
            "rejected": answers.rejected,
        },
        "accuracy": {by: {name: _accuracy(answers.used, of) for name, of in named.items()} for by, named in groups.items()},
        "agreement": fleiss_kappa(answers.used, judged),
        "taken_for_people": _share_of(answers.used, [one for one in judged if one.kind == GENERATED], ANSWERS[0]),
    }


def fleiss_kappa(answers: Sequence[Mapping[str, str]], items: Sequence[Item]) -> float | None:
    """How much participants agree beyond chance (Fleiss 1971), over the tweets that all answered: 0 is chance, 1 always. None for
    fewer than two participants or no such tweet, or where all gave one answer to everything."""
    common = [one.id for one in items if all(one.id in given for given in answers)]
    raters = len(answers)
    if raters < 2 or not common:
        return None
    counts = [Counter(given[one] for given in answers) for one in common]
    agreed = sum((sum(n * n for n in count.values()) - raters) / (raters * (raters - 1)) for count in counts) / len(common)
    shares = [sum(count[answer] for count in counts) / (raters * len(common)) for answer in ANSWERS]
    chance = sum(share * share for share in shares)
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def show_study(key: Path, paths: Sequence[Path], *, as_json: bool) -> None:
    """Print what came of a study. Raises InputError."""
    study, items = read_key(key)
    answers = read_answers(_files(paths), study, items)
    found = results_of(answers, items)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    console = Console(width=None if Console().is_terminal else 120)
    console.print(
        f"{answers.read} files read = {len(answers.used)} used + {answers.inattentive} that missed a check + "
        f"{len(answers.rejected)} rejected",
        highlight=False,
    )
    for name, reason in answers.rejected.items():
        console.print(f"  {name}: {reason}", highlight=False, markup=False)
    table = Table("by", "", "answers", "right", "95 % interval", title="0.5 is chance")
    for by, named in found["accuracy"].items():
        for name, one in named.items():
            table.add_row(by, name, f"{one['answers']:,}", f"{one['share']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}")
    console.print(table)
    agreement = found["agreement"]
    console.print(f"agreement (Fleiss' kappa): {'–' if agreement is None else f'{agreement:.2f}'}", highlight=False)
    console.print(f"generated tweets taken for people's: {found['taken_for_people']['share']:.1%}", highlight=False)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Files, and those of folders. Raises FileFormatError for what is not there."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileFormatError(f"{path} is not there; give the participants' files, or a folder of them")
        found += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return found


def _accuracy(answers: Sequence[Mapping[str, str]], items: Sequence[Item]) -> dict[str, Any]:
    right = sum(given[one.id] == one.right for given in answers for one in items if one.id in given)
    return _share(right, sum(one.id in given for given in answers for one in items))


def _share_of(answers: Sequence[Mapping[str, str]], items: Sequence[Item], answer: str) -> dict[str, Any]:
    said = sum(given[one.id] == answer for given in answers for one in items if one.id in given)
    return _share(said, sum(one.id in given for given in answers for one in items))


def _share(good: int, count: int) -> dict[str, Any]:
    low, high = interval(good, count) if count else (0.0, 1.0)
    return {"answers": count, "share": good / max(1, count), "low": low, "high": high}
