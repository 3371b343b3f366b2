"""A trained version at work: autoencoder, classifier, the rule that joins them, and the namer of pathologies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from data.answers import STUDY, Site
from data.errors import TaskError
from data.pixels import Pixels
from data.records import Measured, Prediction, QuestionPrediction, Study
from models.calibration import apply_temperature
from models.chest.autoencoder import Anomaly
from models.chest.scores import Normaliser, Platt, decision_score, log_odds, logarithms
from models.chest.slices import Slabs, chosen, most_suspicious, page_slices, slabs_of, soft_maximum
from models.chest.thresholds import Threshold
from models.chest.weak import SlabClassifier
from models.classifier import normalised_entropy
from models.explain import grad_cam
from models.images import overlapped
from models.restoring import rebuilding
from models.task import Explanation, Model, Progress, silent

BATCH = 4
"""Studies that are predicted at once."""
NORM, PATHOLOGY = "norm", "pathology"


class Decision(BaseModel):
    """How the parts are joined, and how a study becomes slabs; fitted on the validation patients."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    slabs: int
    """Slabs of a study at the most."""
    slab_px: int
    """Their rows and columns."""
    sharpness: float
    """Of the soft maximum of the slabs' logits that is the study's."""
    views: int
    """Views over which a slab's logit is averaged."""
    normaliser: Normaliser
    """Of the logarithm of the reconstruction error."""
    suspicion: Normaliser
    """Of the classifier's study logit."""
    classifier: Platt
    """From the classifier's study logit to the probability of pathology."""
    calibration: Platt
    """From the logit of the decision score to the probability of pathology."""
    threshold: float
    """Of the decision score, by Youden's index: at least it, and the answer is pathology."""
    recommended_thresholds: dict[str, Threshold]
    """By rule: thresholds of the decision score for other purposes, and what each costs."""
    validation: str
    """Who the validation patients were."""


@dataclass(frozen=True)
class Scores:
    """What the parts say of a study.

    Parameters
    ----------
    errors, logits:
        (slabs,) reconstruction error and classifier's logit.
    anomaly, suspicion, decision:
        Normalised error, normalised study logit, and the larger of both; 0 to 1.
    probability:
        Of pathology, by the classifier alone.
    """

    errors: NDArray[np.float64]
    logits: NDArray[np.float64]
    anomaly: float
    suspicion: float
    decision: float
    probability: float

    @property
    def by_anomaly(self) -> bool:
        """Whether the reconstruction error gave the decision score."""
        return self.anomaly > self.suspicion


