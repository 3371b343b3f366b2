"""One stage of a task: its networks are trained and compared, and the best is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.batches import Labelled
from models.calibration import fit_temperature, youden
from models.classifier import ClassifierSettings, probabilities
from models.config import Stage
from models.fitting import Fitted, fit
from models.isotonic import fit_curve, refuse_too_few
from models.task import Progress, StageReport, silent

ISOTONIC = "isotonic"
"""Of :attr:`models.config.Stage.calibration`: curves on top of the temperature."""


@dataclass(frozen=True)
class StageResult:
    """What :class:`models.task.Trained` keeps of a stage."""

    settings: dict[str, Any]
    weights: dict[str, Tensor]
    report: StageReport


def train_stage(
    name: str,
    stage: Stage,
    options: Sequence[str],
    training: Labelled,
    validation: Labelled,
    *,
    scratch: Path,
    exclusive: bool = True,
    seed: int = 0,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> StageResult:
    """Train the networks of a stage, keep the best on the validation images, and calibrate it on them.

    The best is the one with the largest area under the ROC curve (the mean over options where there are several),
    and of equal ones that with the lowest loss. The report's detail tells of each.

    Parameters
    ----------
    options:
        In the order of the targets.
    exclusive:
        Whether exactly one option holds.

    Raises
    ------
    ConfigError
        A network or its weights file cannot be had.
    TrainingError
        Too few validation images for the calibration that the stage asks for.
    """
    if stage.calibration == ISOTONIC:
        for _, truth in _columns(validation.targets, len(options), exclusive):
            refuse_too_few(truth)
    found: list[tuple[Fitted, dict[str, Any]]] = []
    for index, network in enumerate(stage.networks):

        def told(share: float, words: str, index: int = index) -> None:
            progress((index + share) / len(stage.networks), words)

        fitted = fit(
            name, network, stage, options, training, validation,
            scratch=scratch, exclusive=exclusive, seed=seed, max_steps=max_steps, progress=told,
        )  # fmt: skip
        settings = calibrated(fitted.settings, fitted.logits, validation.targets, calibration=stage.calibration)
        fitted = replace(fitted, settings=settings)
        found.append((fitted, measured(fitted, validation.targets)))
    best, metrics = max(found, key=lambda pair: (pair[1]["auc"] or 0.0, -pair[0].loss))
    compared = [{**f.report.as_dict(), **f.report.detail, "validation": m} for f, m in found if f is not best]
    counts = {"training": _counts(training, options), "validation": _counts(validation, options)}
    detail = {**best.report.detail, "counts": counts, "validation": metrics, "compared_with": compared}
    report = replace(best.report, detail=detail)
    return StageResult(best.settings.model_dump(mode="json"), best.weights, report)


def calibrated(
    settings: ClassifierSettings,
    logits: NDArray[np.float64],
    targets: NDArray[Any],
    *,
    calibration: str = "temperature",
) -> ClassifierSettings:
    """The settings with calibration and operating point, fitted on validation logits (n, classes).

    The operating point has the largest Youden index; it lies midway between the score that gives it and the next
    lower one, so that it leans to neither side.

    Raises
    ------
    TrainingError
        Too few examples for curves.
    """
    columns = _columns(targets, len(settings.options), settings.exclusive)
    if settings.exclusive:
        temperatures = [fit_temperature(logits, targets)]
    else:
        temperatures = [
            fit_temperature(np.stack([np.zeros(len(truth)), logits[known, label]], axis=1), truth.astype(np.int64))
            for label, (known, truth) in enumerate(columns)
        ]
    settings = settings.model_copy(update={"temperature": tuple(temperatures)})
    scores = probabilities(logits, settings)[:, -len(columns) :]
    if calibration == ISOTONIC:
        curves = [fit_curve(scores[known, i], truth) for i, (known, truth) in enumerate(columns)]
        settings = settings.model_copy(update={"isotonic": tuple(curves)})
        scores = probabilities(logits, settings)[:, -len(columns) :]
    if settings.exclusive and settings.outputs > 1:
        return settings
    points = [_midway(scores[known, i], truth) for i, (known, truth) in enumerate(columns)]
    return settings.model_copy(update={"operating_point": tuple(points)})


def _columns(
    targets: NDArray[Any], options: int, exclusive: bool
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """By output, (n,) of which examples its answer is known, and for those whether it is the right one."""
    if not exclusive:
        known = ~np.isnan(targets)
        return [(known[:, label], targets[known[:, label], label] == 1) for label in range(targets.shape[1])]
    every = np.ones(len(targets), dtype=np.bool_)
    return [(every, np.asarray(targets == option)) for option in ((1,) if options == 2 else range(options))]


def _midway(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    point = youden(scores, positive)
    lower = scores[scores < point.threshold]
    if point.sensitivity is None or not len(lower):
        return point.threshold
    return float((point.threshold + lower.max()) / 2)


def measured(fitted: Fitted, targets: NDArray[Any]) -> dict[str, Any]:
    """Loss, area under the ROC curve and accuracy on the validation images; None where undefined."""
    given = probabilities(fitted.logits, fitted.settings)
    columns = [(given[:, i], targets == i) for i in range(given.shape[1])]
    if not fitted.settings.exclusive:
        known = [~np.isnan(targets[:, i]) for i in range(given.shape[1])]
        columns = [(given[k, i], targets[k, i] == 1) for i, k in enumerate(known)]
    areas = [area for area in (_auc(scores, truth) for scores, truth in columns) if area is not None]
    chosen = given.argmax(axis=1) if fitted.settings.exclusive else None
    if chosen is not None and fitted.settings.operating_point:
        chosen = (given[:, 1] >= fitted.settings.operating_point[0]).astype(np.int64)
    return {
        "loss": fitted.loss,
        "auc": float(np.mean(areas)) if areas else None,
        "accuracy": float(np.mean(chosen == targets)) if chosen is not None else None,
        "temperature": list(fitted.settings.temperature),
        "operating_point": list(fitted.settings.operating_point),
    }


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - heavy

    return float(roc_auc_score(positive, scores)) if 0 < positive.sum() < len(positive) else None


def _counts(data: Labelled, options: Sequence[str]) -> dict[str, int]:
    """Images by option, and patients."""
    if data.targets.ndim == 1:
        counts = {option: int(np.sum(data.targets == i)) for i, option in enumerate(options)}
    else:
        counts = {option: int(np.nansum(data.targets[:, i])) for i, option in enumerate(options)}
    return {**counts, "patients": len(set(data.patients))}
