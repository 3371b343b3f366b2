"""A model that asks its questions of a radiograph in turn: each by a classifier of its own, where it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.answers import STUDY, Choice, Question, Site, Value
from data.errors import TaskError
from data.pixels import Pixels
from data.records import Prediction, QuestionPrediction, Study
from models.classifier import Classifier, decide, normalised_entropy
from models.explain import grad_cam
from models.images import overlapped, page, prepare
from models.task import ClinicalTask, Explanation, Model, Progress, silent

BATCH = 32
"""Images that are predicted at once."""

Images = Mapping[tuple[int, int], NDArray[np.uint8]]


class Cascade(Model):
    """A trained version of a task whose questions are choices at the study.

    A question is asked where its branch was taken. Where an earlier question has no classifier, what the study's
    header says of it is taken instead; where that says nothing either, what depends on it is not asked.

    Parameters
    ----------
    task:
        Whose form it answers.
    version:
        Its id.
    settings, weights:
        By question, as they were kept. A question without weights is not answered.
    """

    def __init__(
        self,
        task: ClinicalTask,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        self.task = task
        self.version = version
        self.classifiers = {name: Classifier.restore(settings[name], tensors) for name, tensors in weights.items()}
        self._sizes = sorted({c.settings.size_px for c in self.classifiers.values()})

    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies; images are prepared in threads while networks compute."""
        batches = [studies[first : first + BATCH] for first in range(0, len(studies), BATCH)]
        on_cuda = any(c.device.type == "cuda" for c in self.classifiers.values())
        workers = min(8, os.cpu_count() or 1) if on_cuda else 1
        prepared = overlapped(
            lambda batch: self._prepared(batch, pixels), batches, workers=workers, ahead=workers + 1
        )
        done = 0
        for batch, images in zip(batches, prepared, strict=True):
            answered = self._answered(batch, images)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            done += len(batch)
            progress(done / len(studies), f"{done} of {len(studies)} radiographs")
            for study, results in zip(batch, answered, strict=True):
                yield Prediction(self.task.name, study.study_id, self.version, tuple(results), at)

    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """Grad-CAM of the answer that the model gives to a question, in the native pixels of the radiograph.

        Raises
        ------
        TaskError
            The version has no network for that question.
        """
        classifier = self.classifiers.get(question)
        if classifier is None:
            raise TaskError(
                "The version does not answer that question.",
                given=question,
                expected=f"one of {', '.join(self.classifiers)}",
                do="ask another question, or train a version with labels for it",
            )
        picture = page(study, pixels)
        image = prepare(picture, classifier.settings.size_px)
        option = decide(classifier.probabilities(image[None])[0], classifier.settings)
        return Explanation(0, grad_cam(classifier, image, option, shape=picture.shape))

    def _prepared(self, batch: Sequence[Study], pixels: Pixels) -> Images:
        pictures = [page(study, pixels) for study in batch]
        return {size: np.stack([prepare(picture, size) for picture in pictures]) for size in self._sizes}

    def _answered(self, batch: Sequence[Study], images: Images) -> list[list[QuestionPrediction]]:
        results: list[list[QuestionPrediction]] = [[] for _ in batch]
        known: list[dict[str, Value]] = [
            {
                a.question: a.value
                for a in self.task.references(study)
                if a.site == STUDY and a.question not in self.classifiers
            }
            for study in batch
        ]
        for question in self.task.form.questions:
            classifier = self.classifiers.get(question.name)
            asked = [i for i, values in enumerate(known) if self.task.form.asked(question, values)]
            if classifier is None or not asked:
                continue
            rows = classifier.probabilities(images[classifier.settings.size_px][asked])
            for index, row in zip(asked, rows, strict=True):
                result = read_row(question, row, classifier)
                results[index].append(result)
                known[index][question.name] = result.value
        return results


def read_row(question: Question, row: NDArray[np.float64], classifier: Classifier) -> QuestionPrediction:
    """The prediction for a choice at the study, of its (options,) probabilities."""
    assert isinstance(question.kind, Choice)  # noqa: S101 - the class is for choices
    options = classifier.settings.options
    return QuestionPrediction(
        question.name,
        STUDY,
        options[decide(row, classifier.settings)],
        {option: float(p) for option, p in zip(options, row, strict=True)},
        normalised_entropy(row),
    )