class Triage(Model):
    """A trained version.

    Parameters
    ----------
    task, version:
        The task's name and the version's id.
    settings, weights:
        By stage, as they were kept. Without ``pathology`` that question is not answered.
    """

    def __init__(
        self,
        task: str,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        self.task, self.version = task, version
        parts = "decision, autoencoder and classifier of one training"
        with rebuilding("The kept version is not whole.", expected=parts):
            self.decision = Decision.model_validate(settings["decision"])
            self.autoencoder = Anomaly.restore(settings["autoencoder"], weights["autoencoder"])
            self.classifier = SlabClassifier.restore(settings["classifier"], weights["classifier"])
        self.pathologies: SlabClassifier | None = None
        if PATHOLOGY in weights:
            self.pathologies = SlabClassifier.restore(settings[PATHOLOGY], weights[PATHOLOGY])

    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies; slabs are prepared in threads while networks compute."""
        workers = min(8, os.cpu_count() or 1) if self.classifier.device.type == "cuda" else 1
        prepared = overlapped(lambda s: self._slabs(s, pixels), studies, workers=workers, ahead=2 * workers + 2)
        waiting: list[Slabs] = []
        done = 0
        for position, slabs in enumerate(prepared):
            waiting.append(slabs)
            if len(waiting) < BATCH and position + 1 < len(studies):
                continue
            at = datetime.now(UTC).isoformat(timespec="seconds")
            group = studies[done : done + len(waiting)]
            scores = self.scores(waiting)
            for study, own, score in zip(group, waiting, scores, strict=True):
                yield self._prediction(study, own, score, at)
            done += len(waiting)
            waiting = []
            progress(done / len(studies), f"{done} of {len(studies)} chest CTs")

    def scores(self, studies: Sequence[Slabs]) -> list[Scores]:
        """What the parts say of studies; the networks take all slabs at once."""
        images = np.concatenate([s.images for s in studies])
        ends = np.cumsum([len(s.images) for s in studies])[:-1]
        logits = np.split(self.classifier.slab_logits(images, self.decision.views)[:, 0], ends)
        return [self._score(own, of_slabs) for own, of_slabs in zip(studies, logits, strict=True)]

    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """The most suspicious slab's heat: of the part that gave the decision score, or of the named pathology.

        The classifier's is Grad-CAM for pathology; the autoencoder's is the map of its error inside the lungs.

        Raises
        ------
        TaskError
            The version has no network for that question.
        """
        if site != STUDY or question not in (NORM, PATHOLOGY) or (question == PATHOLOGY and not self.pathologies):
            raise TaskError(
                "The version does not answer that question.",
                given=f"{question} at {site.key}",
                expected=NORM if self.pathologies is None else f"{NORM} or {PATHOLOGY}, at the study",
                do="ask another question, or train a version with labels for it",
            )
        series = chosen(study)
        shape = pixels.page_shape(series)
        slabs = self._slabs(study, pixels)
        (scores,) = self.scores([slabs])
        if question == PATHOLOGY and self.pathologies is not None:
            logits = self.pathologies.slab_logits(slabs.images)
            option = int(soft_maximum(logits, self.decision.sharpness).argmax())
            slab = int(logits[:, option].argmax())
            heat = _cam(self.pathologies, slabs, slab, option)
        elif scores.by_anomaly:
            slab = int(scores.errors.argmax())
            maps = self.autoencoder.maps(slabs.images[slab][None], slabs.lungs[slab][None])[0]
            heat = np.sqrt(maps / max(float(maps.max()), 1e-12)).astype(np.float32)
        else:
            slab = int(scores.logits.argmax())
            heat = _cam(self.classifier, slabs, slab, 1)
        shown = np.array(page_slices(series))
        page = int(np.abs(shown - slabs.centres[slab]).argmin())
        return Explanation(page, slabs.native(heat, shape))

    def _slabs(self, study: Study, pixels: Pixels) -> Slabs:
        return slabs_of(study, pixels, self.decision.slabs, self.decision.slab_px)

    def _score(self, slabs: Slabs, logits: NDArray[np.float64]) -> Scores:
        errors = self.autoencoder.errors(slabs.images, slabs.lungs)
        error = float(most_suspicious(errors, self.autoencoder.settings.top))
        logit = soft_maximum(logits, self.decision.sharpness)
        anomaly = float(self.decision.normaliser.apply(logarithms(error)))
        suspicion = float(self.decision.suspicion.apply(logit))
        decision = float(decision_score(anomaly, suspicion))
        return Scores(errors, logits, anomaly, suspicion, decision, float(self.decision.classifier.apply(logit)))

    def _prediction(self, study: Study, slabs: Slabs, scores: Scores, at: str) -> Prediction:
        chance = float(self.decision.calibration.apply(log_odds(scores.decision)))
        value = PATHOLOGY if scores.decision >= self.decision.threshold else "normal"
        row = np.array([1 - chance, chance])
        results = [
            QuestionPrediction(
                NORM, STUDY, value, {"normal": 1 - chance, PATHOLOGY: chance}, normalised_entropy(row)
            )
        ]
        if value == PATHOLOGY and self.pathologies is not None:
            results.append(self._pathology(self.pathologies, slabs))
        return Prediction(self.task, study.study_id, self.version, tuple(results), at, self._measured(scores))

    def _pathology(self, classifier: SlabClassifier, slabs: Slabs) -> QuestionPrediction:
        logits = soft_maximum(classifier.slab_logits(slabs.images), self.decision.sharpness)
        row = apply_temperature(logits[None], classifier.settings.temperature[0])[0]
        options = classifier.settings.options
        shares = {option: float(p) for option, p in zip(options, row, strict=True)}
        return QuestionPrediction(PATHOLOGY, STUDY, options[int(row.argmax())], shares, normalised_entropy(row))

    def _measured(self, scores: Scores) -> tuple[Measured, ...]:
        spoke = " It gave the decision score."
        threshold = self.decision.threshold
        return (
            Measured(
                "anomaly", STUDY, scores.anomaly, "",
                note="Normalised reconstruction error of the autoencoder inside the lungs: 0.5 is the 95th "
                "percentile of normal validation studies." + (spoke if scores.by_anomaly else ""),
            ),
            Measured(
                "suspicion", STUDY, scores.suspicion, "",
                note="The classifier's logit on the same scale." + ("" if scores.by_anomaly else spoke),
            ),
            Measured(
                "decision_score", STUDY, scores.decision, "",
                note=f"The larger of anomaly and suspicion; pathology from {threshold:.3f} on.",
            ),
            Measured(
                "classifier_probability", STUDY, scores.probability, "",
                note="Probability of pathology by the classifier alone, calibrated on validation patients.",
            ),
        )  # fmt: skip


def _cam(classifier: SlabClassifier, slabs: Slabs, slab: int, option: int) -> NDArray[np.float32]:
    return grad_cam(classifier, slabs.images[slab], option, shape=(slabs.images.shape[-2], slabs.images.shape[-1]))
