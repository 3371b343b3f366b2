"""The worklist: every study of the task, searched, filtered and sorted by the server, 50 a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

import streamlit as st

from data.answers import Choice, Grade
from data.records import Part, Reader
from models.task import ClinicalTask
from workbench.views.parts import answers, choice, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header
from workbench.views.parts.markup import Html, bar, chip, image, join, table, tag, text, tone
from workbench.views.parts.rows import rows
from workbench.views.places import go
from workbench.worklist import PAGE_SIZE, Filter, Row, Sort, Standing, ready, views, worklist

_STANDING_TONE = {Standing.IN_ROUND: "accent", Standing.REFERENCE: "good", Standing.READ: "", Standing.POOL: ""}
_ALL = ""


@framed
def page() -> None:
    """Show the worklist."""
    place = here()
    champion = place.champion
    top = st.container()
    ready(place.store, place.task.name, champion.version if champion else "", place.task.modalities)
    filtered = _filter(place)
    found = worklist(
        place.store, place.task.name, champion.version if champion else "", filtered,
        modalities=place.task.modalities,
    )  # fmt: skip
    version = f"champion {champion.version}" if champion else words.NO_CHAMPION
    with top:
        header("Worklist", tag("span", f"{place.task.title} · {found.total:,} studies · {version}", cls="c-quiet"))
    if not found.total:
        _nothing(filtered)
        return
    opened = rows(_table(place, found.rows, filtered), key="worklist rows")
    if opened:
        go("study", study=opened, **filtered.query())
    if found.pages > 1:
        first = (found.number - 1) * PAGE_SIZE + 1
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.caption(f"{first} – {first + len(found.rows) - 1} of {found.total:,}")
        with right:
            st.pagination(found.pages, key="page", bind="query-params")


def _nothing(filtered: Filter) -> None:
    if filtered.query():
        empty("No study fits", "Change or clear the search and the filters above.")
    else:
        empty(
            "No studies yet",
            "Studies appear here once their files have come in: DICOM, NIfTI, PNG, JPEG or a ZIP of these.",
            "consilium ingest FOLDER",
        )


def _options(task: ClinicalTask) -> Mapping[str, str]:
    """What the champion can have answered, as ``question=value`` -> words."""
    found = {}
    for question in task.form.questions:
        kind = question.kind
        pairs: Sequence[tuple[str, str]] = ()
        if isinstance(kind, Choice):
            pairs = [(option, option) for option in kind.options]
        elif isinstance(kind, Grade):
            pairs = [(str(index), level) for index, level in enumerate(kind.levels)]
        found.update({f"{question.name}={v}": f"{words.short(question.name)}: {words.short(w)}" for v, w in pairs})
    return found


def _first_page() -> None:
    st.session_state["page"] = 1


def _filter(place: Here) -> Filter:
    """The search and the filters; each is a query parameter. A reader is not offered what tells of the model."""
    options = _options(place.task)
    seen = views(place.store, place.task.name)
    curator = place.reader is None
    sorts = [s.value for s in Sort if curator or s not in (Sort.UNCERTAIN, Sort.CERTAIN)]
    columns = st.columns([2.4, 1.8, 1.2, 1.1, 1.2, 1.5, 0.8], vertical_alignment="bottom")

    def choose(index: int, label: str, key: str, named: Mapping[str, str]) -> str:
        with columns[index]:
            return choice.choose(label, {_ALL: "all", **named}, key=key, changed=_first_page)

    with columns[0]:
        sought = st.text_input("Search", key="text", bind="query-params", on_change=_first_page,
                               placeholder="pseudonym, study, view, description")  # fmt: skip
    answer = choose(1, "Model's answer", "answer", options) if curator else ""
    part = choose(2, "Part", "part", {p.value: words.PARTS[p] for p in Part})
    view = choose(3, "View", "view", {view: view for view in seen})
    standing = choose(4, "State", "standing", {s.value: s.value for s in Standing})
    with columns[5]:
        order = st.selectbox("Sort", sorts, key="sort", bind="query-params", on_change=_first_page)
    with columns[6]:
        held = st.toggle("Held", key="held", bind="query-params", on_change=_first_page)
    number = int(st.session_state.get("page") or 1)
    plain = Filter(text=sought or "", answer=answer, part=part, view=view, standing=standing)
    return replace(plain, held=bool(held), sort=order or Sort.NEWEST.value, page=number)


def _table(place: Here, found: Sequence[Row], filtered: Filter) -> Html:
    blindness = place.blindness
    heads = ["", "Patient", "View", "Part", "Model's answer, P calibrated", "Uncertainty", "State", "Came in"]
    body = []
    for row in found:
        sight = blindness.sight(row.study_id, row.part)
        if not sight.model:
            said, doubt = tone("hidden while you read", "faint"), text("")
        elif not row.results:
            said, doubt = tone("not predicted yet", "faint"), text("")
        else:
            said = answers.in_line(place.task.form, row.results)
            doubt = join((bar(row.uncertainty), f"{row.uncertainty or 0:.2f}"))
        state = [chip(row.standing.value, _STANDING_TONE[row.standing])]
        if row.held:
            state.append(chip("held", "doubt"))
        if row.phantom:
            state.append(chip("phantom"))
        body.append(
            [
                image(f"/api/studies/{row.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
                _link(row.study_id, row.pseudonym, place.reader, filtered),
                f"{row.modality} {row.view}".strip(),
                words.PARTS[row.part],
                said,
                doubt,
                join(state, " "),
                tag("span", words.day(row.ingested_at), title=words.moment(row.ingested_at), cls="c-quiet"),
            ]
        )
    return table(heads, body, opens=[row.study_id for row in found])


def _link(study_id: str, label: str, reader: Reader | None, filtered: Filter) -> Html:
    seat = {"as": reader.reader_id} if reader else {}
    return tag("a", label, href="/study?" + urlencode({"study": study_id, **seat, **filtered.query()}))
