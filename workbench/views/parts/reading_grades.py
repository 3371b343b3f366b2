"""Grades at levels, filled in where the case is read: a row a level, a list of grades in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from active_learning.accepting import Accepting, Offer
from data.answers import Answer, Form, Grade, Mask, Site
from data.records import Mode, ReadRequest, RequestState
from workbench.grades import LEFT, RIGHT, Column, columns_of, graded, places
from workbench.language import _
from workbench.views.parts import reading_clock, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, section, show
from workbench.views.parts.markup import tag
from workbench.views.parts.reading_acts import given
from workbench.views.parts.reading_queue import Queue

if TYPE_CHECKING:
    import pandas as pd

COLUMN_PX = 132
_BEGUN, _FILLED = "begun", "filled"


def grades(place: Here, queue: Queue, now: ReadRequest, offer: Offer) -> None:
    """The grid of a case that waits, the model's grades in it where the read is assisted, and the button.

    Nothing where the form asks for more than grades and outlines.
    """
    form = place.task.form
    asked = graded(form)
    wanted = {q.name for q in form.questions if not isinstance(q.kind, Mask)}
    if not asked or {q.name for q in asked} != wanted or now.state != RequestState.PUSHED:
        return
    cells, scale = places(asked), _scale(form)
    section(_("Your grades"))
    filled = _editor(now, cells, columns_of(asked), scale, offer.answers)
    chosen = [
        Answer(column.question, cells[level, column], scale.index(value))
        for (level, column), value in filled.items()
        if value in scale
    ]
    left, right = st.columns([1, 3], vertical_alignment="center")
    pressed = left.button(_("Give these grades"), shortcut="g", key=f"reading grades {now.request_id}",
                          disabled=len(chosen) < len(cells), width="stretch")  # fmt: skip
    with right:
        outlines = _("The outlines stay as the model drew them.") if now.mode == Mode.ASSISTED else ""
        open_ = len(cells) - len(chosen)
        said = _("{open} of {total} grades are still to be given.", open=open_, total=len(cells)) if open_ else ""
        show(tag("span", said or outlines, cls="c-small c-quiet"))
    if pressed:
        with failures():
            _give(place, queue, now, offer, [*(a for a in offer.answers if a.question not in wanted), *chosen])


def _give(place: Here, queue: Queue, now: ReadRequest, offer: Offer, answers: Sequence[Answer]) -> None:
    """Keep the read; where nothing was changed it is the model's answer that is accepted."""
    own, took = Accepting(place.home, place.task), reading_clock.took(now.request_id)
    if not offer.lack and offer.version and set(answers) == set(offer.answers):
        own.accept(now.request_id, now.reader_id, lead_time_s=took)
    else:
        own.give(now.request_id, now.reader_id, answers, lead_time_s=took)
    given(queue, now, "given")


def _scale(form: Form) -> tuple[str, ...]:
    kind = graded(form)[0].kind
    assert isinstance(kind, Grade)  # noqa: S101 - graded() finds no others
    return kind.levels


def _editor(
    now: ReadRequest,
    cells: Mapping[tuple[str, Column], Site],
    columns: Sequence[Column],
    scale: Sequence[str],
    offered: Sequence[Answer],
) -> dict[tuple[str, Column], str]:
    """The grid; what was filled in outlives another page."""
    import pandas as pd  # noqa: PLC0415 - heavy

    key = f"grades {now.request_id}"
    at, last = f"{key} {_BEGUN}", f"{key} {_FILLED}"
    if key not in st.session_state or at not in st.session_state:
        kept = st.session_state.get(last)
        st.session_state[at] = kept if kept is not None else _begun(cells, columns, scale, offered)
    begun: pd.DataFrame = st.session_state[at]
    names = {_key(c): c for c in columns}
    shown = {
        name: st.column_config.SelectboxColumn(
            _head(c), width=COLUMN_PX, options=list(scale), format_func=lambda grade: _(str(grade))
        )
        for name, c in names.items()
    }
    filled = st.data_editor(begun, key=key, column_config={"_index": _("Level"), **shown}, num_rows="fixed")
    st.session_state[last] = filled
    return {
        (str(level), names[name]): value
        for level, row in filled.iterrows()
        for name, value in row.items()
        if (str(level), names[name]) in cells and isinstance(value, str) and not pd.isna(value)
    }


def _begun(
    cells: Mapping[tuple[str, Column], Site],
    columns: Sequence[Column],
    scale: Sequence[str],
    offered: Sequence[Answer],
) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - heavy

    known = {(a.question, a.site): scale[a.value] for a in offered if isinstance(a.value, int)}
    levels = list(dict.fromkeys(level for level, _column in cells))
    table = {
        _key(c): [known.get((c.question, cells[level, c])) if (level, c) in cells else None for level in levels]
        for c in columns
    }
    return pd.DataFrame(table, index=levels, dtype=object)


def _key(column: Column) -> str:
    return f"{column.question}:{column.side}"


def _head(column: Column) -> str:
    side = {RIGHT: _("right"), LEFT: _("left")}.get(column.side, "")
    return f"{words.short(column.question)} {side}".strip()
