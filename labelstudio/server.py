"""One labelling server on this machine: installed, started, found again, stopped.

It listens on the loopback alone, sends nothing anywhere, and keeps everything in the home: a restart changes
nothing. Its secrets travel in its environment and in files with mode 600, never on a command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import httpx
from filelock import FileLock

from data.errors import LabelServerError, PortBusyError
from data.home import Home
from labelstudio.installation import Installation

HOST = "127.0.0.1"
PORT = 8085
SERVICE_EMAIL = "service@consilium.invalid"
START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the server.

    Parameters
    ----------
    running:
        Whether it answers, and is this home's own.
    pid:
        Its process, while there is one.
    version:
        Of the installed server; empty where none is.
    environment:
        The folder of its Python environment.
    """

    running: bool
    url: str
    pid: int | None
    version: str
    port: int
    installed: bool
    environment: Path


@dataclass(frozen=True, slots=True)
class _Process:
    """A process that was started: ``began`` tells it from a later one with the same number."""

    pid: int
    began: str
    port: int

    @property
    def alive(self) -> bool:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return _began(self.pid) == self.began != ""


def _began(pid: int) -> str:
    """When a process began, as the system tells it; empty where there is none."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]  # the state; field 22, ticks since boot
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _elsewhere() -> list[str]:
    """Every network without this machine's own address: the server calls nobody else, webhooks included."""
    others = IPv4Network("0.0.0.0/0").address_exclude(IPv4Network(HOST))
    return [str(network) for network in (*sorted(others), IPv6Network("::/0"))]


