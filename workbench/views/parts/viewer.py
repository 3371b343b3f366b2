"""The pages of a study, with window, outlines, measuring lines, and the heat map of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import streamlit as st

from data.answers import MaskValue
from data.blobs import Blobs
from data.home import Home
from data.pixels import Pixels
from data.records import Job, JobState, Layout, Prediction, QuestionPrediction, Series, Study
from models.task import ClinicalTask, Page
from workbench import outlines
from workbench.pictures import first_series, png, with_heat
from workbench.pictures import picture as draw
from workbench.viewer.shown import Shown
from workbench.views.parts import answers, jobs, words
from workbench.views.parts.choice import choose, switch
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.legend import legend
from workbench.views.parts.markup import tag

Pixels8: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
SHOWN_PX = 1200
"""The longer side at which a picture is sent; native pixels are one click away."""
CT_WINDOWS: Mapping[str, tuple[float, float]] = {
    "soft tissue": (40, 400),
    "lung": (-600, 1500),
    "mediastinum": (50, 350),
    "bone": (300, 1500),
    "liver": (60, 160),
}
"""(centre, width) in HU."""
AS_GIVEN = "as given"


@st.cache_data(max_entries=64, show_spinner=False)
def _shown(
    path: str, pixels: str, _series: Series, page: int | None, window: tuple[float, float] | None
) -> Pixels8:
    """A page scaled for the screen. The first two name it in the cache: the home and the blob."""
    return draw(Blobs.of(Home.default()), _series, page=page, window=window, size_px=SHOWN_PX)


def _windows(series: Series) -> Mapping[str, tuple[float, float] | None]:
    """The window presets that make sense for a series."""
    if series.modality == "CT":
        return {AS_GIVEN: None, **CT_WINDOWS}
    if series.window is None:
        return {}
    centre, width = series.window
    return {AS_GIVEN: None, "more contrast": (centre, width * 0.6), "wide": (centre, width * 1.6)}


def picture(
    place: Here,
    study: Study,
    shown: Shown,
    *,
    beside: tuple[Study, Shown] | None = None,
    key: str = "viewer",
    height_px: int = 640,
    prefetch: Sequence[Study] = (),
) -> None:
    """Show a study's pages; over them, where somebody may see the model, its heat map, outlines and lines.

    Parameters
    ----------
    beside:
        Another study, or another version's view of this one, that is shown beside it and moves with it.
    prefetch:
        The studies that will be looked at next: their pictures are fetched once these are there.
    """
    _page_by_page(place, study, shown.prediction)


def _page_by_page(place: Here, study: Study, prediction: Prediction | None) -> None:
    pages = pages_of(place.task, study)
    heat: Pixels8 | None = None
    opacity, outlined = 0.0, False
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        masks = outlines.by_page(prediction)
        index = _choose_page(pages, prediction)
        source = pages[index]
        window = choose_window(source.series)
        if prediction is not None and (masks or any(m.drawn for m in prediction.measured)):
            outlined = switch("Outlines", key="outlines", default=True)
        job: Job | None = None
        if prediction is not None and switch("Heat map", key="heat"):
            about = _explained(prediction)
            chosen = (
                choose("of", {key: one.said for key, one in about.items()}, key="of", width=170) if about else ""
            )
            if chosen:
                job = _heat_job(place, prediction, about[chosen])
            opacity = st.slider("Opacity", 0.0, 1.0, 0.8, 0.1, key="opacity", width=110)
    if job is not None and job.state == JobState.DONE:
        heat = np.asarray(place.blobs.get_array(str(job.result["heat"])), dtype=np.uint8)
        explained = int(job.result.get("page", 0))
        if explained != index:
            heat = None
            _offer_page(explained)
    shape = Pixels.page_shape(source.series)
    shown = pixels_of(place, source, window)
    jobs.follow(place.home, job if heat is None else None)
    drawn = with_heat(shown, heat, opacity) if heat is not None else shown
    if outlined and prediction is not None:
        drawn = outlines.draw(place.blobs, place.task.form, drawn, prediction, index, shape)
    st.image(
        png(drawn),
        width="stretch",
        output_format="PNG",
        alt=f"{study.label}, {study.modality} {study.view}".strip(),
    )
    if outlined and prediction is not None:
        show(legend(place.task.form, prediction, index))
    caption(source, study, shown.shape[1], heat)


def pixels_of(place: Here, source: Page, window: tuple[float, float] | None) -> Pixels8:
    """A page scaled for the screen, in a window (centre, width), or the task's own."""
    series = source.series
    page = None if series.layout is Layout.IMAGE else source.index
    window = window or (place.task.window if series.layout is Layout.VOLUME else None)
    return _shown(str(place.home.path), series.pixels, series, page, window)


