"""Whether everything runs, and on which version."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from data.errors import ConsiliumError
from data.home import Home
from data.store import Store

LOW_DISK_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part: whether it is well, on which version or where, and what to do if not."""

    name: str
    ok: bool
    detail: str
    do: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The part as JSON."""
        return asdict(self)


def check(home: Home) -> list[PartHealth]:
    """The health of each part, the one in need first."""
    parts = [_database(home), _disk(home), _worker(home), _label_server(home)]
    names = ("torch", "streamlit", "gradio", "label-studio-sdk", "pydicom")
    parts.append(PartHealth("Libraries", True, ", ".join(f"{name} {version(name)}" for name in names)))
    return sorted(parts, key=lambda part: part.ok)


def _database(home: Home) -> PartHealth:
    try:
        studies = Store.of(home).studies.count()
    except ConsiliumError as error:
        return PartHealth("Database", False, error.message, error.do)
    return PartHealth("Database", True, f"{studies} studies")


def _disk(home: Home) -> PartHealth:
    free = shutil.disk_usage(home.prepare().path).free
    return PartHealth(
        "Disk", free > LOW_DISK_BYTES, f"{free / 2**30:.0f} GiB free", "free space, or move the home"
    )


def _worker(home: Home) -> PartHealth:
    from workbench.worker import is_running  # noqa: PLC0415 - loads the queue

    running = is_running(home)
    waiting = len(Store.of(home).jobs.due())
    return PartHealth("Worker", running, f"{waiting} jobs wait", "start it with `consilium worker`")


def _label_server(home: Home) -> PartHealth:
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415 - loads its client

    status = LabelStudioServer(home).status()
    detail = f"{status.version or 'not installed'}{f' at {status.url}' if status.running else ''}"
    return PartHealth("Label Studio", status.running, detail, "start it with `consilium labelstudio start`")
