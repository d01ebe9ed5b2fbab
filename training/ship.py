"""Make a model folder small enough to lie in a repository: half precision, no code, nothing but what `load_model` reads.

python -m training.ship --model FOLDER --output FOLDER
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from inference.model import CARD_FILE, CONFIG_FILE, SCHEMA_FILE, TOKENIZER_FILE, WEIGHTS_FILE, load_model
from inference.offered import FILE as OFFERED_FILE
from inference.rules.lexicon import FILE as WORDS_FILE
from inference.rules.novelty import FILE as SHINGLES_FILE
from politico.flags import read_flags
from training.exit_codes import run
from training.folders import unpacked

OTHER_FILES = (TOKENIZER_FILE, SCHEMA_FILE, CARD_FILE, CONFIG_FILE, WORDS_FILE, OFFERED_FILE, SHINGLES_FILE)


@dataclass(frozen=True)
class Folders:
    """From where, to where."""

    model: str
    """A model folder, packed or not."""
    output: str


def ship(model: Path, output: Path) -> int:
    """Write the folder; gives its size in bytes. Raises what `load_model` raises."""
    with unpacked(model) as folder:
        load_model(folder)  # whoever gets it must be able to read it
        output.mkdir(parents=True, exist_ok=True)
        weights = {name: one.to(torch.float16) for name, one in load_file(folder / WEIGHTS_FILE).items()}
        save_file(weights, output / WEIGHTS_FILE, {"format": "pt"})
        (output / WEIGHTS_FILE).chmod(0o644)  # safetensors lets nobody but the writer read
        for name in OTHER_FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, output / name)
    load_model(output)
    return sum(path.stat().st_size for path in output.iterdir())


def main(words: list[str]) -> int:
    def program() -> None:
        (folders,) = read_flags(words, Folders)
        print(f"{ship(Path(folders.model), Path(folders.output)) / 1e6:.1f} MB in {folders.output}", flush=True)

    return run(program)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
