"""What a long run shows."""

import io

from rich.console import Console

from cli.screen import Screen


def test_what_a_job_says_is_shown_as_it_stands() -> None:
    """A line of gloo's, `[/__w/pytorch/…pair.cc:553] …`, was once taken for markup, and ended the screen with a stack trace."""
    screen = Screen()
    for is_terminal in (True, False):
        out = io.StringIO()
        screen.console = Console(file=out, force_terminal=is_terminal, width=120)
        with screen.stage("train") as stage:
            stage._said = -1_000.0
            stage.show("[/__w/gloo/pair.cc:553] Connection closed [bold]x[/]")
            stage._progress.refresh()
            stage.result = "done"
        assert "[/__w/gloo/pair.cc:553] Connection closed [bold]x[/]" in out.getvalue()
