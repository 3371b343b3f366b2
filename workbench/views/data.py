"""Data: what came in, what was refused and why, and the balance of parts and classes."""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path

import streamlit as st

from data.answers import STUDY, Choice, Findings, Grade
from data.records import Part
from workbench.theme import UPLOAD_MB
from workbench.views.parts import answers, charts, jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, section, show
from workbench.views.parts.markup import chip, join, table, tag, tone


@framed
def page() -> None:
    """Show the data of the home."""
    place = here()
    total = place.store.studies.count()
    patients = place.store.studies.patients()
    phantoms = place.store.studies.count(phantom=True)
    said = f"{total:,} studies of {len(patients):,} patients" + (f", {phantoms:,} phantoms" if phantoms else "")
    header("Data", tag("span", said, cls="c-quiet"))
    left, right = st.columns([1.6, 1], gap="large")
    with right:
        _upload(place)
    with left:
        if not total:
            empty("No studies yet", "DICOM, NIfTI, PNG, JPEG, ZIPs of these, or folders of them.",
                  "consilium ingest FOLDER")  # fmt: skip
        else:
            _counts(place, Counter(words.PARTS[p.part] for p in patients))
    _refusals(place)


def _counts(place: Here, parts: Counter[str]) -> None:
    section("Patients by part, from the day they come in")
    order = [words.PARTS[part] for part in Part]
    st.plotly_chart(charts.counts({"patients": {name: parts[name] for name in order}}), theme=None,
                    config=charts.CONFIG, key="parts", alt="patients by part")  # fmt: skip
    section(f"Reference standard: {place.task.title}")
    classes = _classes(place)
    if classes:
        st.plotly_chart(charts.counts(classes), theme=None, config=charts.CONFIG, key="classes",
                        alt="studies by class and part")  # fmt: skip
    else:
        show(tone("No labels yet. They come with an import, or from the readers' consensus: ", "quiet"),
             tag("code", "consilium ingest FOLDER --labels labels.csv"))  # fmt: skip
    modalities = place.store.db.query(
        "SELECT modality, view, count(*) AS n, sum(held <> '') AS held FROM studies GROUP BY 1, 2 ORDER BY 3 DESC"
    )
    section("Studies by modality and view")
    body = [[row["modality"], row["view"] or "—", row["n"], row["held"] or ""] for row in modalities]
    show(table(["Modality", "View", "Studies", "Held"], body, numeric=(2, 3)))


def _classes(place: Here) -> dict[str, dict[str, int]]:
    """Studies with a reference standard, by ``question: class``, by part."""
    counted: dict[str, Counter[str]] = {}
    parts_of: dict[str, Part] = {}
    standard = {}
    for parts in ({Part.TRAIN, Part.VALIDATION}, {Part.CALIBRATION, Part.TEST}):
        standard.update(place.store.labels.standard(place.task.name, parts))
    for study in place.store.studies.find(study_ids=list(standard)):
        parts_of[study.study_id] = study.patient.part
    for question in place.task.form.questions:
        if not isinstance(question.kind, Choice | Grade | Findings):
            continue
        for study_id, given in standard.items():
            for answer in given:
                if answer.question == question.name and answer.site == STUDY:
                    said = answers.said(place.task.form, question.name, answer.value)
                    name = f"{words.short(question.name)}: {said}"
                    counted.setdefault(name, Counter())[words.PARTS[parts_of[study_id]]] += 1
    order = [words.PARTS[part] for part in Part]
    return {name: {part: counts[part] for part in order} for name, counts in counted.items()}


def _upload(place: Here) -> None:
    section("Take files in")
    jobs.follow(place.home, jobs.latest_about(place.store, "ingest"))
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader(
            "Files", accept_multiple_files=True, label_visibility="collapsed",
            help="DICOM (with or without an ending), NIfTI, PNG, JPEG, or a ZIP; the content decides.",
        )  # fmt: skip
        sent = st.form_submit_button("Take in", type="primary")
    if sent and files:
        folder = place.home.uploads / secrets.token_hex(8)
        folder.mkdir(parents=True, mode=0o700)
        for index, file in enumerate(files):
            name = Path(file.name).name.replace("\0", "")[-100:]
            (folder / f"{index:04d}-{name}").write_bytes(file.getvalue())
        jobs.ask(place.home, "ingest", paths=[str(folder)], task=place.task.name)
    show(tag("span", f"Up to {UPLOAD_MB} MB. Larger: ", tag("code", "consilium ingest FOLDER"),
             cls="c-small c-quiet"))  # fmt: skip
    done = jobs.latest_about(place.store, "ingest")
    if done is not None and done.result:
        files_, taken = done.result.get("files"), done.result.get("ingested")
        studies = done.result.get("studies") or ()
        show(tag("div", f"Last: {taken} of {files_} files came in, {len(studies)} studies, "
                        f"{words.ago(done.updated_at)}.", cls="c-small"))  # fmt: skip


def _refusals(place: Here) -> None:
    refusals = place.store.studies.refusals()
    section(f"Refused ({len(refusals)})")
    if not refusals:
        show(tone("Nothing was refused.", "quiet"))
        return
    reasons = Counter(refusal.reason for refusal in refusals)
    show(join((chip(f"{reason}: {count}", "doubt") for reason, count in reasons.most_common()), " "))
    body = [
        [tag("span", refusal.reason, cls="c-doubt"), tag("span", Path(refusal.path).name, cls="c-mono"),
         refusal.message, words.moment(refusal.at)]
        for refusal in refusals[:200]
    ]  # fmt: skip
    show(table(["Reason", "File", "What was wrong, what to do", "When (UTC)"], body))
    if len(refusals) > 200:
        show(tone(f"and {len(refusals) - 200} more", "quiet"))
