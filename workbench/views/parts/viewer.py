"""The viewer in its place on a page: a study's pictures, what is drawn over them, the heat map of an answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import streamlit as st

from data.records import Layout, Study
from workbench.language import _
from workbench.pictures import first_series
from workbench.viewer.component import viewer
from workbench.viewer.scene import Pane, Scene
from workbench.viewer.scenes import Explained, Scenes
from workbench.viewer.shown import Shown
from workbench.viewer.tickets import HOUR_S
from workbench.views.parts import heat, jobs
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, show
from workbench.views.parts.markup import Html, tag, text

HEIGHT_PX = 640
RENEWED_S = 6 * HOUR_S
"""A visit keeps its addresses so long, so that nothing is fetched twice; they hold twice as long."""
_ISSUED = "viewer issued"


def picture(
    place: Here,
    study: Study,
    shown: Shown,
    *,
    beside: tuple[Study, Shown] | None = None,
    key: str = "viewer",
    height_px: int = HEIGHT_PX,
    prefetch: Sequence[Study] = (),
) -> None:
    """Show a study's pictures; over them outlines, measuring lines and, where the model may be seen, a heat map.

    Parameters
    ----------
    beside:
        Another study, or another version's view of this one, that is shown beside it and moves with it.
    key:
        Of the widget; viewers of one page need different ones.
    prefetch:
        The studies that will be looked at next: their pictures are fetched once these are there.
    """
    with failures():
        wanted = heat.chosen(place, shown.prediction)
        jobs.follow(place.home, wanted.job if wanted.found is None else None)
        scenes = Scenes(place.home, place.task, place.store.reads.readers(), issued_s=_issued())
        found = (wanted.found,) if wanted.found else ()
        panes = panes_of(scenes, study, shown, beside, found)
        asked = viewer(
            Scene(
                panes,
                height_px=height_px,
                address_key="at" if key == "viewer" else f"at_{key}",
                kept_for=_kept_for(place),
                heat=wanted.on,
                can_ask_heat=wanted.can_ask,
                prefetch=tuple(address for other in prefetch for address in scenes.ahead(other)),
            ),
            key=key,
        )
        caption(place, scenes, study, panes[0], wanted.found)
        if asked == "heat" and not wanted.on:
            heat.ask()


def panes_of(
    scenes: Scenes,
    study: Study,
    shown: Shown,
    beside: tuple[Study, Shown] | None,
    heats: Sequence[Explained],
) -> tuple[Pane, ...]:
    """One pane, or two: versions of one study are told apart by their name, studies of a patient by their date."""
    if beside is None:
        return (scenes.pane(study, shown, heats=heats),)
    other, seen = beside
    if other.study_id == study.study_id:
        first, second = (one.prediction.version if one.prediction else study.label for one in (shown, seen))
        return (
            scenes.pane(study, shown, title=first, heats=heats),
            scenes.pane(other, seen, title=second, key="beside"),
        )
    return scenes.pane(study, shown, title=_dated(study), heats=heats), scenes.pane(
        other, seen, title=_dated(other)
    )


def _dated(study: Study) -> str:
    return f"{study.label}, {study.study_date}" if study.study_date else study.label


def _kept_for(place: Here) -> str:
    """Whose measures the browser keeps, as a keyed hash: another home, or another seat, has others."""
    key = bytes.fromhex(place.home.secret("key"))
    seat = f"seat {place.reader.reader_id if place.reader else ''}"
    return hashlib.blake2b(seat.encode(), key=key, digest_size=8).hexdigest()


def _issued() -> float:
    """When the visit's addresses were made, in seconds since the epoch."""
    now = time.time()
    issued = float(st.session_state.setdefault(_ISSUED, now))
    if now - issued > RENEWED_S:
        issued = st.session_state[_ISSUED] = now
    return issued


def caption(place: Here, scenes: Scenes, study: Study, pane: Pane, explained: Explained | None = None) -> None:
    """Size, spacing and orientation of what is shown first, what a heat map says, the way to native pixels."""
    shown = next(one for one in pane.pictures if one.key == pane.start[0])
    _slices, rows, columns = shown.shape
    parts = [_("{columns} × {rows} px", columns=columns, rows=rows)]
    if shown.spacing_mm:
        _between, down, along = shown.spacing_mm
        parts.append(_("{rows:.3g} × {columns:.3g} mm a pixel", rows=down, columns=along))
    else:
        parts.append(_("pixel size not known"))
    letters = shown.orientation
    parts.append(_("orientation {letters}", letters=letters) if letters else _("orientation not known"))
    if explained is not None:
        speaks = bool(place.blobs.get_array(explained.blob).any())
        parts.append(
            _("heat map: where the answer comes from, blue little, yellow most")
            if speaks
            else _("heat map: nothing in the picture speaks for this answer")
        )
    native = _native(scenes, study, pane)
    show(tag("div", " · ".join(parts), " · " if native else "", native, cls="c-small c-quiet"))


def _native(scenes: Scenes, study: Study, pane: Pane) -> Html:
    """A link to what is shown first in native pixels, where it is of the series that has an address."""
    key, index = pane.start
    series, first = scenes.series(study)[int(key[1:]) - 1], first_series(study)
    if series.series_id != first.series_id:
        return text("")
    page = "" if series.layout is Layout.IMAGE else f"?page={index}"
    address = f"/api/studies/{study.study_id}/picture.png{page}"
    return tag("a", _("native pixels"), href=address, target="_blank")