def pages_of(task: ClinicalTask, study: Study) -> tuple[Page, ...]:
    """The pages that the task shows readers; of a study that it does not take, those of its first series."""
    if task.accepts(study) and (pages := task.sources(study)):
        return pages
    series = first_series(study)
    return tuple(Page(series, index) for index in range(Pixels.pages(series)))


@dataclass(frozen=True)
class _Explained:
    """What can be explained: a result, or one of its findings."""

    said: str
    result: QuestionPrediction
    finding: str = ""


def _explained(prediction: Prediction) -> dict[str, _Explained]:
    """By key for the address. Masks explain themselves; of findings each can be asked for, the likeliest first."""
    found: dict[str, _Explained] = {}
    for result in prediction.results:
        key, place = f"{result.question} {result.site.key}", words.site(result.site)
        if isinstance(result.value, frozenset):
            for name in words.present_first(result):
                found[f"{key} {name}"] = _Explained(answers.where(name, place), result, name)
        elif not isinstance(result.value, MaskValue):
            found[key] = _Explained(answers.where(result.question, place), result)
    return found


def _offer_page(page: int) -> None:
    def turn() -> None:
        st.session_state["page_shown"] = page + 1

    st.button(f"Heat map is on page {page + 1}", key="to heat", on_click=turn, type="tertiary")


def choose_window(series: Series) -> tuple[float, float] | None:
    """The window that is chosen among the presets, as (centre, width); None for the source's own."""
    presets = _windows(series)
    if not presets:
        return None
    chosen = st.segmented_control("Window", list(presets), default=AS_GIVEN, key="window", required=True)
    return presets.get(chosen or AS_GIVEN)


def _choose_page(pages: Sequence[Page], prediction: Prediction | None) -> int:
    """The page to show, from 0: first the one on which most is outlined, else the middle one."""
    if len(pages) < 2:
        return 0
    first = outlines.fullest_page(prediction)
    start = len(pages) // 2 if first is None or first >= len(pages) else first
    number: int = st.slider("Page", 1, len(pages), start + 1, key="page_shown", width=260)
    return number - 1


def _heat_job(place: Here, prediction: Prediction, about: _Explained) -> Job | None:
    """The newest job that makes this heat map; asked for where there is none."""
    arguments = {
        "task": place.task.name,
        "study_id": prediction.study_id,
        "question": about.result.question,
        "site": about.result.site.key,
        "finding": about.finding,
        "version": prediction.version,
    }
    job = jobs.latest(place.store, "explain", **arguments)
    gone = job is not None and job.state == JobState.DONE and str(job.result.get("heat")) not in place.blobs
    if job is None or gone or job.state == JobState.CANCELLED:
        jobs.ask(place.home, "explain", **arguments)
    return job


def caption(source: Page, study: Study, columns: int, heat: Pixels8 | None = None) -> None:
    """Size, spacing and orientation of a page, and the way to its native pixels."""
    series = source.series
    page = None if series.layout is Layout.IMAGE else source.index
    rows, wide = Pixels.page_shape(series)
    spacing = Pixels.page_spacing_mm(series)
    orientation = Pixels.page_orientation(series)
    parts = [
        f"{wide} × {rows} px" + (f", shown at {columns / wide:.2f}" if columns < wide else ""),
        f"{spacing[0]:.3g} × {spacing[1]:.3g} mm a pixel" if spacing else "pixel size not known",
        f"orientation {orientation}" if orientation else "orientation not known",
    ]
    if heat is not None:
        nothing = "heat map: nothing in the picture speaks for this answer"
        parts.append("heat map: where the answer comes from, blue little, yellow most" if heat.any() else nothing)
    named = "" if page is None else f"?page={page}"
    native = tag("a", "native pixels", href=f"/api/studies/{study.study_id}/picture.png{named}", target="_blank")
    show(tag("div", " · ".join(parts), " · ", native, cls="c-small c-quiet"))
