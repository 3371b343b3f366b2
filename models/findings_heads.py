"""The networks of findings, a shared backbone with a head for each or a network for each, and how they predict."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.answers import STUDY, Site
from data.errors import TaskError, TrainingError
from data.pixels import Pixels
from data.records import Prediction, QuestionPrediction, Study
from models.classifier import Classifier, normalised_entropy
from models.explain import grad_cam
from models.findings import QUESTION, CuratedExample, FindingsData, FindingsProfile, gather
from models.findings_pictures import chest_of, prepared
from models.images import overlapped, page
from models.pace import planned
from models.stages import StageResult, train_stage
from models.task import ClinicalTask, Explanation, Model, Progress, Trained, TrainingRun, silent
from models.watching import watching

BATCH = 32
"""Images that are predicted at once."""
ALONE = ("absent", "present")
"""The options of a finding's own network."""


def train_findings(run: TrainingRun, findings: Sequence[str], profile: FindingsProfile) -> Trained:
    """Train the networks of the findings; those with too few studies are left out, with the reason.

    Raises
    ------
    TrainingError
        No finding has enough studies of both sides.
    ConfigError
        A network or its weights file cannot be had.
    """
    run.progress(0.0, f"{QUESTION}: preparing")
    data = gather(run, findings, profile)
    if not data.findings or not len(data.validation.patients):
        raise TrainingError(
            "No finding can be trained.",
            given="; ".join(f"{name}: {why}" for name, why in data.lacking.items()) or "no validation study",
            expected=f"{profile.least} training studies or more with a finding, and as many without any",
            do="import labels, read a round, or curate a set from reports with `consilium curate run`",
        )
    results = _shared(run, data, profile) if profile.shared else _each(run, data, profile)
    settings: dict[str, Mapping[str, Any]] = {name: result.settings for name, result in results.items()}
    for name, why in data.lacking.items():
        settings[name] = {"left_out": why}
    curated = next((dict(e.curated) for e in run.training if isinstance(e, CuratedExample)), {})
    noted = {"data_notes": list(data.notes), "negatives": profile.negatives, "curated": curated}
    reports = tuple(replace(r.report, detail={**r.report.detail, **noted}) for r in results.values())
    return Trained({name: result.weights for name, result in results.items()}, settings, reports)


def _shared(run: TrainingRun, data: FindingsData, profile: FindingsProfile) -> dict[str, StageResult]:
    result = train_stage(
        QUESTION, profile.stage, data.findings, data.training, data.validation,
        scratch=run.scratch, exclusive=False, seed=run.seed, max_steps=run.max_steps, progress=run.progress,
    )  # fmt: skip
    return {QUESTION: result}


def _each(run: TrainingRun, data: FindingsData, profile: FindingsProfile) -> dict[str, StageResult]:
    results = {}
    if journal := watching():
        journal.expect(planned(dict.fromkeys(data.findings, profile.stage)))
    for index, name in enumerate(data.findings):

        def told(share: float, words: str, index: int = index) -> None:
            run.progress((index + share) / len(data.findings), words)

        training, validation = data.alone(name)
        results[name] = train_stage(
            name, profile.stage, ALONE, training, validation,
            scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, progress=told,
        )  # fmt: skip
    return results


@dataclass(frozen=True)
class Head:
    """How one finding is read from a classifier.

    Parameters
    ----------
    option:
        Its index among the classifier's options.
    point:
        The probability from which on it counts as present.
    """

    classifier: Classifier
    option: int
    point: float


