"""`politico cost system`: what training and serving cost, beside what the thesis's own run would."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.settings import deployers_settings
from infra.settings import Settings
from politico.cost.estimate import DAYS_A_MONTH
from politico.cost.prices import MACHINES
from politico.errors import UnknownValueError

THESIS_GPU_HOURS, THESIS_GPUS = 181.7, 4
"""Of its base model: 45.4 hours on four V100s."""
THESIS_MACHINE = "ml.p3.8xlarge"
PROCESSING_HOURS = 2.0
"""Of a run's corpus and evaluation together, on one machine, for a Wikipedia; assumed."""


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    what: str
    machines: str
    hours: float
    dollars: float
    note: str = ""


def cost_of_system(hours: float | None, prices: dict[str, float], *, as_json: bool) -> None:
    """Print the estimate for the settings of cdk.json. `hours` are of a whole training run, all stages; `prices` go before those
    that are known. Raises UnknownValueError for a machine whose price is neither known nor given."""
    lines = estimate(deployers_settings(Path.cwd()), hours, {**MACHINES.hours, **prices})
    if as_json:
        print(json.dumps([asdict(one) for one in lines], ensure_ascii=False, indent=1))
    else:
        _show(Console(), lines)


def estimate(settings: Settings, hours: float | None, prices: dict[str, float]) -> list[Line]:
    """The thesis's run, a run of ours, and a month of serving."""
    training, count = settings.training_instance, settings.training_instances
    whole = 2.0 * settings.training_hours if hours is None else hours
    thesis = THESIS_GPU_HOURS / THESIS_GPUS
    month = DAYS_A_MONTH * 24
    serving = _price(prices, settings.serving_instance) * month
    at_most = "" if hours is not None else "at most: each of the two stages as long as training_hours lets it"
    return [
        Line(
            "the thesis's base model, on demand",
            f"1 × {THESIS_MACHINE}",
            thesis,
            thesis * _price(prices, THESIS_MACHINE),
            f"{THESIS_GPU_HOURS} V100 hours",
        ),
        Line(
            "a training run of ours, on spot",
            f"{count} × {training}",
            whole,
            whole * count * _price(prices, training) * MACHINES.spot_share,
            at_most,
        ),
        Line(
            "its corpus and its evaluation",
            f"1 × {settings.processing_instance}",
            PROCESSING_HOURS,
            PROCESSING_HOURS * _price(prices, settings.processing_instance),
            "assumed",
        ),
        Line(
            "a month of serving, at rest",
            f"{settings.serving_instances} × {settings.serving_instance}",
            month,
            settings.serving_instances * serving,
        ),
        Line(
            "a month of serving, under load throughout",
            f"{settings.serving_most_instances} × {settings.serving_instance}",
            month,
            settings.serving_most_instances * serving,
        ),
    ]


def _price(prices: dict[str, float], machine: str) -> float:
    if machine not in prices:
        raise UnknownValueError(
            f"the price of {machine} is not known here; give it in dollars an hour: --price {machine}=…; known are "
            f"{', '.join(sorted(prices))}"
        )
    return prices[machine]


def _show(console: Console, lines: list[Line]) -> None:
    table = Table(title="Training and serving, in US dollars")
    for column, justify in (("what", "left"), ("machines", "left"), ("hours", "right"), ("dollars", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for one in lines:
        table.add_row(one.what, one.machines, f"{one.hours:,.1f}", f"[bold]${one.dollars:,.2f}[/]")
    console.print(table)
    for text in (
        *(f"{one.what}: {one.note}" for one in lines if one.note),
        f"Spot machines are taken to cost {MACHINES.spot_share:.0%} of their price on demand",
        "Ingestion, X's and Comprehend's part: politico cost ingest",
        "S3, Lambda, Step Functions, DynamoDB, API Gateway and logs are a few dollars a month beside this, and left out",
        f"Prices are those of us-east-1, on demand, of {MACHINES.as_of}: {MACHINES.source}",
    ):
        console.print(f"· {text}", highlight=False, soft_wrap=True, markup=False)
