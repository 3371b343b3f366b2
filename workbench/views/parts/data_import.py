"""Data, the way in: files over the page, or a folder of the machine, looked at before it is taken in."""

from __future__ import annotations

import secrets
from pathlib import Path

import streamlit as st

from data.holdings import Holdings
from data.records import Job, JobState
from workbench.data_work import LOOK, TAKE, checked
from workbench.language import _, n_, number
from workbench.theme import UPLOAD_MB
from workbench.views import places
from workbench.views.parts import data_refused, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.data_overview import nothing
from workbench.views.parts.frame import failures, section, show
from workbench.views.parts.markup import chip, facts, join, tag, tone


def take_in(place: Here, found: Holdings) -> None:
    """Show both ways in, and how the last import went."""
    if not found.studies:
        nothing()
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        _folder(place)
    with right:
        _upload(place)


def _folder(place: Here) -> None:
    section(_("A folder on this machine"))
    with st.form("folder", border=False):
        given = st.text_input(_("Folder, file or ZIP, by its whole path"), placeholder="/srv/images/2026-03")
        asked = st.form_submit_button(_("See what is there"), type="primary")
    if asked:
        with failures():
            jobs.ask(place.home, LOOK, path=str(checked(place.home, given)))
    looked, taken = jobs.latest_about(place.store, LOOK), jobs.latest_about(place.store, TAKE)
    if jobs.follow(place.home, looked, key="look"):
        return
    running = jobs.follow(place.home, taken, key="take")
    if taken is not None and (looked is None or taken.created_at > looked.created_at):
        if taken.state == JobState.DONE:
            _came_in(taken)
        return
    if looked is not None and looked.result:
        _there(place, looked, running=running)


def _there(place: Here, looked: Job, *, running: bool) -> None:
    """What a folder holds, and the button that takes it in."""
    result = looked.result
    images = sum(result["formats"].values())
    kinds = join((chip(f"{name} {number(n)}") for name, n in result["formats"].items()), " ") or "—"
    others = join((chip(f"{data_refused.name(reason)}: {number(n)}", "doubt")
                   for reason, n in result["refused"].items()), " ") or _("none")  # fmt: skip
    show(tag("div", facts([
        (_("Folder"), tag("span", result["path"], cls="c-mono")),
        (_("Files"), number(result["files"])),
        (_("Can be read"), join((number(images), " · ", words.size(result["bytes"]), " ", kinds))),
        (_("Known by their path"), number(result["known"])),
        (_("Stay out"), others),
        (_("Looked at"), words.ago(looked.updated_at)),
    ]), cls="c-panel"))  # fmt: skip
    if not images:
        show(tone("▲ ", "doubt"), _("There is no image in it."))
        return
    with st.form("take the folder", border=False):
        left, right = st.columns(2)
        tables = result.get("tables", ())  # of a look that was kept before tables were sought: none
        labels = left.text_input(_("Table of labels (CSV), by its whole path"), placeholder=_("none"),
                                 value=tables[0] if len(tables) == 1 else "",
                                 help=_("A column path, study or patient names the study; columns named like the "
                                        "task's questions hold labels."))  # fmt: skip
        source = right.text_input(_("Where it is from"), placeholder=_("a name in front of every patient's id"),
                                  max_chars=40)  # fmt: skip
        label = n_("Take {n} file in", "Take {n} files in", images)
        sent = st.form_submit_button(label, type="primary", disabled=running)
    if sent:
        with failures():
            named = str(checked(place.home, labels)) if labels.strip() else ""
            jobs.ask(place.home, TAKE, path=result["path"], labels=named, source=source.strip(),
                     task=place.task.name if named else "")  # fmt: skip
    show(tone(_("Files that are there already come in once. It can be left, called off and asked for again."),
              "quiet"))  # fmt: skip


def _came_in(taken: Job) -> None:
    result = taken.result
    refused = sum(result["refused"].values())
    pairs: list[tuple[str, object]] = [
        (_("Came in"), n_("{n} file", "{n} files", result["ingested"])),
        (_("Studies"), number(result["studies"])),
        (_("There already"), number(result["duplicates"])),
    ]
    if refused:
        link = tag("a", _("see why"), href="/data?show=refused")
        pairs.append((_("Refused"), join((tone(f"▲ {number(refused)} ", "doubt"), link))))
    if result["held"]:
        link = tag("a", _("look at them"), href="/worklist?held=true")
        pairs.append((_("Held for a person"), join((tone(f"▲ {number(result['held'])} ", "doubt"), link))))
    if "label_rows" in result:
        matched = _("{matched} of {rows} rows of the table found their study; {labels} labels kept",
                    matched=number(result["label_rows_matched"]), rows=number(result["label_rows"]),
                    labels=number(result["references"]))  # fmt: skip
        pairs.append((_("Labels"), matched))
    head = join((tone("● ", "good"), tag("b", _("Taken in")), " ", tone(words.ago(taken.updated_at), "quiet")))
    show(tag("div", head, facts(pairs), cls="c-panel"))
    if st.button(_("Go on in the loop"), key="to the loop", type="primary"):
        places.go("loop")


def _upload(place: Here) -> None:
    section(_("Files of yours"))
    last = jobs.latest_about(place.store, "ingest")
    jobs.follow(place.home, last, key="upload")
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader(
            _("Files"), accept_multiple_files=True, label_visibility="collapsed",
            help=_("DICOM (with or without an ending), NIfTI, PNG, JPEG, or a ZIP; the content decides."),
        )  # fmt: skip
        sent = st.form_submit_button(_("Take in"), type="primary")
    if sent and files:
        folder = place.home.uploads / secrets.token_hex(8)
        folder.mkdir(parents=True, mode=0o700)
        for index, file in enumerate(files):
            name = Path(file.name).name.replace("\0", "")[-100:]
            (folder / f"{index:04d}-{name}").write_bytes(file.getvalue())
        jobs.ask(place.home, "ingest", paths=[str(folder)])
    show(tag("span", _("Up to {size} MB. Larger:", size=UPLOAD_MB), " ", tag("code", "consilium ingest FOLDER"),
             cls="c-small c-quiet"))  # fmt: skip
    if last is not None and last.result:
        said = _("Last: {taken} of {files} files came in, {ago}.", taken=number(last.result["ingested"]),
                 files=number(last.result["files"]), ago=words.ago(last.updated_at))  # fmt: skip
        show(tag("div", said, cls="c-small"))
