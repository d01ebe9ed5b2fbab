"""Packed folders, `.tar.gz`, as SageMaker hands over models and code."""

import tarfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> None:
    """Put an archive's files into the folder.

    Raises tarfile.TarError for a torn one, and before anything is written for one that holds more than files and folders, or
    would write elsewhere: Python itself refuses such ones only from 3.11.4 on.
    """
    with tarfile.open(archive) as packed:
        inside = folder.resolve()
        for member in packed:
            if not (member.isreg() or member.isdir()) or not (inside / member.name).resolve().is_relative_to(inside):
                raise tarfile.ExtractError(f"{archive.name} holds {member.name!r}, which is no file of its own folder")
        more = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        packed.extractall(folder, **more)  # type: ignore[arg-type]  # known to the types, not to every Python
