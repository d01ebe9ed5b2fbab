"""The `politico` command. Run: politico --help"""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.aws_errors import readable
from local.processes.ports import DEFAULT_PORT
from politico.accounts.discovery import Choice
from politico.control.request import MAX_DRAWS, Parameters
from politico.cost.estimate import Assumptions
from politico.errors import InputError, PoliticoError
from politico.lake.registry import DEFAULT_TIME_ZONE
from politico.models.experiment import find_experiment

app = typer.Typer(
    name="politico",
    help="Politicians' tweets in, a model that writes them on demand out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

DRAFTS = 4
"""What a person waits for gladly when the tweet says more for it."""
DEFAULT_OUT = Path("out")
DEFAULT_RUN = Path("run")
PAGE_PORT = 8765
DEFAULT_PARTIES = Path("parties")
DEFAULT_REPORT = Path("report")
DEFAULT_STUDY = Path("study")
GENERATED = find_experiment("control-tiny").evaluation.generated


@app.command(
    epilog="Examples:  [bold]politico demo[/]   ·   "
    "[bold]politico demo --tweets tweets.csv.gz --politicians politicians.csv --corpus novels.txt.xz --minutes 10[/]"
)
def demo(
    tweets: Annotated[
        Path | None, typer.Option(help="Your tweets: whatever `politico import` takes, such as a CSV, also compressed.")
    ] = None,
    politicians: Annotated[
        Path | None, typer.Option(help="Who they are: CSV with screen_name,name,office,coalition,party.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Text for the base model: plain or a MediaWiki export, also compressed.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Training time, base and control model together.")] = 2.0,
    out: Annotated[Path, typer.Option(help="Where the dataset, the figures and the summary go.")] = DEFAULT_OUT,
    time_zone: Annotated[
        str, typer.Option(help="Of times without a zone; in a lake that is new, also whose days the dataset is cut into.")
    ] = DEFAULT_TIME_ZONE,
    base: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a base model to begin with, such as `make base` makes; tokenizer and base are trained, unless given.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[float, typer.Option(min=0.02, max=1.0, help="Share of the shipped sample.")] = 1.0,
    generated: Annotated[
        int,
        typer.Option(min=2, help="Tweets that the evaluation writes: 40 take half a minute, 500 give narrow intervals."),
    ] = GENERATED,
    assembly: Annotated[
        Path | None, typer.Option(help="Run what `cdk synth` wrote here, as it is, instead of writing it anew.")
    ] = None,
) -> None:
    """The whole path on this machine: tweets, dataset, training, endpoint, tweets on demand.

    Without files it runs on the shipped sample, whose country and politicians do not exist. It uses the local cloud that
    `politico up` keeps, or brings its own and leaves nothing running.
    """
    from cli.demo.run import Options, run_demo

    given = (tweets, politicians, corpus)
    if any(given) and not (tweets and politicians and (corpus or base)):
        raise InputError(
            "--tweets, --politicians and --corpus go together; give all three, or --base in the corpus's place, or none for the "
            "shipped sample"
        )
    if corpus and base:
        raise InputError("--corpus trains a base model and --base brings one: give one of them")
    files = (tweets, politicians, corpus) if tweets and politicians else None
    options = Options(minutes=minutes, base=base, generated=generated)
    run_demo(files, options, out=out, time_zone=time_zone, scale=scale, assembly=assembly)


@app.command(
    epilog=f"Example:  [bold]politico up --port {DEFAULT_PORT}[/]   then, elsewhere:  "
    f"export AWS_ENDPOINT_URL=http://localhost:{DEFAULT_PORT}"
)
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the AWS services on this machine.")] = DEFAULT_PORT,
) -> None:
    """Start the local cloud with the stack deployed on it, and keep it until Ctrl-C."""
    from cli.up import keep_up

    keep_up(port)


