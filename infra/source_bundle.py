"""The training code as SageMaker's jobs get it: sourcedir.tar.gz, whose bytes are the same for the same code."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

PACKAGES = ("politico", "inference", "training")
REQUIREMENTS = Path("training") / "requirements.txt"
CONSTRAINTS = Path("constraints.txt")
"""With the requirements alone, a job would get whatever came out that day."""


def write_source(path: Path, root: Path) -> str:
    """Write sourcedir.tar.gz from the repository at `root` and give its SHA-256.

    The packages' modules and, at its root, requirements.txt and constraints.txt; no times, no owners, in order of name.
    """
    members = {one.name: root / one for one in (REQUIREMENTS, CONSTRAINTS)}
    for package in PACKAGES:
        members |= {one.relative_to(root).as_posix(): one for one in (root / package).rglob("*.py")}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out:
        for name, source in sorted(members.items()):
            content = source.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            out.addfile(entry, io.BytesIO(content))
    compressed = gzip.compress(packed.getvalue(), mtime=0)
    path.write_bytes(compressed)
    return hashlib.sha256(compressed).hexdigest()
