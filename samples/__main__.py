"""Writes the invented sample into a folder: `python -m samples FOLDER [--seed 7] [--scale 1.0] [--contact]`."""

import argparse
from pathlib import Path

from samples.contact import MESSAGES, write_contact
from samples.write import write_sample


def main() -> None:
    """Reads the command line, writes the files, and says what they hold."""
    parser = argparse.ArgumentParser(prog="python -m samples", description="Write the invented sample into a folder.")
    parser.add_argument("folder", type=Path, help="where the three files go")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another sample (default: 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the tweets to write (default: 1.0)")
    parser.add_argument("--contact", action="store_true", help="another domain instead: messages to a contact centre")
    arguments = parser.parse_args()
    if arguments.contact:
        contact = write_contact(arguments.folder, arguments.seed, max(1, round(MESSAGES * arguments.scale)))
        print(f"{contact.messages}, {contact.channels}; what steers them: {contact.schema}; everything in it is invented")
        return
    files = write_sample(arguments.folder, arguments.seed, arguments.scale)
    for path in (files.politicians, files.tweets, files.corpus):
        print(f"{path}  {path.stat().st_size:,} bytes")
    print(", ".join(f"{name} {number}" for name, number in files.counts.items()))
    print(f"collected {files.reference:%Y-%m-%dT%H:%MZ}; everything in it is invented")


if __name__ == "__main__":
    main()
