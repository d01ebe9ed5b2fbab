"""`politico base import`: a model from elsewhere, as a folder here and, if asked for, in the lake."""

from pathlib import Path

from rich.console import Console

from cli import flows, local_cloud
from politico.errors import LimitError
from training.bases import import_base


def bring(source: str, out: Path, *, upload: bool, local: bool) -> None:
    """Write the folder, upload it, and say how to go on. Raises InputError, ServiceError."""
    if out.exists() and any(out.iterdir()):
        raise LimitError(f"{out} is not empty; give another --out, or remove it")
    services = local_cloud.stack(local=local) if upload else None  # what is not there is told before anything is fetched
    console = Console()
    card = import_base(source, out, out.name)
    new = f"; new tokens: {' '.join(card['new_tokens'])}" if card["new_tokens"] else ""
    console.print(f"{source}: {card['parameters']:,} parameters, in {out}/{new}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"to go on:  politico train control-small --base {out} --dataset FOLDER", highlight=False)
    if services is not None:
        address = flows.upload_base(services, out, out.name)
        console.print(f"in the lake:  {address}", highlight=False, soft_wrap=True)
