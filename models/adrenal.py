"""Adrenal lesions on CT at work: found frame by frame, joined to lesions, and each lesion told its phenotype.

A study in which the first stage finds nothing that reaches the operating point is 'no lesion', and never reaches
the second stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from data.answers import STUDY, Form, Mask, MaskValue, Site
from data.errors import TaskError
from data.pixels import Pixels, apply_window
from data.records import Prediction, QuestionPrediction, Study
from models.classifier import Classifier, decide, normalised_entropy
from models.clips import WINDOW, Frames, Stack, around, in_field, stack, whole
from models.explain import grad_cam
from models.images import overlapped
from models.lesion_measures import measured
from models.lesions import Instance, Lesion, link
from models.restoring import rebuilding
from models.task import ClinicalTask, Explanation, Model, Progress, silent
from models.yolo import Segmenter

FLOOR = 1e-3
"""Least confidence of a study: that of one in which nothing was found."""
MOST = 5
"""Lesions of a study."""


class FindingSettings(BaseModel):
    """How a study's instances become lesions and a probability."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    field: tuple[float, float, float, float] | None = None
    """(top, bottom, left, right) of what is seen, as shares of the body's box; none: the whole slice."""
    least_mm3: float = 0.0
    """Volume of a speck."""
    operating_point: float = 0.0
    """Logit of the confidence from which on there is a lesion."""
    temperature: float = 1.0
    """By which logits, less the operating point, are divided."""

    def probability(self, logit: float) -> float:
        """The calibrated probability of a lesion; 0.5 at the operating point."""
        return float(1 / (1 + np.exp(-(logit - self.operating_point) / self.temperature)))


class PhenotypeSettings(BaseModel):
    """The second stage's classifier, and what it sees of a lesion."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    classifier: Mapping[str, Any]
    """As :class:`models.classifier.ClassifierSettings`."""
    crop_mm: float = 0.0
    """Edge of the cube around a lesion; 0: the whole clip."""
    margin_mm: float = 0.0
    """How far around its outline it is seen."""
    window: tuple[float, float] = WINDOW
    """(centre, width) in HU in which it is seen."""


def find_lesions(segmenter: Segmenter, seen: Stack, settings: FindingSettings) -> list[Lesion]:
    """Every lesion that the segmenter finds, however unsure, at most :data:`MOST`, in order."""
    return _linked(segmenter, seen, settings, prepared_frames(segmenter, seen, settings))


def prepared_frames(
    segmenter: Segmenter, seen: Stack, settings: FindingSettings
) -> tuple[Frames, NDArray[np.uint8]]:
    """The pages as the segmenter takes them: (pages, rows, columns), with the way back."""
    way = in_field(seen, segmenter.settings.size_px, settings.field)
    return way, way.clip(seen.pages)


def _linked(
    segmenter: Segmenter, seen: Stack, settings: FindingSettings, prepared: tuple[Frames, NDArray[np.uint8]]
) -> list[Lesion]:
    way, clip = prepared
    top, bottom, left, right = way.box
    found = []
    for instances in segmenter.instances(clip, (bottom - top, right - left)):
        page = []
        for part, confidence in instances:
            mask = np.zeros(way.page_px, dtype=bool)
            mask[top:bottom, left:right] = part
            page.append(Instance(mask, confidence))
        found.append(page)
    return link(found, seen, least_mm3=settings.least_mm3, most=MOST)


def logit(confidence: float) -> float:
    """The logit of a confidence, kept from the ends."""
    p = min(max(confidence, FLOOR), 1 - FLOOR)
    return float(np.log(p / (1 - p)))


def study_logit(lesions: Sequence[Lesion]) -> float:
    """The logit of a study's surest lesion."""
    return logit(max((lesion.confidence for lesion in lesions), default=0.0))


