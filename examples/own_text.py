"""A model of one's own text: trained by `politico train`, used with transformers alone.

    python examples/own_text.py my_novel.txt --minutes 5 --beginning "La ciudad"

It takes plain text, with blank lines between paragraphs. A tiny network that learns for minutes writes what looks like Spanish
and makes little sense: give it hours, more text, and `gpt2-es-small`.
"""

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("text", type=Path, help="what it learns from; also .gz, .bz2, .xz")
    flags.add_argument("--minutes", type=float, default=5.0)
    flags.add_argument("--beginning", default="La ciudad")
    flags.add_argument("--out", type=Path, default=Path("own"))
    given = flags.parse_args()

    settings = [f"base.max_minutes={given.minutes}", "corpus.vocabulary_size=2048"]
    politico = [sys.executable, "-m", "cli.main", "train", "gpt2-es-tiny", "--corpus", str(given.text), "--out", str(given.out)]
    subprocess.run([*politico, *(word for one in settings for word in ("--set", one))], check=True)

    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = given.out / "base"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    asked = tokenizer(given.beginning, return_tensors="pt")
    written = model.generate(**asked, do_sample=True, top_k=50, temperature=0.8, max_new_tokens=60)
    print(tokenizer.decode(written[0], skip_special_tokens=True))


if __name__ == "__main__":
    main()
