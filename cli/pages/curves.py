"""Loss curves as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.pages.pictures import new_figure

TITLES = {
    "base": "base model on the corpus",
    "casual": "casual model on the tweets",
    "control": "control model on the tweets",
}


def draw_curves(histories: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """One panel a stage: training loss at each record, held-out loss where it was looked at, in nats a token."""
    stages = [stage for stage in TITLES if histories.get(stage)]
    figure = new_figure(5.2 * max(1, len(stages)), 3.4)
    for number, stage in enumerate(stages, 1):
        axes = figure.add_subplot(1, len(stages), number)
        records = histories[stage]
        for name, label, color, marker in (
            ("train_loss", "training", "#8aa4c8", ""),
            ("held_out_loss", "held out", "#c0392b", "o"),
        ):
            points = [(one["step"], one[name]) for one in records if one.get(name) is not None]
            if points:
                steps, losses = zip(*points, strict=True)
                axes.plot(steps, losses, label=label, linewidth=1.4, markersize=3, color=color, marker=marker)
        axes.set_title(TITLES[stage], fontsize=10)
        axes.set_xlabel("step")
        axes.set_ylabel("loss, nats a token")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=130)