def lesion_clip(
    seen: Stack,
    mask: NDArray[np.bool_],
    frames: int,
    size_px: tuple[int, int],
    *,
    crop_mm: float = 0.0,
    margin_mm: float = 0.0,
    window: tuple[float, float] = WINDOW,
) -> tuple[NDArray[np.uint8], Frames]:
    """A study's clip multiplied by a lesion's mask, (frames, rows, columns), and the way back to its pages.

    Parameters
    ----------
    crop_mm:
        Edge of the cube around the lesion; 0: the whole clip.
    margin_mm:
        By which the mask grows within its pages first; not at all where the size of a pixel is not known.
    window:
        (centre, width) in HU; what is outside the window of the pages stays unseen.
    """
    way = around(seen, mask, crop_mm, frames, size_px) if crop_mm else whole(seen, frames, size_px)
    clip = way.clip(seen.pages)
    if window != WINDOW:
        hu = np.arange(256) * (WINDOW[1] / 255) + WINDOW[0] - WINDOW[1] / 2
        clip = apply_window(hu, window)[clip]
    return np.where(way.mask(_grown(seen, mask, margin_mm)), clip, np.uint8(0)), way


def _grown(seen: Stack, mask: NDArray[np.bool_], margin_mm: float) -> NDArray[np.bool_]:
    """A mask (pages, rows, columns) with a margin within its pages."""
    if not margin_mm or seen.pixel_mm is None:
        return mask
    import cv2  # noqa: PLC0415 - slow to load

    down, across = (round(margin_mm / length) for length in seen.pixel_mm)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * across + 1, 2 * down + 1))
    grown = mask.copy()
    for page in np.flatnonzero(mask.any(axis=(1, 2))):
        grown[page] = cv2.dilate(mask[page].astype(np.uint8), disc) > 0
    return grown


