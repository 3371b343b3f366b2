"""The application with a watch on its connections: ``python -m tests.outside HOME PORT RECORD``.

Every attempt to look up or reach anything but this machine is written to the file RECORD, and refused.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

RECORD = Path(sys.argv[3])
HERE = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}  # noqa: S104 - names that are looked up, none bound
look_up, reach, reach_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex


def note(host: object) -> None:
    with RECORD.open("a") as stream:
        stream.write(f"{host}\n")
    raise OSError(f"no connection to {host} in this test")


def watched_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
    if (host.decode() if isinstance(host, bytes) else host) not in HERE:
        note(host)
    return look_up(host, *arguments, **named)


def watched_reach(self: socket.socket, address: Any) -> Any:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in HERE:
        note(address)
    return reach(self, address)


socket.getaddrinfo = watched_look_up  # type: ignore[assignment]
socket.socket.connect = watched_reach  # type: ignore[method-assign]

if __name__ == "__main__":
    from data.home import Home
    from workbench.serve import serve

    RECORD.touch()
    serve(Home(Path(sys.argv[1])), port=int(sys.argv[2]))
