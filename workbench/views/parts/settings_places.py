"""Settings, places: addresses, folders, and what each takes of the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from data.home import HOME_VARIABLE
from data.records import Job
from labelstudio.installation import ENVIRONMENT_VARIABLE
from labelstudio.server import LabelStudioServer
from models.config import CONFIGS_VARIABLE, configs_folder
from workbench.disk_use import FILES, MEASURE, OTHER, PIXELS
from workbench.language import N_, _, number
from workbench.theme import palette
from workbench.views.parts import charts, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, table, tag, tone
from workbench.views.parts.plot import plot

KINDS: Mapping[str, str] = {
    "database": N_("records, log and queue"),
    PIXELS: N_("pixels of the series"),
    FILES: N_("masks, weights, heat maps"),
    "viewer": N_("made ready for the viewer"),
    "uploads": N_("files that came over a page"),
    "labelstudio": N_("the labelling server's own"),
    "simulations": N_("simulated loops"),
    "scratch": N_("work that was cut off, to go on"),
    "logs": N_("logs of the servers"),
    OTHER: N_("other"),
}


def places(place: Here) -> None:
    """Show where things are and what they take."""
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        _addresses(place)
        _folders(place)
    with right:
        _disk(place)


def _addresses(place: Here) -> None:
    section(_("Addresses"))
    parts = urlsplit(st.context.url or "")
    base = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    server = LabelStudioServer(place.home).status()
    runs = tone(_("runs"), "good") if server.running else tone(_("does not run"), "doubt")
    body = [
        [_("These pages"), _link("/", base or "/"), ""],
        [_("Demo"), _link("/gradio/", f"{base}/gradio/"), ""],
        [_("API, with its documentation"), _link("/docs", f"{base}/docs"), ""],
        [_("Label Studio"), _link(server.url, server.url), runs],
    ]
    show(tag("div", table(["", _("Address"), ""], body), cls="c-wide-table"))
    show(tag("p", _("The pages answer on this machine alone, under 127.0.0.1."), cls="c-small c-quiet"))


def _link(address: str, said: str) -> Html:
    return tag("a", said, href=address, target="_blank")


def _folders(place: Here) -> None:
    section(_("Folders"))
    home = place.home
    body = [
        [_("Home"), _path(home.path), HOME_VARIABLE],
        [_("Records and log"), _path(home.database), ""],
        [_("Pixels, masks, weights"), _path(home.blobs), ""],
        [_("Uploads"), _path(home.uploads), ""],
        [_("Logs of the servers"), _path(home.logs), ""],
        [_("Configurations of the tasks"), _path(configs_folder()), CONFIGS_VARIABLE],
        [
            _("Label Studio's environment"),
            _path(LabelStudioServer(home).status().environment),
            ENVIRONMENT_VARIABLE,
        ],
    ]
    rows = [[a, b, tag("span", c, cls="c-mono c-faint")] for a, b, c in body]
    show(tag("div", table(["", _("Path"), _("Named by")], rows), cls="c-wide-table"))


def _path(path: object) -> Html:
    return tag("span", str(path), cls="c-mono")


def _disk(place: Here) -> None:
    section(_("Size on disk"))
    last = jobs.latest(place.store, MEASURE)
    free = shutil.disk_usage(place.home.path).free
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        running = last is not None and last.state in jobs.RUNNING
        if st.button(_("Measure"), type="primary", disabled=running):
            jobs.ask(place.home, MEASURE)
        show(_("{size} free", size=words.size(free)))
    if jobs.follow(place.home, last) or last is None or not last.result:
        return
    _sizes(last)


def _sizes(last: Job) -> None:
    kinds: Mapping[str, Mapping[str, int]] = last.result["kinds"]
    shown = sorted(
        ((name, one) for name, one in kinds.items() if one["files"]), key=lambda item: -item[1]["bytes"]
    )
    named = {name: _(KINDS[name]) for name, one in shown}
    figure = charts.counts(
        {named[name]: {_("MB"): round(one["bytes"] / 1e6)} for name, one in shown},
        colours={_("MB"): palette().accent},
    )
    rows: list[list[Cell]] = [[named[name], one["bytes"], one["files"]] for name, one in shown]
    plot(figure, key="disk", alt=_("Size on disk by kind, megabytes."),
         heads=[_("Kind"), _("Bytes"), _("Files")], rows=rows)  # fmt: skip
    total = words.size(sum(one["bytes"] for name, one in shown))
    files = number(sum(one["files"] for name, one in shown))
    show(
        tone(_("{size} in {files} files, {ago}", size=total, files=files, ago=words.ago(last.updated_at)), "quiet")
    )
