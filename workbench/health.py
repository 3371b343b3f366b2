"""Whether everything runs, and on which version."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from data.errors import ConsiliumError
from data.home import Home
from data.store import Store
from workbench.language import N_

LOW_DISK_BYTES = 2 * 2**30
NAMES = (
    N_("Database"),
    N_("Disk"),
    N_("Worker"),
    N_("Label Studio"),
    N_("Log"),
    N_("Rights"),
    N_("Libraries"),
)
"""The names of the parts; each is translated where it is shown."""
SENTENCES = (
    N_("{1} studies"),
    N_("{1} GiB free"),
    N_("{1} jobs wait"),
    N_("not installed"),
    N_("{1} is installed and does not run"),
    N_("{1} at {2}"),
    N_("runs at {1}"),
    N_("free space, or move the home"),
    N_("start it with {1}"),
    N_("not verified yet"),
    N_("verified up to entry {1}: nothing was altered"),
    N_("{1} findings up to entry {2}"),
    N_("see what was altered with {1}, and restore the home from a copy that verifies"),
    N_("only this user may read the home"),
    N_("others may read the home: {1}"),
    N_("take their rights with {1}"),
)
"""The templates of what is said of them (:mod:`workbench.kept`)."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part of what runs.

    Parameters
    ----------
    ok:
        Whether it is well.
    detail:
        On which version, or where.
    do:
        What to do if it is not well.
    work:
        The kind of background work that does it; empty where none does.
    """

    name: str
    ok: bool
    detail: str
    do: str = ""
    work: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The part as JSON."""
        return asdict(self)


def check(home: Home) -> list[PartHealth]:
    """The health of each part, the one in need first."""
    parts = [_database(home), _disk(home), _worker(home), _label_server(home), _log(home), _rights(home)]
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


def _log(home: Home) -> PartHealth:
    """What the last verification found; a log that was never verified is not ill."""
    sql = "SELECT result FROM jobs WHERE kind = 'verify' AND state = 'done' ORDER BY created_at DESC LIMIT 1"
    row = Store.of(home).db.execute(sql).fetchone()
    result = json.loads(row[0]) if row else {}
    if "sound" not in result:
        return PartHealth("Log", True, "not verified yet")
    if result["sound"]:
        return PartHealth("Log", True, f"verified up to entry {result['newest']}: nothing was altered")
    return PartHealth(
        "Log", False, f"{result['found']} findings up to entry {result['newest']}",
        "see what was altered with `consilium verify`, and restore the home from a copy that verifies",
    )  # fmt: skip


def _rights(home: Home) -> PartHealth:
    """Whether nobody else on this machine may read the records and the keys."""
    open_ = [
        path for path in (home.path, home.secrets) if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if not open_:
        return PartHealth("Rights", True, "only this user may read the home")
    return PartHealth(
        "Rights", False, f"others may read the home: {open_[0]}", f"take their rights with `chmod 700 {open_[0]}`"
    )


def _label_server(home: Home) -> PartHealth:
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415 - loads its client
    from workbench.labelling_work import START  # noqa: PLC0415

    status = LabelStudioServer(home).status()
    detail = f"{status.version} is installed and does not run" if status.version else "not installed"
    if status.running:  # from another environment where none is installed in this one
        detail = f"{status.version} at {status.url}" if status.version else f"runs at {status.url}"
    return PartHealth(
        "Label Studio", status.running, detail, "start it with `consilium labelstudio start`",
        START if status.version else "",
    )  # fmt: skip
