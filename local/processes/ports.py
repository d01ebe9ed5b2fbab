"""Ports on this machine's loopback."""

import socket

from politico.errors import PortInUseError

HOST = "127.0.0.1"
DEFAULT_PORT = 5566
"""Of the AWS services that `politico up` keeps, unless told otherwise."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raises PortInUseError when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUseError(f"port {port} is in use by another program; choose another with --port") from error
