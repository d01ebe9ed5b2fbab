"""The `politico` command. Run: politico --help"""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from politico.errors import InputError, PoliticoError

app = typer.Typer(
    name="politico",
    help="Politicians' tweets in, a model that writes them on demand out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

DEFAULT_OUT = Path("out")


@app.command(
    epilog="Examples:  [bold]politico demo[/]   ·   "
    "[bold]politico demo --tweets tweets.csv.gz --politicians politicians.csv --corpus novels.txt.xz --minutes 10[/]"
)
def demo(
    tweets: Annotated[
        Path | None, typer.Option(help="Your tweets: CSV, API v2 pages or v1.1 statuses as JSON lines, also compressed.")
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
        str, typer.Option(help="Whose days the dataset is cut into; also of times without a zone.")
    ] = "America/Santiago",
    scale: Annotated[float, typer.Option(min=0.02, max=1.0, help="Share of the shipped sample.")] = 1.0,
    assembly: Annotated[
        Path | None, typer.Option(help="Run what `cdk synth` wrote here, as it is, instead of writing it anew.")
    ] = None,
) -> None:
    """The whole path on this machine: tweets, dataset, training, endpoint, tweets on demand.

    Without files it runs on the shipped sample, whose country and politicians do not exist. It uses the local cloud that
    `politico up` keeps, or brings its own and leaves nothing running.
    """
    from cli.demo import run_demo

    given = (tweets, politicians, corpus)
    if any(given) and not all(given):
        raise InputError("--tweets, --politicians and --corpus go together; give all three, or none for the shipped sample")
    files = (tweets, politicians, corpus) if tweets and politicians and corpus else None
    run_demo(files, minutes=minutes, out=out, time_zone=time_zone, scale=scale, assembly=assembly)


@app.command(
    epilog="Example:  [bold]politico up --port 5566[/]   then, elsewhere:  export AWS_ENDPOINT_URL=http://localhost:5566"
)
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the AWS services on this machine.")] = 5566,
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
    hashtags: Annotated[str | None, typer.Option(help="Hashtags without #, separated by commas.")] = None,
    frases: Annotated[str | None, typer.Option(help="Key phrases, separated by commas.")] = None,
    prompt: Annotated[str, typer.Option(help="How the tweet begins.")] = "",
    number: Annotated[int, typer.Option("--number", "-n", help="How many tweets.")] = 1,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same tweets.")] = None,
    temperature: Annotated[float, typer.Option(help="Above 1 bolder, below 1 tamer.")] = 0.9,
    guidance: Annotated[float, typer.Option(help="Above 1 holds closer to what is asked for.")] = 1.0,
    endpoint: Annotated[str, typer.Option(help="The SageMaker endpoint's name.")] = "politico",
    local: Annotated[bool, typer.Option("--local", help="Ask the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Ask an endpoint for tweets, on AWS or wherever AWS_ENDPOINT_URL points."""
    from cli.generate import ask

    lists = {"entidades": entidades, "hashtags": hashtags, "frases": frases}
    inputs = {"coalicion": coalicion, "partido": partido, "sentimiento": sentimiento, "prompt": prompt}
    given: dict[str, str | list[str]] = {name: value for name, value in inputs.items() if value}
    given.update({name: [item.strip() for item in value.split(",")] for name, value in lists.items() if value})
    parameters = {"num_return_sequences": number, "temperature": temperature, "guidance_scale": guidance, "seed": seed}
    ask(endpoint, given, {name: value for name, value in parameters.items() if value is not None}, local=local)


@app.command(
    "import",
    epilog="Example:  [bold]politico import tweets.csv.gz --politicians politicians.csv[/]",
)
def import_(
    tweets: Annotated[Path, typer.Argument(help="CSV, API v2 pages or v1.1 statuses as JSON lines, also compressed.")],
    politicians: Annotated[Path, typer.Option(help="Who they are: CSV with screen_name,name,office,coalition,party.")],
    rejected: Annotated[Path, typer.Option(help="Where rows that can't be used are set aside.")] = Path("rejected.jsonl"),
    time_zone: Annotated[
        str, typer.Option(help="Whose days the dataset is cut into; also of times without a zone.")
    ] = "America/Santiago",
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Bring an archive of tweets into the lake and run it through annotation and curation. Needs no leave of X."""
    from cli.importing import import_archive

    import_archive(tweets, politicians, rejected, time_zone, local=local)


@app.command(epilog="Example:  [bold]politico retire[/]   (`make destroy` does it before it removes the stack)")
def retire(
    local: Annotated[bool, typer.Option("--local", help="Use the cloud that `politico up` keeps in this folder.")] = False,
) -> None:
    """Delete the endpoints that the deploy workflow made: nothing is left that bills by the hour."""
    from cli.retire import retire as delete_endpoints

    delete_endpoints(local=local)


def main() -> None:
    """Run the command; a person's mistake is one sentence and exit code 2, a failure one sentence and exit code 1."""
    errors = Console(stderr=True, soft_wrap=True)
    for sent in (signal.SIGINT, signal.SIGTERM):  # also where a shell's background job was told to ignore Ctrl-C
        signal.signal(sent, signal.default_int_handler)
    try:
        app(standalone_mode=True)
    except InputError as error:
        errors.print(f"[red]error:[/] {_plain(error)}", highlight=False)
        sys.exit(2)
    except PoliticoError as error:
        errors.print(f"[red]failed:[/] {_plain(error)}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("stopped; nothing is left running", highlight=False)
        sys.exit(130)


def _plain(error: Exception) -> str:
    """Square brackets are markup to rich."""
    return str(error).replace("[", r"\[")


if __name__ == "__main__":
    main()
