"""Which models saw what: tweets that had to go, and corpora that held them."""

import io
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones
from politico.models.packages import versions_by_run
from politico.models.seen import FILE, Seen


@dataclass(frozen=True)
class Affected:
    """A run whose model was trained on something that is buried now."""

    run: str
    tweets: int
    """How many buried tweets its training data held."""
    corpora: tuple[str, ...]
    """Corpora its base model was trained on that held a buried tweet's words."""
    through: tuple[str, ...]
    """Runs of this list whose models it was built on."""
    versions: tuple[dict[str, str], ...]
    """Its versions in the model group: `arn` and `status`. Approved ones may be serving."""


def affected_models(
    lake: Lake, buried: Tombstones, changed: Collection[str], known: Mapping[str, Sequence[str]], sagemaker: Any, group: str
) -> list[Affected]:
    """Every run whose model saw a buried tweet, or a corpus before it had to be changed, or was built on one that did, oldest
    first.

    `changed` names the corpora that were changed just now; `known` has, by run, those that earlier sweeps changed after it.
    """
    tweets: dict[str, set[str]] = {}
    built_on: dict[str, str] = {}
    corpora: dict[str, set[str]] = {run: set(names) for run, names in known.items() if names}
    for key in lake.keys(places.MODELS):
        run = places.training_output(key)
        if run is not None and buried.tweets:
            # Each stage of a run has its list: a tokenizer's tweets are the base's, too.
            tweets.setdefault(run, set()).update(_seen(lake, key).among(buried.tweets))
        elif (run := places.request_of(key)) is not None:
            asked = lake.read_json(key)
            if asked.get("corpus") in changed:
                corpora.setdefault(run, set()).add(asked["corpus"])
            if (base := places.run_of_model(str(asked.get("base_model") or ""))) is not None:
                built_on[run] = base
    saw = {run for run, found in tweets.items() if found} | set(corpora)
    through = {run: tuple(base for base in _bases(run, built_on) if base in saw) for run in built_on}
    runs = sorted(saw | {run for run, bases in through.items() if bases})
    if not runs:
        return []
    versions = versions_by_run(sagemaker, group)
    return [
        Affected(
            run,
            len(tweets.get(run, ())),
            tuple(sorted(corpora.get(run, ()))),
            through.get(run, ()),
            tuple(asdict(one) for one in versions.get(run, ())),
        )
        for run in runs
    ]


def _bases(run: str, built_on: Mapping[str, str]) -> list[str]:
    """The runs whose models this one's was built on, the nearest first."""
    found: list[str] = []
    while (base := built_on.get(run)) is not None and base not in found:
        found.append(base)
        run = base
    return found


def _seen(lake: Lake, key: str) -> Seen:
    """What the job that left this packed output says it was trained on; nothing, for a job that sees no tweets."""
    with tarfile.open(fileobj=io.BytesIO(lake.read(key))) as packed:
        member = next((one for one in packed.getmembers() if one.name.removeprefix("./") == FILE), None)
        found = packed.extractfile(member) if member else None
        return Seen.read(found.read() if found else b"")