class FindingsModel(Model):
    """A trained version.

    Parameters
    ----------
    settings, weights:
        By stage, as they were kept: ``findings`` of a shared backbone, else one stage a finding. A finding that
        was left out is never said to be present, and has no probability.
    """

    def __init__(
        self,
        task: ClinicalTask,
        findings: Sequence[str],
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        self.task = task
        self.version = version
        self.classifiers = [Classifier.restore(settings[name], tensors) for name, tensors in weights.items()]
        known: dict[str, Head] = {}
        for name, classifier in zip(weights, self.classifiers, strict=True):
            known |= _heads(name, classifier)
        self.heads = {name: known[name] for name in findings if name in known}
        self._sizes = sorted({c.settings.size_px for c in self.classifiers})

    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies; images are prepared in threads while networks compute."""
        batches = [studies[first : first + BATCH] for first in range(0, len(studies), BATCH)]
        on_cuda = any(c.device.type == "cuda" for c in self.classifiers)
        workers = min(8, os.cpu_count() or 1) if on_cuda else 1
        ready = overlapped(
            lambda batch: self._prepared(batch, pixels), batches, workers=workers, ahead=workers + 1
        )
        done = 0
        for batch, images in zip(batches, ready, strict=True):
            rows = self.probabilities(images)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            done += len(batch)
            progress(done / len(studies), f"{done} of {len(studies)} radiographs")
            for study, row in zip(batch, rows, strict=True):
                yield Prediction(self.task.name, study.study_id, self.version, (self.result(row),), at)

    def probabilities(self, images: Mapping[tuple[int, int], NDArray[np.uint8]]) -> NDArray[np.float64]:
        """(n, trained findings) calibrated probabilities of prepared images by size."""
        given = {
            id(c): c.probabilities(images[c.settings.size_px])
            for c in self.classifiers
        }  # fmt: skip
        return np.stack([given[id(head.classifier)][:, head.option] for head in self.heads.values()], axis=1)

    def result(self, row: NDArray[np.float64]) -> QuestionPrediction:
        """The prediction of the (trained findings,) probabilities of a study.

        Its uncertainty is the largest of the findings' normalised binary entropies: one doubtful finding is reason
        enough to ask a reader, and a mean over many clear ones would hide it. Findings that were left out do not
        count, since a reader's answer is no clearer for them in one study than in another.
        """
        given = {name: float(p) for name, p in zip(self.heads, row, strict=True)}
        present = frozenset(name for name, p in given.items() if p >= self.heads[name].point)
        doubt = max(normalised_entropy(np.array([1 - p, p])) for p in given.values())
        return QuestionPrediction(QUESTION, STUDY, present, given, doubt)

    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """Grad-CAM of a finding, or of the most probable one, in the native pixels of the radiograph.

        Raises
        ------
        TaskError
            It is not the question of findings at the study, or the version was not trained on the finding.
        """
        if question != QUESTION or site != STUDY or (finding and finding not in self.heads):
            raise TaskError(
                "The version does not answer that question.",
                given=f"{finding or question} at {site.key}",
                expected=f"{QUESTION} at the study: {', '.join(self.heads)}",
                do="ask for the findings",
            )
        picture = page(study, pixels)
        chest = chest_of(picture)
        images = {size: prepared(picture, chest, size)[None] for size in self._sizes}
        likeliest = list(self.heads)[int(self.probabilities(images)[0].argmax())]
        head = self.heads[finding or likeliest]
        image = images[head.classifier.settings.size_px][0]
        heat = grad_cam(head.classifier, image, head.option, shape=chest.of(picture).shape)
        return Explanation(0, chest.back(heat, (picture.shape[0], picture.shape[1])))

    def _prepared(self, batch: Sequence[Study], pixels: Pixels) -> dict[tuple[int, int], NDArray[np.uint8]]:
        pictures = [page(study, pixels) for study in batch]
        chests = [chest_of(picture) for picture in pictures]
        return {
            size: np.stack([prepared(p, chest, size) for p, chest in zip(pictures, chests, strict=True)])
            for size in self._sizes
        }


def _heads(stage: str, classifier: Classifier) -> dict[str, Head]:
    """The findings that a stage's classifier answers."""
    points = classifier.settings.operating_point
    if classifier.settings.exclusive:
        return {stage: Head(classifier, 1, points[0] if points else 0.5)}
    names = classifier.settings.options
    return {n: Head(classifier, i, points[i] if points else 0.5) for i, n in enumerate(names)}
