"""Where things lie in the bucket: every key, and what can be read off one. Nothing else spells a key."""

from datetime import UTC, date, datetime

REGISTRY_FOLDER = "registry/"
REGISTRY = f"{REGISTRY_FOLDER}politicians.csv"
CANDIDATES = f"{REGISTRY_FOLDER}candidates.csv"
"""Accounts found by search, for a person to review."""
REGISTRY_SETTINGS = f"{REGISTRY_FOLDER}settings.json"
REGISTRY_CURATED = f"{REGISTRY_FOLDER}curated.json"
"""The people that every day of the dataset was joined with, as they were listed then."""
RAW = "raw/"
ANNOTATED = "annotated/"
DATASET = "dataset/"
PARTITION = "dt"
"""What a day's folder is named by, `dt=DAY`: the column that Athena knows it as."""
DATASET_MANIFEST = f"{DATASET}manifest.json"
"""What the dataset consists of, day by day; in no day's folder, so that no query reads it as data."""
SCHEMA_FILE = "schema.json"
DATASET_SCHEMA = f"{DATASET}{SCHEMA_FILE}"
"""What steers a text, in a lake of another domain than politics; beside the days, so that whoever reads them has it."""
TOMBSTONES = "tombstones/"
CORPORA = "corpora/"
BASES = "bases/"
"""Base models that were brought from elsewhere, packed."""
MODELS = "models/"
CHECKPOINTS = "checkpoints/"
"""What interrupted jobs go on from; it expires."""
CHECKPOINT = ".pt"
"""How a checkpoint's name ends; beside it are lists of what the run began with and has learnt from."""
CAPTURED = "captured/"
"""What the endpoint was asked and answered, where that is kept; it expires."""
COMPLIANCE = "compliance/"
COMPLIANCE_TURN = f"{COMPLIANCE}turn.json"
"""Where the lookups of a few posts a day go on."""
COMPLIANCE_SWEPT = f"{COMPLIANCE}swept.json"
"""When the last complete sweep began."""
COMPLIANCE_CHANGED = f"{COMPLIANCE}changed/"
"""Corpora that a sweep had to change and whose models are not named yet."""
COMPLIANCE_MODELS = f"{COMPLIANCE}models.json"
"""The models that were trained on what is buried now."""
SHARD_FILES = ("tokenizer.json", "train.bin", "held_out.bin", "corpus.json")
"""What the corpus job writes: the tokenizer, both sides' tokens, and their statistics."""
RUNS = "runs/"
_SOURCE, _OUTPUT, _FIGURES, _REQUEST, _REPORT = (
    "source/",
    "output/output.tar.gz",
    "evaluation.json",
    "request.json",
    "report.json",
)


def _of_run(run: str, name: str) -> str:
    return f"{RUNS}{run}/{name}"


def _of_day(prefix: str, day: date) -> str:
    return f"{prefix}{PARTITION}={day}/"


def raw_of_run(run: str) -> str:
    """The prefix of all pages of one run."""
    return f"{RAW}run={run}/"


def raw_pages(run: str, user_id: str) -> str:
    """The prefix of one account's pages of one run."""
    return f"{raw_of_run(run)}user={user_id}/"


def raw_page(run: str, user_id: str, newest: str, oldest: str) -> str:
    return f"{raw_pages(run, user_id)}{newest}-{oldest}.jsonl.gz"


def parts(run: str) -> str:
    """The item list that a run's annotation goes through: its parts, each with its accounts."""
    return _of_run(run, "manifest.json")


def plan(run: str) -> str:
    """As of when a run's pages are to be judged: written before the first of them."""
    return _of_run(run, "plan.json")


def accounts(run: str) -> str:
    """The item list of the accounts that a run asks X for."""
    return _of_run(run, "accounts.json")


def fetched(run: str, number: str) -> str:
    """What became of one of them; no key holds a user's id but a raw page's."""
    return _of_run(run, f"accounts/{number}.json")


def part_counts_folder(run: str) -> str:
    return _of_run(run, "parts/")


def part_counts(run: str, part: str) -> str:
    """What became of one part, account by account."""
    return f"{part_counts_folder(run)}{part}.json"


def rejected(run: str, part: str) -> str:
    """The posts of one part that could not be read, one a line, with the reason and without the text."""
    return _of_run(run, f"rejected/{part}.jsonl")


def touched_days(run: str) -> str:
    """The item list that a run's curation goes through."""
    return _of_run(run, "days.json")


def registry_of_run(run: str) -> str:
    """The people that a run's curation is to join the days with."""
    return _of_run(run, "registry.json")


def day_counts_folder(run: str) -> str:
    return _of_run(run, "days/")


def day_counts(run: str, first_day: str) -> str:
    """What became of a batch of days."""
    return f"{day_counts_folder(run)}{first_day}.json"


def report(run: str) -> str:
    return _of_run(run, _REPORT)


def is_report(key: str) -> bool:
    return key.startswith(RUNS) and key.endswith(f"/{_REPORT}")


def annotated_day(day: date) -> str:
    return _of_day(ANNOTATED, day)