@app.command(
    epilog="Example:  [bold]politico generate --partido Espiga --sentimiento POSITIVE --hashtags SemillasLibres -n 3 --seed 7[/]"
)
def generate(
    coalicion: Annotated[str | None, typer.Option(help="Coalition the writer belongs to.")] = None,
    partido: Annotated[str | None, typer.Option(help="Party the writer belongs to.")] = None,
    sentimiento: Annotated[str | None, typer.Option(help="POSITIVE, NEGATIVE, NEUTRAL or MIXED.")] = None,
    entidades: Annotated[str | None, typer.Option(help="What to name, separated by commas.")] = None,
    hashtags: Annotated[str | None, typer.Option(help="Hashtags, with # or without, separated by commas.")] = None,
    frases: Annotated[str | None, typer.Option(help="Key phrases, separated by commas.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of another domain's field; several times where it takes several.", show_default=False),
    ] = None,
    prompt: Annotated[str, typer.Option(help="How the tweet begins.")] = "",
    number: Annotated[
        int | None, typer.Option("--number", "-n", help="How many tweets.", show_default=f"{Parameters.num_return_sequences}")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same tweets.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Above 1 bolder, below 1 tamer; the endpoint's own, unless given.", show_default=False)
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help="Above 1 holds closer to what is asked for; the endpoint's own, unless given.", show_default=False),
    ] = None,
    insistence: Annotated[
        float | None,
        typer.Option(
            help="How hard what is asked for is pushed, from 0 (the model's own way) to 1.",
            show_default=f"{Parameters.insistence:g}",
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Drafts for each tweet, of which the best is kept.",
            show_default=f"{DRAFTS}, or as many as {MAX_DRAWS} drafts in all allow",
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="The SageMaker endpoint's name; `politico`, or with --local the stack's own, unless given.", show_default=False
        ),
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Ask the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Ask an endpoint for tweets, on AWS or wherever AWS_ENDPOINT_URL points."""
    from cli.generate import ask, parse_fields

    lists = {"entidades": entidades, "hashtags": hashtags, "frases": frases}
    inputs = {"coalicion": coalicion, "partido": partido, "sentimiento": sentimiento, "prompt": prompt}
    given: dict[str, str | list[str]] = {name: value for name, value in inputs.items() if value}
    given.update({name: [item.strip() for item in value.split(",")] for name, value in lists.items() if value})
    given.update(parse_fields(field or []))
    # A person who asks for a tweet has no use for an empty one.
    parameters = {
        "min_new_tokens": 1,
        "temperature": temperature,
        "guidance_scale": guidance,
        "insistence": insistence,
        "candidates": max(1, min(DRAFTS, MAX_DRAWS // max(1, number or 1))) if candidates is None else candidates,
        "seed": seed,
        "num_return_sequences": number,
    }
    ask(endpoint, given, {name: value for name, value in parameters.items() if value is not None}, local=local)


@app.command(
    "import",
    epilog="Examples, all with [bold]--politicians politicians.csv[/]:\n\n"
    "A table, also compressed:  [bold]politico import tweets.csv.gz[/]\n\n"
    "Its columns have other names:  [bold]politico import tabla.csv --column text=contenido --column id=tweet[/]\n\n"
    "Parquet:  [bold]politico import tweets.parquet[/]\n\n"
    "v1.1 statuses, pretty-printed or a line each:  [bold]politico import user_timeline.json[/]\n\n"
    "Pages or posts of API v2:  [bold]politico import pages.jsonl.xz[/]\n\n"
    "The archive that X gives you of your account:  [bold]politico import twitter-2024-05-03.zip[/]\n\n"
    "Only its tweets:  [bold]politico import tweets.js --author jrojas[/]\n\n"
    "What would come in:  [bold]politico import tabla.csv --dry-run --report counts.json[/]",
)
def import_(
    tweets: Annotated[
        Path,
        typer.Argument(help="CSV, Parquet, API v2 pages, v1.1 statuses, or an X account's archive (.zip, folder, tweets.js)."),
    ],
    politicians: Annotated[Path, typer.Option(help="Who they are: CSV with screen_name,name,office,coalition,party.")],
    column: Annotated[
        list[str] | None, typer.Option(help="WHAT=COLUMN where a table's column has another name; may be given several times.")
    ] = None,
    author: Annotated[str, typer.Option(help="Screen name of whose tweets these are, where the file does not say.")] = "",
    rejected: Annotated[Path, typer.Option(help="Where rows that can't be used are set aside.")] = Path("rejected.jsonl"),
    schema: Annotated[
        Path | None,
        typer.Option(help="TOML of another domain than politics: what steers a text (docs/domains.md).", show_default=False),
    ] = None,
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="Import also where all times differ from those in the ids by the same hours.")
    ] = False,
    times_from_ids: Annotated[
        bool,
        typer.Option("--times-from-ids", help="Take a time that can't be read, or contradicts the tweet's id, from the id."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come in, and what decided it; store nothing, ask no cloud.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Where the counts go as JSON, for a program.", show_default=False)] = None,
    time_zone: Annotated[
        str, typer.Option(help="Of times without a zone; in a lake that is new, also whose days the dataset is cut into.")
    ] = DEFAULT_TIME_ZONE,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Bring an archive of tweets into the lake and run it through annotation and curation. Needs no leave of X.

    What can't be used is set aside with its line and its reason; the politicians are added to those the lake has. The same file
    may be imported again.
    """
    from cli.importing.command import Archive, import_archive, look_at
    from cli.importing.inputs import parse_columns

    columns = parse_columns(column or [])
    archive = Archive(tweets, politicians, rejected, time_zone, columns, author, keep_times, times_from_ids, schema)
    if dry_run:
        look_at(archive, report)
    else:
        import_archive(archive, local=local, report=report)


@app.command(epilog="Examples:  [bold]politico doctor[/]   ·   [bold]politico doctor --json[/]")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What is missing on this machine and in the account and region, each with its remedy. Changes nothing.

    Exit code 1 where something is missing without which a deployment, or what it is for, would fail.
    """
    from cli.deployment.doctor import examine

    raise typer.Exit(examine(as_json=as_json))


@app.command(epilog="Example:  [bold]politico openapi --out openapi.json[/]")
def openapi(
    out: Annotated[Path | None, typer.Option(help="The file to write; standard output unless given.")] = None,
) -> None:
    """The REST API's description, for whoever writes an app (docs/api.md)."""
    from cli.openapi import write

    write(out)


@app.command(epilog="Examples:  [bold]politico retire[/]   ·   [bold]politico retire --versions[/]   (as `make destroy` does)")
def retire(
    versions: Annotated[
        bool, typer.Option("--versions", help="Delete every registered version as well: else the stack can't be removed.")
    ] = False,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Delete the endpoints that the deploy workflow made: nothing is left that bills by the hour."""
    from cli.deployment.retire import retire as delete_endpoints

    delete_endpoints(versions=versions, local=local)


@app.command(
    epilog="Examples:  [bold]politico forget --tweet 1446921934455017486[/]   ·   [bold]politico forget --user @somebody[/]"
)
def forget(
    tweet: Annotated[list[str] | None, typer.Option(help="Id of a tweet; may be given several times.")] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(help="User id, or screen name of the registry, with all they wrote; may be given several times."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept beside the fingerprint; a word such as by_hand or court_order.")] = "by_hand",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first. What is forgotten can't be brought back.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Remove tweets, or a user with all they wrote, from everything the lake holds, old versions too, and keep them out."""
    from cli.forget import forget as forget_them

    forget_them(tweet or [], user or [], reason, local=local, ask=not yes)


@app.command(
    epilog="Examples:  [bold]politico discover names.csv[/]   ·   "
    "[bold]politico discover names.csv --out registry/candidates.csv --at-most 5 --no-wait[/]   ·   "
    "names.csv:  [bold]name,office,coalition,party[/]"
)
def discover(
    names: Annotated[Path, typer.Argument(help="CSV with a column name and, if known, office, coalition and party.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to review; registry/candidates.csv unless told otherwise.", show_default=False)
    ] = None,
    at_most: Annotated[int, typer.Option(min=1, help="Accounts listed for each name.")] = Choice.at_most,
    again: Annotated[
        bool, typer.Option("--again", help="Search anew for names that are in the file already, and pay again.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait while X's rate limit is used up, or stop and say when to go on.")] = True,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Find accounts through X's user search: for each name those most like it, with what speaks for and against them.

    Says first what it will cost. May be stopped at any time: the same command goes on with the names that are not in the
    file yet. Needs X's terms acknowledged and an X plan with user search.
    """
    from cli.accounts.discover import discover as find_accounts
    from politico.lake import places

    find_accounts(names, out or Path(places.CANDIDATES), at_most=at_most, again=again, wait=wait, local=local)


registry_app = typer.Typer(help="The reviewed list of politicians: check it, put it into the lake.", no_args_is_help=True)
app.add_typer(registry_app, name="registry")


@registry_app.command(
    "check",
    epilog="Examples:  [bold]politico registry check[/]  (what is in the lake)   ·   "
    "[bold]politico registry check politicians.csv[/]   ·   [bold]politico registry check politicians.csv --offline[/]",
)
def check_registry(
    politicians: Annotated[
        Path | None,
        typer.Argument(
            help="CSV with screen_name,user_id,name,office,coalition,party; the lake's, unless given.", show_default=False
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask X nothing, pay nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait while X's rate limit is used up, or stop and say when to go on.")] = True,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Say all that is wrong with the list and what to do: values, repetitions, and accounts that X does not know, has
    suspended, renamed or protected, or that are not worth following.

    Exit code 0: clean, but for warnings. 1: some accounts need a look, or X could not be asked. 2: no run could use the file.
    """
    from cli.accounts.registry import check

    raise typer.Exit(check(politicians, offline=offline, wait=wait, local=local))


@registry_app.command("put", epilog="Example:  [bold]politico registry put politicians.csv[/]")
def put_registry(
    politicians: Annotated[Path, typer.Argument(help="CSV with screen_name,user_id,name,office,coalition,party.")],
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Put the list into the lake, where the next run finds it; refused while anything keeps it from being used."""
    from cli.accounts.registry import put

    put(politicians, local=local)


cost_app = typer.Typer(help="What things will cost, before anything is spent.", no_args_is_help=True)
app.add_typer(cost_app, name="cost")


@cost_app.callback()
def cost() -> None:
    """What things will cost, before anything is spent."""


@cost_app.command(
    "ingest",
    epilog="Examples:  [bold]politico cost ingest[/]   ·   "
    "[bold]politico cost ingest --registry politicians.csv --candidates registry/candidates.csv --posts-a-day 5[/]   ·   "
    "[bold]politico cost ingest --registry politicians.csv --json[/]",
)
def cost_ingest(
    registry: Annotated[
        Path | None,
        typer.Option(help="The list of accounts; the lake's, unless given. With it no stack is needed.", show_default=False),
    ] = None,
    candidates: Annotated[
        Path | None, typer.Option(help="How many posts accounts have; the lake's, unless given.", show_default=False)
    ] = None,
    posts_a_day: Annotated[
        float | None, typer.Option(min=0, help="Of one account.", show_default=f"as measured, or {Assumptions.posts_a_day:g}")
    ] = None,
    retweet_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of all posts.", show_default=f"{Assumptions.retweet_share:g}")
    ] = None,
    kept_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of all posts: what is annotated.", show_default=f"{Assumptions.kept_share:g}"),
    ] = None,
    cap: Annotated[int | None, typer.Option(min=0, help="Posts a month, in place of the stack's.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """What the backfill and a month of ingestion will cost, beside the spending cap. Asks X nothing and spends nothing."""
    from cli.accounts.cost import cost_of_ingest

    given = {"posts_a_day": posts_a_day, "retweet_share": retweet_share, "kept_share": kept_share}
    assumed = {name: value for name, value in given.items() if value is not None}
    cost_of_ingest(registry, candidates, assumed, cap=cap, local=local, as_json=as_json)


@cost_app.command(
    "system",
    epilog="Examples:  [bold]politico cost system[/]   ·   "
    "[bold]politico cost system --hours 12 --price ml.g5.12xlarge=7.09 --price ml.c7i.xlarge=0.214[/]",
)
def cost_system(
    hours: Annotated[
        float | None, typer.Option(min=0, help="Of a whole training run.", show_default="twice training_hours, the most")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="MACHINE=DOLLARS an hour, in place of the one that is known here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What a training run and a month of serving cost with the settings of cdk.json, beside the thesis's own run."""
    from cli.deployment.system_cost import cost_of_system

    cost_of_system(hours, dict(map(_price_of, price or ())), as_json=as_json)


def _price_of(text: str) -> tuple[str, float]:
    machine, _, dollars = text.partition("=")
    try:
        return machine, float(dollars)
    except ValueError as error:
        raise InputError(f"--price is {text!r}; it takes MACHINE=DOLLARS, such as ml.g5.12xlarge=7.09") from error


@app.command(
    epilog="Examples:  [bold]politico experiments[/]   ·   [bold]politico experiments control-small[/]   ·   "
    "[bold]politico experiments mine.toml --json[/]"
)
def experiments(
    experiment: Annotated[
        str | None, typer.Argument(help="A name, or a .toml file of your own; all names, unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What can be trained, and with which settings."""
    from cli.training.asked import show_experiments

    show_experiments(experiment, as_json=as_json)


@app.command(
    epilog="Examples:  [bold]politico train gpt2-es-small --corpus novels.txt.xz --out runs/es[/]  ·  "
    "[bold]politico train casual-small --base runs/es/base --dataset out/dataset --set casual.parties=Espiga --out runs/e[/]  ·  "
    "[bold]politico train control --corpus wiki --on stack[/]"
)
def train(
    experiment: Annotated[str, typer.Argument(help="A name that `politico experiments` lists, or a .toml file of your own.")],
    corpus: Annotated[
        str | None,
        typer.Option(help="Text for a base: a file or a folder; on a stack also a name in the lake.", show_default=False),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet; a stack has its own.", show_default=False)
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="A base to begin with: a model's folder; on a stack also its address.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="PART.NAME=VALUE, such as control.max_minutes=30; as often as you like.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where a run on this machine goes; the same command goes on there.")] = DEFAULT_RUN,
    processes: Annotated[
        int, typer.Option(min=0, help="On this machine.", show_default="one a GPU, or a core for a small network")
    ] = 0,
    on: Annotated[str, typer.Option(help="`here`, or `stack`: the one that is deployed.")] = "here",
    local: Annotated[bool, typer.Option("--local", help="On the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Train an experiment: on this machine, or on a stack with the very same settings."""
    from cli.training.asked import asked_for, check_parts

    if on not in ("here", "stack"):
        raise InputError(f"--on is {on!r}; it takes here or stack")
    like, overrides = asked_for(experiment, settings or ())
    check_parts(like, overrides, with_base=base is not None)
    if local or on == "stack":
        if dataset is not None or processes or out != DEFAULT_RUN:
            raise InputError("--dataset, --out and --processes are of a run on this machine; a stack has its own; leave them out")
        from cli.training.stack import train_there

        train_there(like, overrides, corpus=corpus, base=base, local=local)
        return
    from cli.training.here import Here, Sources

    sources = Sources(Path(corpus) if corpus else None, dataset, Path(base) if base else None)
    try:
        Here(like, overrides, sources, out, processes).run()
    except KeyboardInterrupt:
        Console(stderr=True).print(f"\nstopped; the same command goes on in {out}", highlight=False)
        raise SystemExit(130) from None


@app.command(
    epilog="Example:  [bold]politico parties --dataset out/dataset --out parties[/]   then:  "
    "[bold]politico train casual-small --set casual.parties=…[/]"
)
def parties(
    dataset: Annotated[Path, typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet.")],
    out: Annotated[Path, typer.Option(help="Where the distances and the picture go.")] = DEFAULT_PARTIES,
    seeds: Annotated[int, typer.Option(min=1, help="How often it is drawn anew; the spread says how stable the picture is.")] = 5,
    dimensions: Annotated[int, typer.Option(min=2, help="Of the vectors.")] = 100,
) -> None:
    """How far apart parties are in what they write, by Word2Vec: which to take for two sides."""
    from cli.training.parties import compare_parties

    compare_parties(dataset, out, seeds=seeds, dimensions=dimensions)


@app.command(
    epilog="Examples:  [bold]politico evaluation runs/control[/]   ·   "
    "[bold]politico evaluation 20261126-021500-1a2b3c4d --local[/]"
)
def evaluation(
    source: Annotated[
        str, typer.Argument(help="The folder of a run, an evaluation.json, or the id of a run whose evaluation is in the lake.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where the page goes.", show_default="evaluation.html beside the figures, or here")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Of the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """An evaluation as one page with pictures: what a model foretells, says of what it is asked, and how new that is."""
    from cli.training.evaluations import show_evaluation

    show_evaluation(source, out, local=local)


@app.command(
    epilog="Examples:  [bold]politico table 9 runs/es runs/control[/]   ·   [bold]politico table 8 runs/control/control "
    "--instead 'Chile Vamos=Bloque Sur' --instead 'Frente Amplio=Marea Común' --instead 'Nueva Mayoría=Pacto Norte'[/]"
)
def table(
    number: Annotated[int, typer.Argument(help="Of the thesis: 1, 3, 4, 5, 7, 8 (what it asked for) or 9 (figures).")],
    folders: Annotated[list[Path], typer.Argument(help="A model's folder; for table 9 the folders of runs.")],
    draws: Annotated[int, typer.Option(min=1, max=20, help="Of each prompt or context; all are shown.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes the same.")] = 7,
    decoding: Annotated[
        str, typer.Option(help="`thesis`: beams and limits of its notebooks; `ours`: as the endpoint and the evaluation draw.")
    ] = "thesis",
    instead: Annotated[
        list[str] | None, typer.Option(help="OLD=NEW: a name of your country for one of Chile's; as often as you like.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """The thesis's tables with the models at hand: its own prompts and contexts, every draw; or its figures beside ours."""
    from cli.thesis.asked import RESULTS

    if number == RESULTS:
        from cli.thesis.results import show_results

        show_results(folders, as_json=as_json)
        return
    from cli.thesis.tables import write_table

    if len(folders) > 1:
        raise InputError(f"table {number} is written by one model; {len(folders)} folders are given")
    write_table(number, folders[0], draws=draws, seed=seed, decoding=decoding, instead=instead or (), as_json=as_json)


jobs_app = typer.Typer(help="SageMaker's jobs of the train workflow.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")


@jobs_app.callback()
def jobs() -> None:
    """SageMaker's jobs of the train workflow: what runs, what it says, stop it, go on with it."""


ON_LOCAL = "On the cloud that `politico up` keeps in this folder."
JOB = "A job's name, as `politico jobs list` shows it."


@jobs_app.command("list", epilog="Examples:  [bold]politico jobs list[/]   ·   [bold]politico jobs list --count 5 --local[/]")
def jobs_list(
    run: Annotated[str | None, typer.Option(help="Of this run alone.", show_default=False)] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    local: Annotated[bool, typer.Option("--local", help=ON_LOCAL)] = False,
) -> None:
    """The newest jobs: what they are, how they stand, how long they took, on which machines."""
    from cli.training.jobs import show_jobs

    show_jobs(run, count, local=local)


@jobs_app.command("watch", epilog="Example:  [bold]politico jobs watch 20261126-021500-1a2b3c4d-base-5e6f7a8b[/]")
def jobs_watch(
    job: Annotated[str, typer.Argument(help=JOB)],
    local: Annotated[bool, typer.Option("--local", help=ON_LOCAL)] = False,
) -> None:
    """What a job says, from its beginning until it ends."""
    from cli.training.jobs import watch_job

    watch_job(job, local=local)


@jobs_app.command("stop", epilog="Example:  [bold]politico jobs stop 20261126-021500-1a2b3c4d-base-5e6f7a8b[/]")
def jobs_stop(
    job: Annotated[str, typer.Argument(help=JOB)],
    local: Annotated[bool, typer.Option("--local", help=ON_LOCAL)] = False,
) -> None:
    """Ask a job to stop; a stage writes its checkpoint first, and its run can be resumed."""
    from cli.training.jobs import stop_job

    stop_job(job, local=local)


@jobs_app.command("resume", epilog="Example:  [bold]politico jobs resume 20261126-021500-1a2b3c4d[/]")
def jobs_resume(
    run: Annotated[str, typer.Argument(help="A run's id: what its jobs' names begin with.")],
    local: Annotated[bool, typer.Option("--local", help=ON_LOCAL)] = False,
) -> None:
    """Go on with a run that was stopped or failed, behind what it has made."""
    from cli.training.jobs import resume_run

    resume_run(run, local=local)


base_app = typer.Typer(help="Base models: what training begins with.", no_args_is_help=True)
app.add_typer(base_app, name="base")


@base_app.callback()
def base() -> None:
    """Base models: what training begins with."""


@base_app.command(
    "import",
    epilog="Examples:  [bold]politico base import datificate/gpt2-small-spanish --out bases/es[/]  ·  "
    "[bold]politico base import gpt2 --out bases/en --to stack[/]",
)
def base_import(
    source: Annotated[str, typer.Argument(help="A name on the Hugging Face hub, or the folder of a GPT-2 of transformers.")],
    out: Annotated[Path, typer.Option(help="Where the model's folder is written.")],
    to: Annotated[
        str, typer.Option(help="`stack`: put it into the lake of the one that is deployed, too.", show_default=False)
    ] = "",
    local: Annotated[bool, typer.Option("--local", help="Into the lake of the cloud that `politico up` keeps.")] = False,
) -> None:
    """Bring a GPT-2 from elsewhere: its tokenizer takes in the control format's tokens, its network their rows."""
    from cli.training.bases import bring

    if to not in ("", "stack"):
        raise InputError(f"--to is {to!r}; it takes stack")
    bring(source, out, upload=local or to == "stack", local=local)


@app.command(
    epilog="Examples:  [bold]politico report --dataset out/dataset --out report[/]   ·   [bold]politico report --language en[/]"
)
def report(
    dataset: Annotated[
        Path | None,
        typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet; the stack's lake, unless given.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the page, the pictures and the tables go.")] = DEFAULT_REPORT,
    language: Annotated[str, typer.Option(help="Of the page: `es` or `en`.")] = "es",
    time_zone: Annotated[str, typer.Option(help="Of a folder's hours and days; a lake has its own.")] = DEFAULT_TIME_ZONE,
    word2vec: Annotated[
        bool, typer.Option("--word2vec", help="Also who writes alike, by Word2Vec over ten seeds: minutes.")
    ] = False,
    local: Annotated[bool, typer.Option("--local", help="The lake of the cloud that `politico up` keeps.")] = False,
) -> None:
    """What a dataset is like: hours, days, people, parties, moods, what rises, what is missing; pictures and tables."""
    from cli.report.command import make_report

    make_report(dataset, out, language=language, time_zone=time_zone, local=local, word2vec=word2vec)


@app.command(
    epilog="Example:  [bold]politico distinguish --dataset out/dataset --model runs/control/control --model runs/casual/casual[/]"
)
def distinguish(
    dataset: Annotated[Path, typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet.")],
    model: Annotated[list[Path], typer.Option(help="A control or a casual model's folder; as often as you like.")],
    tweets: Annotated[
        int, typer.Option(min=1, max=100_000, help="Generated by each model in each way, beside as many real.")
    ] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes and tells the same.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """How well a classifier tells real and generated tweets apart, by model and decoding."""
    from cli.study.distinguishing import distinguish

    distinguish(dataset, model, tweets=tweets, seed=seed, as_json=as_json)


@app.command(
    epilog='Examples:  [bold]politico detect --model run/control "Hoy en la región …"[/]   ·   '
    "[bold]politico detect --model run/control --file tweets.csv --real out/dataset[/]"
)
def detect(
    model: Annotated[Path, typer.Option(help="The model's folder, as training leaves it.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to look at.", show_default=False)] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="Texts in a table (.csv, .tsv, .parquet, .json, .jsonl) or one a line (.txt); as often as you like."),
    ] = None,
    column: Annotated[str | None, typer.Option(help="A table's texts; `generated_text` or `text`, unless given.")] = None,
    real: Annotated[
        Path | None,
        typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet whose tweets people wrote: they set the limit anew."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: an object a line.")] = False,
) -> None:
    """Which texts a model wrote: by the watermark that its endpoint draws with. Without the model nobody can tell."""
    from cli.detect import detect

    detect(model, texts or [], file or [], real=real, column=column, as_json=as_json)


@app.command(
    epilog="Examples:  [bold]politico page --model run/control[/]   ·   [bold]politico page --local[/]   ·   "
    "[bold]politico page --endpoint politico[/]"
)
def page(
    endpoint: Annotated[
        str | None,
        typer.Option(help="The endpoint's name; the stack's, unless given.", show_default=False),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A model's folder, served here for it.", show_default=False)] = None,
    local: Annotated[bool, typer.Option("--local", help="The endpoint of the cloud that `politico up` keeps.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page, on this machine.")] = PAGE_PORT,
    browser: Annotated[bool, typer.Option(help="Open it.")] = True,
) -> None:
    """The page that writes a tweet, on this machine: before a model's folder, or before an endpoint, with your credentials.

    The stack can serve the very same page to everybody: see docs/page.md.
    """
    from cli.page.serving import serve_page

    serve_page(endpoint, model, local=local, port=port, browser=browser)


study_app = typer.Typer(help="Can people tell real tweets from generated ones?", no_args_is_help=True)
app.add_typer(study_app, name="study")


@study_app.callback()
def study() -> None:
    """Can people tell real tweets from generated ones? A blind page, and what its answers say."""


@study_app.command(
    "make",
    epilog="Example:  [bold]politico study make --dataset out/dataset --model runs/control/control --out study[/]",
)
def study_make(
    dataset: Annotated[Path, typer.Option(help="Folder of dt=YYYY-MM-DD/tweets.parquet.")],
    model: Annotated[list[Path], typer.Option(help="A control or a casual model's folder; as often as you like.")],
    out: Annotated[Path, typer.Option(help="Where the page and its key go.")] = DEFAULT_STUDY,
    tweets: Annotated[int, typer.Option(min=2, max=400, help="Half real, half generated.")] = 40,
    checks: Annotated[int, typer.Option(min=0, max=20, help="Besides, tweets that say what to answer.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="The same seed chooses and writes the same.")] = 7,
) -> None:
    """A page of real and generated tweets, alike in party and length, for people to judge; and its key."""
    from cli.study.making import make_study

    make_study(dataset, model, out, tweets=tweets, checks=checks, seed=seed)


@study_app.command("read", epilog="Example:  [bold]politico study read study/key.json answers/[/]")
def study_read(
    key: Annotated[Path, typer.Argument(help="The study's key.json.")],
    answers: Annotated[list[Path], typer.Argument(help="Participants' files, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """How often people are right, with an interval, by party and model, and how much they agree."""
    from cli.study.reading import show_study

    show_study(key, answers, as_json=as_json)


dataset_app = typer.Typer(help="The dataset: what is in it.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@dataset_app.callback()
def dataset() -> None:
    """The dataset: what is in it."""


@dataset_app.command(
    "summary",
    epilog="Examples:  [bold]politico dataset summary[/]   ·   [bold]politico dataset summary --exact --json[/]",
)
def dataset_summary(
    exact: Annotated[
        bool, typer.Option("--exact", help="Read every raw page and count each post once, also one that several runs brought.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """The thesis's numbers: posts in all, originals, tweets in the dataset, of the last 365 days, by party; and its hash."""
    from cli.dataset import summary

    summary(exact=exact, local=local, as_json=as_json)


def main() -> None:
    """Run the command; a person's mistake is one sentence and exit code 2, a failure one sentence and exit code 1."""
    errors = Console(stderr=True, soft_wrap=True)
    for sent in (signal.SIGINT, signal.SIGTERM):  # also where a shell's background job was told to ignore Ctrl-C
        signal.signal(sent, signal.default_int_handler)
    if region := os.environ.get("AWS_REGION"):  # as the AWS CLI has it; boto3 reads the other name alone
        os.environ["AWS_DEFAULT_REGION"] = region
    try:
        app(standalone_mode=True)
    except PoliticoError as error:
        sys.exit(_tell(errors, error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(_tell(errors, readable(error)))
    except KeyboardInterrupt:
        errors.print("stopped; nothing is left running", highlight=False)
        sys.exit(130)


def _tell(errors: Console, error: PoliticoError) -> int:
    """Print the error; the exit code: 2 for what a person can mend, 1 for the rest."""
    wrong = isinstance(error, InputError)
    plain = str(error).replace("[", r"\[")  # square brackets are markup to rich
    errors.print(f"[red]{'error' if wrong else 'failed'}:[/] {plain}", highlight=False)
    return 2 if wrong else 1


if __name__ == "__main__":
    main()
