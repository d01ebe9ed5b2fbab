"""`politico up`: the local cloud, kept until Ctrl-C."""

import json
import signal
import threading
from pathlib import Path

from cli import local_cloud
from cli.screen import Screen
from local.processes.ports import require_free


def keep_up(port: int) -> None:
    """Start the cloud and wait. Raises PortInUseError, MissingToolError, JobError."""
    require_free(port)
    screen = Screen()
    log = local_cloud.STATE.parent / "cloud.log"
    log.parent.mkdir(exist_ok=True)
    assembly = Path("cdk.out")
    with screen.stage("template") as stage:
        local_cloud.synthesize(assembly)
        stage.result = f"{assembly}, as `cdk deploy` would take it"
    stopped = threading.Event()
    for sent in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sent, lambda *_: stopped.set())
    with screen.stage("cloud") as stage:
        opened = local_cloud.started(assembly.resolve(), port=port, log=log)
        cloud = opened.__enter__()
        stage.result = f"up; its log is {log}"
    try:
        local_cloud.STATE.write_text(json.dumps({"side": cloud.side}))
        screen.console.print("\nIn another terminal of this folder:\n", highlight=False)
        for name, value in cloud.environment.items():
            screen.console.print(f"  export {name}={value}", highlight=False)
        screen.console.print(f"  export API_URL={cloud.outputs['ApiUrl']}", highlight=False)
        screen.console.print(f"  export API_KEY={cloud.api_key}", highlight=False)
        screen.console.print(
            "\n  politico demo            uses this cloud\n  politico generate        asks its endpoint\n", highlight=False
        )
        screen.console.print("Ctrl-C stops it; all it holds goes with it.", highlight=False)
        stopped.wait()
    finally:
        local_cloud.STATE.unlink(missing_ok=True)
        opened.__exit__(None, None, None)
