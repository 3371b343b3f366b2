"""Settings, versions: of Consilium, of what it is made of, of the records' schema."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from labelstudio.server import LabelStudioServer
from workbench.api_replies import own_version
from workbench.language import _
from workbench.views.parts.context import Here
from workbench.views.parts.download import csv_button
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag, tone

PARTS: Sequence[str] = (
    "torch", "torchvision", "timm", "ultralytics", "monai", "numpy", "pandas", "scikit-learn", "scipy",
    "statsmodels", "pydicom", "highdicom", "nibabel", "SimpleITK", "av", "sqlite-utils", "huey", "streamlit",
    "plotly", "gradio", "fastapi", "label-studio-sdk", "crowd-kit", "cleanlab", "krippendorff", "ray",
)  # fmt: skip


def versions(place: Here) -> None:
    """Show the versions; what is not installed says so."""
    section(_("Versions of the parts"))
    server = LabelStudioServer(place.home).status()
    schema = place.store.db.execute("SELECT count(*), max(name) FROM _sqlite_migrations").fetchone()
    rows: list[tuple[str, str]] = [
        ("Consilium", own_version()),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        (_("Schema of the records"), str(schema[1])),
        ("Label Studio", server.version),
        *((name, installed(name)) for name in PARTS),
    ]
    body = [[name, tag("span", found, cls="c-mono") if found else tone(_("not installed"), "quiet")]
            for name, found in rows]  # fmt: skip
    show(tag("div", table([_("Part"), _("Version")], body), cls="c-narrow"))
    csv_button("versions", [_("Part"), _("Version")], rows)


def installed(name: str) -> str:
    """The version of a package; empty where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
