"""What a long run shows: one line a stage, alive while it works and with its counts when it is done."""

import contextlib
import time
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

PLAIN_SECONDS = 15.0
"""Where the output is no terminal, a line this often says that a stage is alive."""


class Stage:
    """A stage under way."""

    def __init__(self, console: Console, title: str, progress: Progress) -> None:
        self._console, self._title, self._progress = console, title, progress
        self._task = progress.add_task(title, total=None, note="")
        self._said = time.monotonic()
        self.result = ""
        """What the finished line says."""

    def show(self, note: str, done: float | None = None, total: float | None = None) -> None:
        """What it is doing, and how far it is."""
        self._progress.update(self._task, note=note, completed=done, total=total)
        if not self._console.is_terminal and time.monotonic() - self._said > PLAIN_SECONDS:
            self._said = time.monotonic()
            self._console.print(f"  … {self._title}: {note}", highlight=False, markup=False)


class Screen:
    """The run's output, and how long each stage took."""

    def __init__(self) -> None:
        # A pipe or a file has no width of its own; tables need one.
        self.console = Console(width=None if Console().is_terminal else 130)
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """A stage that ends with a line of its title, its result and its time."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", markup=False),
        )
        began = time.monotonic()
        with Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True) as progress:
            stage = Stage(self.console, title, progress)
            yield stage
        self.seconds[title] = time.monotonic() - began
        self.console.print(
            f"[green]✓[/] [bold]{title:<11}[/] {stage.result}  [dim]{self.seconds[title]:.1f} s[/]", highlight=False
        )


def counted(counts: Mapping[str, int]) -> str:
    """`retweet 520, quote 260`, the largest first, or `none`."""
    named = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} {count:,}" for name, count in named if count) or "none"