class LabelStudioServer:
    """The labelling server of a home.

    Parameters
    ----------
    home:
        Its data lie under ``labelstudio/``, its log in ``logs/labelstudio.log``.
    port:
        Where it listens once it is started; None for where it listened last, and at first for :data:`PORT`.
    """

    def __init__(self, home: Home, *, port: int | None = None) -> None:
        self.home = home
        self.port = self._last_port() if port is None else port
        self.installation = Installation.of(home)

    @property
    def url(self) -> str:
        """Where it answers; one host name everywhere, since its cookies hold for that one alone."""
        process = self._process()
        return f"http://{HOST}:{process.port if process else self.port}"

    @property
    def files(self) -> Path:
        """The folder of the pages that it serves."""
        return self.home.labelstudio / "files"

    @property
    def token(self) -> str:
        """The service user's token, 40 hexadecimal digits."""
        return self.home.secret("labelstudio-token", length=20)

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.home.logs / "labelstudio.log"

    def install(self, progress: Callable[[str], None] | None = None) -> None:
        """Install it; see :meth:`Installation.install`."""
        self.home.prepare()
        self.installation.install(progress)

    def status(self) -> ServerStatus:
        """Whether it runs, where, and in which version."""
        process = self._process()
        alive = process is not None and process.alive
        return ServerStatus(
            running=alive and self._is_ours(),
            url=self.url,
            pid=process.pid if process and alive else None,
            version=self.installation.version,
            port=process.port if process else self.port,
            installed=self.installation.complete,
            environment=self.installation.path,
        )

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> ServerStatus:
        """Start it and wait until it answers; 30 s the first time, 3 s later. Nothing where it runs already.

        Raises
        ------
        PortBusyError
            Another program has the port.
        LabelServerError
            It is not installed, ends at once, or does not answer in time.
        """
        self._prepare()
        with FileLock(self.home.labelstudio / "server.lock"):
            status = self.status()
            if status.running:
                return status
            if not status.installed:
                raise LabelServerError(
                    "The labelling server is not installed.",
                    given=status.environment,
                    expected="an environment with label-studio",
                    do="run `consilium labelstudio start`",
                )
            if status.pid is not None:  # ours, but it does not answer
                self._end(self._process())
            self._refuse_busy_port()
            process = self._launch()
            self._wait(process, timeout_s)
        return self.status()

    def stop(self) -> None:
        """End it with all its processes: asked first, then made to. Nothing where it does not run."""
        self.home.prepare()
        self.home.labelstudio.mkdir(exist_ok=True, mode=0o700)
        with FileLock(self.home.labelstudio / "server.lock"):
            self._end(self._process())

    @property
    def _record(self) -> Path:
        return self.home.labelstudio / "server.json"

    def _recorded(self) -> _Process | None:
        """The process that was started last; whether it still runs is another matter."""
        try:
            found = json.loads(self._record.read_text())
            return _Process(int(found["pid"]), str(found["began"]), int(found["port"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _last_port(self) -> int:
        last = self._recorded()
        return last.port if last is not None else PORT

    def _process(self) -> _Process | None:
        process = self._recorded()
        return process if process is not None and process.alive else None

    def _prepare(self) -> None:
        self.home.prepare()
        for place in (self.home.labelstudio, self.home.labelstudio / "data", self.files):
            place.mkdir(exist_ok=True, mode=0o700)

    def _is_ours(self) -> bool:
        """Whether it answers to our token. Asked of a process that this home started, never of another."""
        try:
            header = {"Authorization": f"Token {self.token}"}
            answer = httpx.get(f"{self.url}/api/current-user/whoami", headers=header, timeout=5.0)
            return answer.status_code == httpx.codes.OK and answer.json()["email"] == SERVICE_EMAIL
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def _refuse_busy_port(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise PortBusyError(
                    f"Port {self.port} belongs to another program.",
                    given=f"{HOST}:{self.port}, {error.strerror}",
                    expected="a free port for the labelling server",
                    do="end that program, or give the labelling server another port in the settings",
                ) from error

    def environment(self) -> dict[str, str]:
        """The environment variables that it runs with: nothing is sent, nobody signs up without an invitation."""
        hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE")
        base = self.home.labelstudio
        return {
            **{name: value for name, value in os.environ.items() if name not in hidden},
            "LABEL_STUDIO_BASE_DATA_DIR": str(base / "data"),
            "XDG_CONFIG_HOME": str(base / "data"),
            "LABEL_STUDIO_USERNAME": SERVICE_EMAIL,
            "LABEL_STUDIO_PASSWORD": self.home.secret("labelstudio-password"),
            "LABEL_STUDIO_USER_TOKEN": self.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.files),
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "USE_DEFAULT_BANNED_SUBNETS": "false",  # they hold the loopback, where the workbench listens
            "USER_ADDITIONAL_BANNED_SUBNETS": ",".join(_elsewhere()),
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "false",
        }

    def _launch(self) -> _Process:
        command = [str(self.installation.executable), "start", "--no-browser"]
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:  # noqa: PTH123
            child = subprocess.Popen(
                [*command, "--internal-host", HOST, "--port", str(self.port)],
                env=self.environment(),
                cwd=self.home.labelstudio,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.returncode = 0  # detached: it outlives this object, and _Process reaps it
        process = _Process(child.pid, _began(child.pid), self.port)
        draft = self._record.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(process)))
        draft.replace(self._record)
        return process

    def _wait(self, process: _Process, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not process.alive:
                raise self._failed("The labelling server ended while it started.", process)
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"http://{HOST}:{process.port}/health", timeout=2.0)
                if answer.status_code == httpx.codes.OK:
                    break
            time.sleep(0.2)
        else:
            self._end(process)
            raise self._failed(f"The labelling server did not answer within {timeout_s:.0f} s.", process)
        if not self._is_ours():
            self._end(process)
            raise self._failed("The labelling server does not know this home's token.", process)

    def _failed(self, message: str, process: _Process) -> LabelServerError:
        tail = self.log.read_text(errors="replace").splitlines()[-8:] if self.log.exists() else []
        return LabelServerError(
            message,
            given="\n".join(["the end of its log:", *tail]),
            expected=f"an answer at http://{HOST}:{process.port}/health",
            do=f"read {self.log}, mend what it names and start it again",
        )

    def _end(self, process: _Process | None) -> None:
        if process is not None:
            for kill, wait_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, kill)
                deadline = time.monotonic() + wait_s
                while process.alive and time.monotonic() < deadline:
                    time.sleep(0.05)
                if not process.alive:
                    break
