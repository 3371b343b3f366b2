"""A trained version of the lumbar spine's task: outlines, levels, measurements, grades."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from torch import Tensor

from data.answers import STUDY, Grade, MaskValue, Site
from data.errors import TaskError
from data.pixels import Pixels
from data.records import Measured, Prediction, QuestionPrediction, Study
from models.classifier import normalised_entropy
from models.images import overlapped
from models.mask_uncertainty import band_entropy
from models.segmenter import Segmenter
from models.spine.decisions import Graded, Grader
from models.spine.measures import disc_bulge_mm, measure_level
from models.spine.reading import Maps, Masks, SpineReader, SpineReading
from models.spine.stacks import affine_of
from models.task import ClinicalTask, Explanation, Model, Progress, silent

OUTLINED = (0.05, 1.0)
"""Probabilities of the pixels that count for the uncertainty of outlines: their sure inside counts as well."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Looked:
    """A study with what was seen in it."""

    study: Study
    reading: SpineReading
    graded: Graded


class SpineModel(Model):
    """A version in memory.

    Parameters
    ----------
    task:
        Whose form it answers.
    settings, weights:
        By stage, as they were kept. What was left out is not answered.
    """

    def __init__(
        self,
        task: ClinicalTask,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        self.task, self.version = task, version
        segmenters = {
            name: Segmenter.restore(settings[name], weights[name])
            for name in ("sagittal", "structures")
            if name in weights
        }
        self.segmenters = segmenters
        self.reader = SpineReader(segmenters.get("sagittal"), segmenters.get("structures"))
        self.grader = Grader.restore(settings, weights)

    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies; pictures are read and outlines kept beside the networks."""
        kept = overlapped(lambda looked: self._kept(looked, pixels), self._looked(studies, pixels))
        for done, prediction in enumerate(kept, 1):
            progress(done / len(studies), f"{done} of {len(studies)} spines")
            yield prediction

    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """Grad-CAM of the network that decided on a grade, on its level's page; or where a page is outlined.

        Raises
        ------
        TaskError
            The version does not answer that question there.
        """
        if question in self.segmenters and site.page_index is not None:
            return self._explain_page(study, question, pixels, site.page_index)
        pictures = self.reader.pictures(study, pixels)
        reading = self.reader.read(study, pictures)
        _, level, side = (*site.key.split(":"), "", "")[:3]
        view = next((v for v in reading.views if v.level == level), None)
        row = self.grader.grade(reading.views).rows.get((question, level, side))
        found = None if view is None or row is None else self.grader.heat(view, question, side, int(row.argmax()))
        if view is None or found is None:
            raise TaskError(
                "The version does not answer that question there.",
                given=f"{question} at {site.key}. {reading.levels.reason}".strip(),
                expected="a question and a site of its prediction",
                do="ask at a level that the prediction grades",
            )
        return Explanation(view.page, found[1])

    def _explain_page(self, study: Study, question: str, pixels: Pixels, page: int) -> Explanation:
        pictures = self.reader.pictures(study, pixels)
        if page >= len(pictures):
            raise TaskError(
                "The study has no such page.",
                given=f"{page} of {len(pictures)}",
                expected="a page from 0",
                do="name another page",
            )
        maps = self.segmenters[question].probabilities([pictures[page]])[0]
        return Explanation(page, np.asarray(maps.max(axis=0), np.float32))

    def _looked(self, studies: Sequence[Study], pixels: Pixels) -> Iterator[_Looked]:
        prepared = overlapped(lambda study: self.reader.pictures(study, pixels), studies)
        for study, pictures in zip(studies, prepared, strict=True):
            reading = self.reader.read(study, pictures)
            yield _Looked(study, reading, self.grader.grade(reading.views))

    def _kept(self, looked: _Looked, pixels: Pixels) -> Prediction:
        reading = looked.reading
        results = [
            *self._grades(looked.graded),
            *_mask_results("structures", reading.axial, reading.axial_masks, self.segmenters, pixels),
            *_mask_results("sagittal", reading.sagittal, reading.sagittal_masks, self.segmenters, pixels),
        ]
        measured = tuple(m for view in reading.views for m in measure_level(view))
        measured += _losses(looked) + _bulges(reading)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Prediction(self.task.name, looked.study.study_id, self.version, tuple(results), at, measured)

    def _grades(self, graded: Graded) -> Iterator[QuestionPrediction]:
        for question in self.task.form.questions:
            if not isinstance(question.kind, Grade):
                continue
            for site in question.sites:
                _, level, side = (*site.key.split(":"), "")[:3]
                row = graded.rows.get((question.name, level, side))
                if row is not None:
                    probabilities = {n: float(p) for n, p in zip(question.kind.levels, row, strict=True)}
                    value = int(row.argmax())
                    yield QuestionPrediction(question.name, site, value, probabilities, normalised_entropy(row))


def _mask_results(
    question: str,
    maps: Mapping[int, Maps],
    masks: Mapping[int, Masks],
    segmenters: Mapping[str, Segmenter],
    pixels: Pixels,
) -> Iterator[QuestionPrediction]:
    """The outlines of each page that has any."""
    if question not in segmenters:
        return
    labels = segmenters[question].settings.labels
    for page, values in maps.items():
        outlines = masks[page]
        if not outlines:
            continue
        kept = tuple(sorted((label, pixels.blobs.put_mask(mask)) for label, mask in outlines.items()))
        sure = {
            label: float(np.clip(v[outlines[label]].mean() if label in outlines else v.max(), 0, 1))
            for label, v in zip(labels, values, strict=True)
        }
        shape = (int(values.shape[1]), int(values.shape[2]))
        doubt = float(band_entropy(values[None], OUTLINED)[0])
        yield QuestionPrediction(question, Site.page(page), MaskValue(shape, kept), sure, doubt)


def _losses(looked: _Looked) -> tuple[Measured, ...]:
    """The loss of the dural sac's area at each level, with the levels that stand for normal."""
    pages = {view.level: view.page for view in looked.reading.views}
    return tuple(
        Measured(
            "sac_area_loss",
            Site.level(level),
            round(100 * loss.share, 2),
            "pct",
            pages[level],
            note=f"against {loss.normal.area_mm2:.0f} mm2, the size interpolated from the unaffected "
            f"{' and '.join(loss.normal.levels)} of this patient",
        )
        for level, loss in looked.graded.losses.items()
    )


def _bulges(reading: SpineReading) -> tuple[Measured, ...]:
    """How far each disc reaches behind its vertebrae, on the sagittal slice through its middle."""
    series = reading.stacks.sagittal
    matrix = affine_of(series) if series is not None else None
    if series is None or matrix is None:
        return ()
    spacing = Pixels.page_spacing_mm(series)
    found = []
    inverse = np.linalg.inv(matrix)
    for name, disc in reading.levels.by_name.items():
        place = inverse @ (*disc.middle_mm, 1.0)
        page = reading.stacks.axial_pages + int(np.clip(round(float(place[0])), 0, series.shape[0] - 1))
        masks = reading.sagittal_masks.get(page, {})
        bones = [masks[label] for label in ("vertebra", "sacrum") if label in masks]
        if spacing is None or "disc" not in masks or not bones:
            continue
        bulge = disc_bulge_mm(
            masks["disc"], np.any(bones, axis=0), (float(place[1]), float(place[2])), spacing,
            back_high=bool(matrix[1, 2] > 0),
        )  # fmt: skip
        if bulge is not None:
            found.append(Measured("disc_bulge", Site.level(name), round(bulge[0], 3), "mm", page, (bulge[1],)))
    return tuple(found)