class AdrenalModel(Model):
    """A trained version: a segmenter, and a classifier of lesions where there were phenotypes to learn from.

    Parameters
    ----------
    task:
        Whose form it answers.
    settings, weights:
        By stage, as they were kept.
    """

    def __init__(
        self,
        task: ClinicalTask,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        self.name, self.form, self.version = task.name, task.form, version
        self.segmenter = Segmenter.restore(settings["segmenter"]["network"], weights["segmenter"])
        self.classifier: Classifier | None = None
        with rebuilding("The kept settings cannot be read.", expected="settings of one training"):
            self.finding = FindingSettings.model_validate(settings["segmenter"]["finding"])
            if "phenotype" in weights:
                self.phenotype = PhenotypeSettings.model_validate(settings["phenotype"])
                self.classifier = Classifier.restore(self.phenotype.classifier, weights["phenotype"])

    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies; pages are prepared in a thread while networks compute."""

        def prepared(study: Study) -> tuple[Stack, tuple[Frames, NDArray[np.uint8]]]:
            seen = stack(study, pixels)
            return seen, prepared_frames(self.segmenter, seen, self.finding)

        ready = overlapped(prepared, studies, ahead=2)
        for number, (study, (seen, frames)) in enumerate(zip(studies, ready, strict=True), 1):
            lesions = _linked(self.segmenter, seen, self.finding, frames)
            results, kept = self._answered(seen, lesions, pixels)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            progress(number / len(studies), f"{number} of {len(studies)} studies")
            figures = tuple(
                one
                for index, lesion in enumerate(kept, 1)
                for one in measured(lesion.mask, seen, study, pixels, Site.lesion(index))
            )
            yield Prediction(self.name, study.study_id, self.version, tuple(results), at, figures)

    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """Where an answer comes from.

        ``finding`` and ``lesions``: the confidence of every lesion's mask, on the page with the largest part of
        one. ``phenotype`` at a lesion: Grad-CAM of its answer through the clip, on that lesion's largest page.

        Raises
        ------
        TaskError
            The version does not answer that question there.
        """
        seen = stack(study, pixels)
        lesions = find_lesions(self.segmenter, seen, self.finding)
        if question in {"finding", "lesions"}:
            return _confidence(lesions, seen)
        kept = self._sure(lesions)
        number = int(site.key.removeprefix("lesion:")) if site.key.startswith("lesion:") else 0
        if question != "phenotype" or self.classifier is None or not 1 <= number <= len(kept):
            raise TaskError(
                "The version does not answer that question there.",
                given=f"{question} at {site.key}",
                expected=f"finding, lesions, or phenotype at one of {len(kept)} lesions",
                do="ask another question, or train a version with labels for it",
            )
        lesion = kept[number - 1]
        clip, way = self._clip(seen, lesion)
        option = decide(self.classifier.probabilities(clip[None])[0], self.classifier.settings)
        heat = way.spread(grad_cam(self.classifier, clip, option, shape=clip.shape))[lesion.largest_page]
        return Explanation(lesion.largest_page, np.clip(heat / max(float(heat.max()), 1e-6), 0, 1))

    def _sure(self, lesions: Sequence[Lesion]) -> list[Lesion]:
        """None where no lesion reaches the operating point; else those that do, and all that are rather sure."""
        if not lesions or study_logit(lesions) < self.finding.operating_point:
            return []
        least = min(self.finding.operating_point, 0.0)
        return [lesion for lesion in lesions if logit(lesion.confidence) >= least]

    def _clip(self, seen: Stack, lesion: Lesion) -> tuple[NDArray[np.uint8], Frames]:
        assert self.classifier is not None  # noqa: S101 - the callers looked
        known = self.classifier.settings
        return lesion_clip(
            seen, lesion.mask, known.frames, known.size_px,
            crop_mm=self.phenotype.crop_mm, margin_mm=self.phenotype.margin_mm, window=self.phenotype.window,
        )  # fmt: skip

    def _answered(
        self, seen: Stack, lesions: Sequence[Lesion], pixels: Pixels
    ) -> tuple[list[QuestionPrediction], list[Lesion]]:
        p = self.finding.probability(study_logit(lesions))
        kept = self._sure(lesions)
        known = {"no_lesion": 1 - p, "lesion": p}
        doubt = normalised_entropy(np.array([1 - p, p]))
        results = [QuestionPrediction("finding", STUDY, "lesion" if kept else "no_lesion", known, doubt)]
        if not kept:
            return results, kept
        results += self._masks(kept, pixels)
        if self.classifier is not None:
            clips = np.stack([self._clip(seen, lesion)[0] for lesion in kept])
            options = self.classifier.settings.options
            for number, row in enumerate(self.classifier.probabilities(clips), 1):
                value = options[decide(row, self.classifier.settings)]
                chances = {option: float(p) for option, p in zip(options, row, strict=True)}
                results.append(
                    QuestionPrediction("phenotype", Site.lesion(number), value, chances, normalised_entropy(row))
                )
        return results, kept

    def _masks(self, lesions: Sequence[Lesion], pixels: Pixels) -> Iterator[QuestionPrediction]:
        """One result a page that has a lesion."""
        labels = _labels(self.form)
        sure = [self.finding.probability(logit(lesion.confidence)) for lesion in lesions]
        pages = np.flatnonzero(np.any([lesion.mask.any(axis=(1, 2)) for lesion in lesions], axis=0))
        for page in pages.tolist():
            drawn = [n for n, lesion in enumerate(lesions) if lesion.mask[page].any()]
            shape = lesions[0].mask.shape[1], lesions[0].mask.shape[2]
            masks = tuple((labels[n], pixels.blobs.put_mask(lesions[n].mask[page])) for n in drawn)
            chances = {labels[n]: sure[n] for n in drawn}
            doubt = max(normalised_entropy(np.array([p, 1 - p])) for p in chances.values())
            yield QuestionPrediction("lesions", Site.page(page), MaskValue(shape, masks), chances, doubt)


def _labels(form: Form) -> tuple[str, ...]:
    kind = form["lesions"].kind
    assert isinstance(kind, Mask)  # noqa: S101 - the task's form
    return kind.labels


def _confidence(lesions: Sequence[Lesion], seen: Stack) -> Explanation:
    """Every lesion's mask by its confidence, on the page with the largest part of one; the middle page of none."""
    shape = seen.pages.shape
    heat = np.zeros(shape[1:], dtype=np.float32)
    if not lesions:
        return Explanation(shape[0] // 2, heat)
    page = max(lesions, key=lambda one: int(one.mask.sum(axis=(1, 2)).max())).largest_page
    for lesion in lesions:
        heat = np.maximum(heat, lesion.mask[page] * np.float32(min(1.0, lesion.confidence)))
    return Explanation(page, heat)
