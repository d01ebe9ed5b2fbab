"""Model folders as SageMaker hands them over: packed as model.tar.gz, or unpacked."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.model import Model, load_model
from politico.errors import FileFormatError
from politico.models.packed import unpack

PACKED = "model.tar.gz"


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """The model's own files: the folder itself, or for as long as they are needed what the packed one holds.

    Raises FileFormatError for a packed one that is torn or would write elsewhere.
    """
    packed = folder / PACKED
    if not packed.is_file():
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        try:
            unpack(packed, Path(scratch))
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FileFormatError(f"{packed} can't be unpacked: {error}") from error
        yield Path(scratch)


def open_model(folder: Path) -> Model:
    """The model of a folder, packed or not. Raises what `load_model` raises."""
    with unpacked(folder) as files:
        return load_model(files)