def annotated_part(day: date, run: str, part: str) -> str:
    """Kept tweets of a day; keys of one day sort by run, oldest first."""
    return f"{annotated_day(day)}{run}-{part}.jsonl.gz"


def dataset_day(day: date) -> str:
    return f"{_of_day(DATASET, day)}tweets.parquet"


def tombstone(buried: datetime, name: str) -> str:
    """One burial; keys sort by time."""
    return f"{TOMBSTONES}{buried:%Y%m%d-%H%M%S}-{name}.jsonl"


def buried_at(key: str) -> datetime:
    """When the burial under this key was made, to the second, in UTC."""
    return datetime.strptime(key.removeprefix(TOMBSTONES)[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)


def corpus(name: str) -> str:
    """A text collection as it was given."""
    return f"{CORPORA}{name}/{_SOURCE}"


def base(name: str) -> str:
    """A base model that was brought from elsewhere, as SageMaker packs one."""
    return f"{BASES}{name}/model.tar.gz"


def shards(run: str) -> str:
    """A tokenizer and token shards, as the corpus job writes them."""
    return f"{CORPORA}{RUNS}{run}/"


def shard_files(run: str) -> list[str]:
    return [shards(run) + name for name in SHARD_FILES]


def models(run: str) -> str:
    return f"{MODELS}{run}/"


def checkpoints(run: str, stage: str) -> str:
    return f"{CHECKPOINTS}{run}/{stage}/"


def evaluation(run: str) -> str:
    """The folder of a run's evaluation."""
    return f"{models(run)}evaluation/"


def evaluation_figures(run: str) -> str:
    return f"{evaluation(run)}{_FIGURES}"


def day_of(key: str) -> date:
    """The day in the key of an annotated part or of a dataset file."""
    return date.fromisoformat(key.split(f"{PARTITION}=")[1].split("/")[0])


def run_and_user(key: str) -> tuple[str, str]:
    """The run and the account in the key of a raw page."""
    _raw, run, user_id, _page = key.split("/")
    return run.removeprefix("run="), user_id.removeprefix("user=")


def newest_and_oldest(key: str) -> tuple[str, str]:
    """The ids of the newest and the oldest post in the key of a raw page."""
    newest, oldest = key.rpartition("/")[2].removesuffix(".jsonl.gz").split("-")
    return newest, oldest


def is_dataset_day(key: str) -> bool:
    return key.startswith(DATASET) and key.endswith(".parquet")


def is_evaluation(key: str) -> bool:
    return key.startswith(MODELS) and key.endswith(f"/{_FIGURES}")


def is_corpus_source(key: str) -> bool:
    return key.startswith(CORPORA) and f"/{_SOURCE}" in key


def corpus_name(key: str) -> str:
    """The name in the key of a corpus's source file."""
    return key.removeprefix(CORPORA).split("/")[0]


def request(run: str) -> str:
    """What a training run was asked for: its corpus among it."""
    return f"{models(run)}{_REQUEST}"


def request_of(key: str) -> str | None:
    """The run whose request stands under this key; None for any other key."""
    return key.removeprefix(MODELS).split("/")[0] if key.startswith(MODELS) and key.endswith(f"/{_REQUEST}") else None


def compliance_report(run: str) -> str:
    return f"{COMPLIANCE}{run}/{_REPORT}"


def compliance_asked(run: str) -> str:
    """How much X was asked about, and what it said at once."""
    return f"{COMPLIANCE}{run}/asked.json"


def compliance_heard(run: str) -> str:
    """What X's finished jobs said, by reason."""
    return f"{COMPLIANCE}{run}/heard.json"


def swept_parts(run: str) -> str:
    return f"{COMPLIANCE}{run}/parts/"


def swept_part(run: str, phase: str, part: int) -> str:
    """What one part of a sweep removed."""
    return f"{swept_parts(run)}{phase}-{part:05}.json"


def changed_corpus(name: str) -> str:
    return f"{COMPLIANCE_CHANGED}{name}.json"


def name_of_changed(key: str) -> str:
    """The corpus that a key of COMPLIANCE_CHANGED is about."""
    return key.removeprefix(COMPLIANCE_CHANGED).removesuffix(".json")


def run_of_model(uri: str) -> str | None:
    """The run that a model's address in the lake belongs to, as `s3://BUCKET/models/RUN/…`; None for any other address."""
    _scheme, _, rest = uri.partition("://")
    folder, _, run = rest.partition("/")[2].partition("/")
    return run.partition("/")[0] or None if f"{folder}/" == MODELS else None


def trained_by(key: str) -> tuple[str, str] | None:
    """The stage and the name of the job that left its packed model under this key; None for any other key."""
    folder, _, file = key.partition("/output/")
    run, _, job = folder.removeprefix(MODELS).partition("/")
    stage = job.removeprefix(f"{run}-").rpartition("-")[0]
    return (stage, job) if key.startswith(MODELS) and file == "model.tar.gz" and stage else None


def training_output(key: str) -> str | None:
    """The run whose job left its packed output under this key; None for any other key."""
    if not (key.startswith(MODELS) and key.endswith(f"/{_OUTPUT}")):
        return None
    return key.removeprefix(MODELS).split("/")[0]
