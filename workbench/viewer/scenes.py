"""Scenes: what the viewer shows of a study, from its records alone; no pixels are read for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.blobs import Blobs
from data.home import Home
from data.pixels import Pixels
from data.records import Layout, Prediction, Reader, Series, Study
from data.volume import Volume
from models.task import ClinicalTask, Page
from workbench.language import N_, _
from workbench.pictures import first_series
from workbench.viewer.hands import Hand, compared, hands_of
from workbench.viewer.scene import Heat, Layer, Line, Pane, Picture
from workbench.viewer.shown import Shown
from workbench.viewer.slabs import dtype_of, layout, shape_of, voxels_of
from workbench.viewer.tickets import HeatMap, Masks, Tickets
from workbench.viewer.windows import presets_of, window_of
from workbench.views.parts import words

PLANES: Mapping[str, str] = {"H": N_("axial"), "F": N_("axial"), "R": N_("sagittal"), "L": N_("sagittal"),
                             "A": N_("coronal"), "P": N_("coronal")}  # fmt: skip
"""The direction in which slices follow each other -> the plane that they lie in."""
_EMPTY = np.empty((1, 1, 1), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Explained:
    """A heat map that is there: of what, the page from 0, and its blob."""

    name: str
    page: int
    blob: str


class Scenes:
    """Makes the panes of a task's studies.

    Parameters
    ----------
    readers:
        All that the store knows, in its order.
    issued_s:
        When the addresses are said to be made, in seconds since the epoch; now without. A page that keeps it
        keeps its addresses.
    """

    def __init__(
        self, home: Home, task: ClinicalTask, readers: Sequence[Reader] = (), *, issued_s: float | None = None
    ) -> None:
        self.task = task
        self.blobs = Blobs.of(home)
        self.readers = readers
        self.tickets = Tickets.of(home)
        self.issued_s = issued_s

    def pane(
        self, study: Study, shown: Shown, *, title: str = "", key: str = "", heats: Sequence[Explained] = ()
    ) -> Pane:
        """A study with what is drawn over it.

        Parameters
        ----------
        title:
            The study's label without.
        key:
            Tells panes of one study apart.

        Raises
        ------
        BlobError
            The pixels of what is shown first are gone.
        NotFoundError
            It has no pictures.
        """
        pages = self.pages(study)
        own = {page.series.series_id for page in pages}
        series = self.series(study)
        key_of = {one.series_id: f"s{number}" for number, one in enumerate(series, 1)}
        told = tuple(
            self._picture(one, key_of[one.series_id], own=one.series_id in own or not own) for one in series
        )
        where = [(key_of[page.series.series_id], page.index) for page in pages]
        by_key = {picture.key: picture for picture in told}
        hands = hands_of(self.task.form, shown, self.readers)
        return Pane(
            key=" ".join((study.study_id, key)).strip(),
            title=title or study.label,
            pictures=told,
            start=self._start(shown, hands, where, told[0]),
            pages=tuple(where),
            layers=tuple(layer for hand in hands for layer in self._layers(hand, where, by_key)),
            lines=tuple(_lines(shown.prediction, where)),
            heats=tuple(self._heats(heats, where)),
            compare=compared(hands),
            difference=shown.difference,
        )

    def pages(self, study: Study) -> tuple[Page, ...]:
        """The pages that the task shows readers; none of a study that it does not take."""
        return self.task.sources(study) if self.task.accepts(study) else ()

    def ahead(self, study: Study) -> list[str]:
        """The addresses of the pictures that are shown first of a study, from the slice that it starts with."""
        pages = self.pages(study)
        series = pages[len(pages) // 2].series if pages else first_series(study)
        if series.pixels not in self.blobs:
            return []
        voxels = voxels_of(series)
        slabs, at = layout(self.blobs, voxels), pages[len(pages) // 2].index if pages else series.shape[0] // 2
        address = self.tickets.address(voxels, now_s=self.issued_s)
        order = sorted(range(len(slabs)), key=lambda n: abs(slabs[n][0] + slabs[n][1] / 2 - at))
        return [f"{address}/{number}" for number in order]

    def series(self, study: Study) -> list[Series]:
        """The series that are there: those of the pages, or the one that is shown first, then the others.

        Raises
        ------
        BlobError
            The pixels of what is shown first are gone.
        """
        asked = {page.series.series_id: page.series for page in self.pages(study)}
        if not asked:
            asked = {(first := first_series(study)).series_id: first}
        for series in asked.values():
            if series.pixels not in self.blobs:
                self.blobs.get_array(series.pixels)  # says what is missing
        others = (series for series in study.series if series.series_id not in asked)
        return [*asked.values(), *(series for series in others if series.pixels in self.blobs)]

    def _picture(self, series: Series, key: str, *, own: bool) -> Picture:
        voxels = voxels_of(series)
        window = window_of(self.blobs, series, self.task if own else None)
        dtype = dtype_of(self.blobs, voxels)
        return Picture(
            key=key,
            title=_title(series),
            shape=shape_of(self.blobs, voxels),
            dtype=dtype,
            address=self.tickets.address(voxels, now_s=self.issued_s) + "/",
            slabs=layout(self.blobs, voxels),
            window=window,
            unit="HU" if series.modality == "CT" else "",
            spacing_mm=_spacing(series),
            affine=series.affine if series.layout is Layout.VOLUME else None,
            orientation=Pixels.page_orientation(series),
            presets=() if dtype == "rgb" else presets_of(series, window),
        )

    def _layers(
        self, hand: Hand, where: Sequence[tuple[str, int]], pictures: Mapping[str, Picture]
    ) -> Iterable[Layer]:
        """A hand's masks, a layer for each label in each picture. Masks that are gone are left out."""
        found: dict[tuple[str, str, str], dict[int, str]] = {}
        for page, drawn in hand.drawn.items():
            place = where[page] if page < len(where) else None
            if place is None:
                continue
            shape = pictures[place[0]].shape[1:]
            for question, value in drawn:
                for label, blob in value.masks:
                    if tuple(value.shape) == shape and blob in self.blobs:
                        found.setdefault((question, label, place[0]), {})[place[1]] = blob
        several = len({question for question, *_rest in found}) > 1
        for (question, label, picture), masks in found.items():
            slices = tuple(sorted(masks))
            rows, columns = pictures[picture].shape[1:]
            named = Masks(tuple(masks[index] for index in slices), (rows, columns))
            name = words.short(label)
            if several:
                name = f"{words.short(question)}: {name}"
            yield Layer(
                key=f"{hand.group} {question} {label} {picture}",
                name=name,
                group=hand.group,
                who=hand.who,
                colour=hand.colours.get((question, label), hand.colour),
                picture=picture,
                slices=slices,
                address=self.tickets.address(named, now_s=self.issued_s),
                mark=hand.mark,
                dashed=hand.dashed,
                shown=hand.shown,
            )

    def _heats(self, heats: Sequence[Explained], where: Sequence[tuple[str, int]]) -> Iterable[Heat]:
        for heat in heats:
            place = where[heat.page] if 0 <= heat.page < len(where) else None
            if place is not None and heat.blob in self.blobs:
                rows, columns = self.blobs.get_array(heat.blob).shape
                address = self.tickets.address(HeatMap(heat.blob), now_s=self.issued_s)
                yield Heat(heat.name, place[0], place[1], (rows, columns), address)

    @staticmethod
    def _start(
        shown: Shown, hands: Sequence[Hand], where: Sequence[tuple[str, int]], first: Picture
    ) -> tuple[str, int]:
        """What is shown first: the named page, else the one on which most is outlined or measured, else the
        middle one.
        """
        count: dict[int, int] = {}
        for hand in hands:
            for page, drawn in hand.drawn.items():
                count[page] = count.get(page, 0) + sum(len(value.masks) for _question, value in drawn)
        for measured in shown.prediction.measured if shown.prediction else ():
            if measured.page is not None:
                count[measured.page] = count.get(measured.page, 0) + 1
        fullest = max(count, key=lambda page: (count[page], -page)) if count else None
        for wanted in (shown.page, fullest, len(where) // 2):
            if wanted is not None and 0 <= wanted < len(where):
                return where[wanted]
        return first.key, first.shape[0] // 2


def _lines(prediction: Prediction | None, where: Sequence[tuple[str, int]]) -> Iterable[Line]:
    """What a version measured, where it did; what was measured stands at the first of its lines."""
    for measured in prediction.measured if prediction else ():
        page = measured.page
        place = where[page] if page is not None and page < len(where) else None
        if place is None or prediction is None:
            continue
        said = f"{words.short(measured.name)} {measured.value:.3g} {_(measured.unit)}".strip()
        for number, ends in enumerate(measured.drawn):
            yield Line(prediction.version, place[0], place[1], ends, said if number == 0 else "")


def _spacing(series: Series) -> tuple[float, float, float] | None:
    if series.spacing_mm is None:
        return None
    slices, rows, columns = (0.0, *series.spacing_mm)[-3:]
    return slices, rows, columns


def _title(series: Series) -> str:
    """What people call a series: its description, else its plane or kind."""
    if series.description:
        return series.description
    said = series.modality
    if series.affine is not None:
        first = Volume.of(series, _EMPTY).orientation[0]
        said = _("{modality} {plane}", modality=series.modality, plane=_(PLANES[first]))
    return said
