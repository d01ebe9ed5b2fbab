"""The local cloud's own process. Run: `politico up`, or python -m local.server --port 5566 --assembly cdk.out --folder DIR.

Without an assembly it is an account in which nothing is deployed yet, for the CDK's own command line.

Says on one line of standard output, as JSON, how it is reached, and runs until it is told to stop or its input ends.
"""

import argparse
import gc
import json
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

from local.processes.ports import free_port, require_free
from politico.errors import PoliticoError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, required=True, help="port of the AWS services on this machine")
    parser.add_argument("--assembly", type=Path, help="what `cdk synth` wrote; nothing is deployed unless given")
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder for jobs, functions and endpoints")
    arguments = parser.parse_args()
    stopped = threading.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sent, lambda *_: stopped.set())
    try:
        require_free(arguments.port)
        # moto's interpreter reads it when it is imported, and calls back to this port.
        os.environ["MOTO_PORT"] = str(arguments.port)
        return _run(arguments.port, arguments.assembly, arguments.folder, stopped)
    except PoliticoError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 2


def _run(port: int, folder: Path | None, work: Path, stopped: threading.Event) -> int:
    warnings.filterwarnings("ignore", module="moto")
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    from local.cloud import Cloud
    from local.stack import Assembly

    cloud = Cloud(work, port, free_port())
    try:
        cloud.start(Assembly.read(folder) if folder else None)
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again and again took a part of every call
        print(json.dumps(cloud.describe()), flush=True)
        threading.Thread(target=_until_input_ends, args=(stopped,), daemon=True).start()
        stopped.wait()
    finally:
        cloud.stop()
    # moto's and the workers' threads have nothing left to do, and would hold the process.
    sys.stdout.flush()
    os._exit(0)


def _until_input_ends(stopped: threading.Event) -> None:
    """Whoever started us holds our input open: when that process is gone, so are we."""
    sys.stdin.read()
    stopped.set()


if __name__ == "__main__":
    raise SystemExit(main())
