"""The worklist: every study of the task, searched, filtered, sorted and paged by the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

import streamlit as st

from data.answers import Choice, Grade
from data.records import Part, Reader
from models.task import ClinicalTask
from workbench.language import _, n_, number
from workbench.views.parts import (
    answers,
    choice,
    words,
    worklist_actions,
    worklist_range,
    worklist_ticks,
    worklist_turn,
    worklist_views,
)
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, show
from workbench.views.parts.markup import Html, bar, chip, image, join, table, tag, text, tone
from workbench.views.parts.rows import rows, tick, tick_all
from workbench.views.places import go
from workbench.worklist import Page, Row, ready, views, worklist
from workbench.worklist_filter import PAGE_SIZE, PAGE_SIZES, Filter, Sort, Standing

_STANDING_TONE = {Standing.IN_ROUND: "accent", Standing.REFERENCE: "good", Standing.READ: "", Standing.POOL: ""}
_ALL = ""
SIZES = {str(size): str(size) for size in (PAGE_SIZE, *(one for one in PAGE_SIZES if one != PAGE_SIZE))}
SORT = ":sort "
"""Before what a click on a head opens."""


@framed
def page() -> None:
    """Show the worklist."""
    place = here()
    champion = place.champion
    worklist_turn.take_up()
    top = st.container()
    ready(place.store, place.task.name, champion.version if champion else "", place.task.modalities)
    filtered = _filter(place)
    found = worklist(
        place.store, place.task.name, champion.version if champion else "", filtered,
        modalities=place.task.modalities, page_size=filtered.size,
    )  # fmt: skip
    version = _("champion {version}", version=champion.version) if champion else _(words.NO_CHAMPION)
    counted = n_("{n} study", "{n} studies", found.total) if not found.more else _total(found)
    with top:
        header(_("Worklist"), tag("span", f"{_(place.task.title)} · {counted} · {version}", cls="c-quiet"))
        worklist_views.views(place, filtered)
    if found.total:
        _said(place, filtered, found)
    worklist_actions.actions(place, filtered, found)
    if not found.total:
        _nothing(filtered)
        return
    ticks = worklist_ticks.ticks(place) if place.reader is None else None
    opened = rows(_table(place, found.rows, filtered), key="worklist rows", ticks=ticks)
    if opened.startswith(SORT):
        worklist_turn.turn_to(replace(filtered, sort=opened.removeprefix(SORT), page=1))
    if opened:
        go("study", study=opened, **filtered.query())
    if found.pages > 1 or filtered.size != PAGE_SIZE:
        first = (found.number - 1) * filtered.size + 1
        left, right = st.columns([2, 1.4], vertical_alignment="center")
        left.caption(_("{first} – {last} of {total}", first=number(first),
                       last=number(first + len(found.rows) - 1), total=_total(found)))  # fmt: skip
        with right, st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right"):
            choice.choose(_("Rows"), SIZES, key="size", changed=_first_page, width=90)
            if found.pages > 1:
                st.pagination(found.pages, key="page", bind="query-params")


def _total(found: Page) -> str:
    """How many there are; of a search that fits very many, that there are more."""
    if found.more:
        return _("more than {total}", total=number(found.total))
    return number(found.total)


def _said(place: Here, filtered: Filter, found: Page) -> None:
    """What is still being brought up to date, and the way to the whole list as a file."""
    parts: list[object] = []
    if found.due:
        parts.append(tone(n_("{n} study is being brought up to date: sorted and filtered as it was.",
                             "{n} studies are being brought up to date: sorted and filtered as they were.",
                             found.due), "doubt"))  # fmt: skip
    if found.more and filtered.text:
        parts.append(_("The search fits very many studies: these are the first ones. Type more letters."))
    elif found.more:
        parts.append(_("Very many studies fit: the first {total} are counted, the others as you page on.",
                       total=number(found.total)))  # fmt: skip
    if place.reader is None:
        query = {
            name: value for name, value in filtered.query().items() if name not in ("page", "size", "modality")
        }
        if "standing" in query:
            query["state"] = query.pop("standing")
        address = "/api/worklist.csv?" + urlencode({"task": place.task.name, **query})
        parts.append(tag("a", _("All of these as a table (CSV)"), href=address, download="worklist.csv"))
    if parts:
        show(tag("div", join(parts, " · "), cls="c-small c-quiet"))


def _nothing(filtered: Filter) -> None:
    if filtered.query():
        empty(_("No study fits"), _("Change or clear the search and the filters above."))
    else:
        empty(
            _("No studies yet"),
            _("Studies appear here once their files have come in: DICOM, NIfTI, PNG, JPEG or a ZIP of these."),
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
    columns = st.columns([2.4, 1.8, 1.2, 1.1, 1.2, 1.5], vertical_alignment="bottom")

    def among(index: int, label: str, key: str, named: Mapping[str, str]) -> str:
        with columns[index]:
            return choice.choose(label, {_ALL: _("all"), **named}, key=key, changed=_first_page)

    with columns[0]:
        sought = st.text_input(_("Search"), key="text", bind="query-params", on_change=_first_page,
                               placeholder=_("pseudonym, study, view, description"))  # fmt: skip
    answer = among(1, _("Model's answer"), "answer", options) if curator else ""
    part = among(2, _("Part"), "part", {p.value: words.part(p) for p in Part})
    view = among(3, _("View"), "view", {view: view for view in seen})
    standing = among(4, _("State"), "standing", {s.value: _(words.STANDINGS[s]) for s in Standing})
    with columns[5]:
        named = {one: _(words.SORTS[Sort(one)]) for one in sorts}
        order = choice.choose(_("Sort"), named, key="sort", changed=_first_page)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        since, until, doubt = worklist_range.span(curator=curator, changed=_first_page)
        held = st.toggle(_("Held"), key="held", bind="query-params", on_change=_first_page)
    page_number = int(st.session_state.get("page") or 1)
    plain = Filter(text=sought or "", answer=answer, part=part, view=view, standing=standing,
                   since=since, until=until, doubt=doubt)  # fmt: skip
    size = str(st.session_state.get("size") or st.query_params.get("size") or PAGE_SIZE)
    return replace(plain, held=bool(held), sort=order or Sort.NEWEST.value, page=page_number,
                   size=int(size) if size in SIZES else PAGE_SIZE)  # fmt: skip


def _table(place: Here, found: Sequence[Row], filtered: Filter) -> Html:
    blindness = place.blindness
    heads = ["", _sorted(_("Patient"), filtered, Sort.PSEUDONYM), _("View"), _("Part"),
             _("Model's answer, P calibrated"),
             _sorted(_("Uncertainty"), filtered, Sort.UNCERTAIN, Sort.CERTAIN) if place.reader is None
             else _("Uncertainty"),
             _("State"), _sorted(_("Came in"), filtered, Sort.NEWEST, Sort.OLDEST)]  # fmt: skip
    if place.reader is None:
        heads.insert(0, tick_all(_("Tick all rows of this page")))
    body = []
    for row in found:
        sight = blindness.sight(row.study_id, row.part)
        if not sight.model:
            said, doubt = tone(_("hidden while you read"), "faint"), text("")
        elif not row.results:
            said, doubt = tone(_("not predicted yet"), "faint"), text("")
        else:
            said = answers.in_line(place.task.form, row.results)
            doubt = join((bar(row.uncertainty), f"{row.uncertainty or 0:.2f}"))
        state = [chip(_(words.STANDINGS[row.standing]), _STANDING_TONE[row.standing])]
        if row.held:
            state.append(chip(_("held"), "doubt"))
        if row.phantom:
            state.append(chip(_("phantom")))
        first = [tick(row.study_id, _("Tick {name}", name=row.pseudonym))] if place.reader is None else []
        body.append(
            [
                *first,
                image(f"/api/studies/{row.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
                _link(row.study_id, row.pseudonym, place.reader, filtered),
                f"{row.modality} {row.view}".strip(),
                words.part(row.part),
                said,
                doubt,
                join(state, " "),
                tag("span", words.day(row.ingested_at), title=words.moment(row.ingested_at), cls="c-quiet"),
            ]
        )
    return table(heads, body, opens=[row.study_id for row in found])


def _sorted(title: str, filtered: Filter, *sorts: Sort) -> Html:
    """A head that sorts by its column, and the other way when it does already; its arrow says which way it is."""
    now = next((sort for sort in sorts if sort.value == filtered.sort), None)
    after = sorts[0] if now is None else sorts[(sorts.index(now) + 1) % len(sorts)]
    arrow = "" if now is None else " ▾" if now in (Sort.NEWEST, Sort.UNCERTAIN) else " ▴"
    return tag("button", title, arrow, type="button", data_open=SORT + after.value, cls="c-sort",
               title=_("Sort: {order}", order=_(words.SORTS[after])))  # fmt: skip


def _link(study_id: str, label: str, reader: Reader | None, filtered: Filter) -> Html:
    seat = {"as": reader.reader_id} if reader else {}
    return tag("a", label, href="/study?" + urlencode({"study": study_id, **seat, **filtered.query()}))
