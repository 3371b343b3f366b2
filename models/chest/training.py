"""The four stages of a training, and the decision that is fitted on what they give for the validation patients."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.errors import TrainingError
from models.batches import held_out
from models.calibration import apply_temperature, fit_temperature, youden
from models.chest.autoencoder import Anomaly, fit_autoencoder
from models.chest.bags import Bags, gather
from models.chest.runs import part
from models.chest.scores import Normaliser, Platt, decision_score, log_odds, logarithms
from models.chest.settings import ChestProfile
from models.chest.simclr import pretrain
from models.chest.thresholds import distributions, recommended
from models.chest.triage import Decision
from models.chest.weak import WeakFit, fit_weakly, full
from models.task import Trained, TrainingRun

LEAST = 3
"""Studies of each option of ``norm`` without which it is not trained."""
VALIDATION_LEAST = 2
"""Studies of each option of ``norm`` among the validation patients; with fewer, training patients are held out."""
SPANS = {"simclr": (0.1, 0.3), "autoencoder": (0.3, 0.45), "classifier": (0.45, 0.8), "pathology": (0.8, 1.0)}
"""Shares of the whole that the stages take, for the progress."""
log = logging.getLogger(__name__)


def train(run: TrainingRun, pathologies: Sequence[str]) -> Trained:
    """Train every stage.

    Parameters
    ----------
    pathologies:
        The options of the question ``pathology``.

    Raises
    ------
    TrainingError
        There are too few normal studies, or too few with pathology.
    """
    profile = run.profile
    assert isinstance(profile, ChestProfile)  # noqa: S101 - the task's own settings
    everything, training, validation, note = _gathered(run, profile, pathologies)
    known: dict[str, Any] = {"scratch": run.scratch, "seed": run.seed, "max_steps": run.max_steps}
    backbone, simclr = pretrain(everything, profile, **known, progress=part(run.progress, *SPANS["simclr"]))
    normals = training.take(training.norm == 0), validation.take(validation.norm == 0)
    autoencoder, tensors, reconstruction = fit_autoencoder(
        *normals, profile, **known, progress=part(run.progress, *SPANS["autoencoder"])
    )
    weights: dict[str, Mapping[str, Tensor]] = {"autoencoder": tensors}
    fitted = fit_weakly(
        "classifier", profile.stages["classifier"].networks[0], profile, ("normal", "pathology"),
        (training, training.norm), (validation, validation.norm),
        backbone=backbone, views=profile.test_time_views,
        names=(training.pathology, len(pathologies)) if profile.named else None,
        **known, progress=part(run.progress, *SPANS["classifier"]),
    )  # fmt: skip
    weights["classifier"] = fitted.weights
    anomaly = Anomaly.restore(autoencoder.model_dump(), tensors)
    decision, detail = _decided(profile, anomaly, fitted, validation, note, run.seed)
    settings: dict[str, Mapping[str, Any]] = {
        "simclr": {"network": simclr.network, "note": "Its backbone went on to the stage `classifier`."},
        "autoencoder": autoencoder.model_dump(mode="json"),
        "classifier": fitted.settings.model_dump(mode="json"),
        "decision": decision.model_dump(mode="json"),
    }
    counts = {"training": _counts(training), "validation": _counts(validation)}
    classifier = replace(fitted.report, detail={**fitted.report.detail, "counts": counts, **detail})
    reports = [simclr, reconstruction, classifier]
    last = _train_pathology(run, profile, tuple(pathologies), training, validation)
    if isinstance(last, str):
        log.warning("chest_ct_norm: pathology is left out: %s", last)
        settings["pathology"] = {"left_out": last}
    else:
        settings["pathology"], weights["pathology"] = last.settings.model_dump(mode="json"), last.weights
        reports.append(last.report)
    return Trained(weights, settings, tuple(reports))


def _gathered(run: TrainingRun, profile: ChestProfile, pathologies: Sequence[str]) -> tuple[Bags, Bags, Bags, str]:
    """All training studies, those with a label of norm, the validation studies, and who these are."""

    def bags(name: str, low: float, high: float) -> Bags:
        examples = run.training if name == "training" else run.validation
        return gather(
            examples, pathologies, run.pixels, profile.slabs, profile.slab_px,
            folder=run.scratch / name, progress=part(run.progress, low, high),
        )  # fmt: skip

    everything, validation = bags("training", 0.0, 0.08), bags("validation", 0.08, 0.1)
    training = everything.take(everything.norm >= 0)
    validation = validation.take(validation.norm >= 0)
    if _fewest(training.norm) < LEAST:
        raise TrainingError(
            "Normal chest CT cannot be told from pathology.",
            given=f"{int((training.norm == 0).sum())} normal, {int((training.norm == 1).sum())} with pathology",
            expected=f"{LEAST} training studies or more of each",
            do="import labels, or read a round",
        )
    note = f"{len(set(validation.patients))} validation patients"
    if _fewest(validation.norm) < VALIDATION_LEAST:
        apart = held_out(training.patients, training.norm, seed=run.seed)
        training, validation = training.take(~apart), training.take(apart)
        everything = everything.take(~np.isin(everything.patients, validation.patients))
        note = (
            "The validation patients do not show both options: "
            f"{len(set(validation.patients))} training patients were held out for validation."
        )
    return everything, training, validation, note


def _fewest(norm: NDArray[np.int64]) -> int:
    return int(np.bincount(norm, minlength=2).min())


def _counts(bags: Bags) -> dict[str, int]:
    norm = np.bincount(bags.norm, minlength=2)
    return {"normal": int(norm[0]), "pathology": int(norm[1]), "patients": len(set(bags.patients))}


def _decided(
    profile: ChestProfile, anomaly: Anomaly, fitted: WeakFit, validation: Bags, note: str, seed: int
) -> tuple[Decision, dict[str, Any]]:
    """The decision fitted on the validation studies, and how good it is on them."""
    positive, patients = validation.norm == 1, validation.patients
    pairs = ((np.asarray(validation.study(i)), validation.lungs_of(i)) for i in range(len(validation)))
    errors = np.array([anomaly.study_error(images, lungs) for images, lungs in pairs])
    logs, logits = logarithms(errors), fitted.logits[:, 0]
    healthy = [p for p, sick in zip(patients, positive, strict=True) if not sick]
    normaliser, suspicion = (Normaliser.fit(each[~positive], healthy) for each in (logs, logits))
    scores = decision_score(normaliser.apply(logs), suspicion.apply(logits))
    calibration = Platt.fit(log_odds(scores), positive, patients)
    thresholds = recommended(scores, positive, patients, seed=seed)
    decision = Decision(
        slabs=profile.slabs, slab_px=profile.slab_px, sharpness=profile.sharpness, views=profile.test_time_views,
        normaliser=normaliser, suspicion=suspicion, classifier=Platt.fit(logits, positive, patients),
        calibration=calibration,
        threshold=midway(scores, positive), recommended_thresholds={each.rule: each for each in thresholds},
        validation=note,
    )  # fmt: skip
    calibrated = calibration.apply(log_odds(scores))
    found = {
        "auc": _auc(scores, positive),
        "auc_classifier": _auc(logits, positive),
        "auc_anomaly": _auc(logs, positive),
        "accuracy": float(np.mean((scores >= decision.threshold) == positive)),
        "loss": float(-np.mean(np.log(np.clip(np.where(positive, calibrated, 1 - calibrated), 1e-6, 1)))),
        "note": note,
    }
    return decision, {
        "validation": found,
        "score_distributions": distributions(scores, positive).model_dump(mode="json"),
        "thresholds": [each.model_dump(mode="json") for each in thresholds],
    }


def midway(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Youden's threshold, moved halfway to the next lower score so that it leans to neither side."""
    point = youden(scores, positive)
    lower = scores[scores < point.threshold]
    return (
        float((point.threshold + lower.max()) / 2)
        if point.sensitivity is not None and len(lower)
        else point.threshold
    )


def _train_pathology(
    run: TrainingRun, profile: ChestProfile, options: tuple[str, ...], training: Bags, validation: Bags
) -> WeakFit | str:
    """The best network for the pathologies, calibrated; or why there is none."""
    training, validation = training.take(training.pathology >= 0), validation.take(validation.pathology >= 0)
    if len(np.unique(training.pathology)) < 2:
        return f"{len(training)} training studies with a single named pathology; two different ones are needed"
    note = ""
    if len(validation) < VALIDATION_LEAST:
        apart = held_out(training.patients, np.zeros(len(training), dtype=np.int64), seed=run.seed)
        note = f"{int(apart.sum())} training studies were held out for validation."
        training, validation = training.take(~apart), training.take(apart)
        if not len(validation) or len(np.unique(training.pathology)) < 2:
            return "too few patients to hold some out"
    networks = profile.stages["pathology"].networks
    low, high = SPANS["pathology"]
    found: list[tuple[WeakFit, dict[str, Any]]] = []
    for index, network in enumerate(networks):
        steps = low + (high - low) * index / len(networks), low + (high - low) * (index + 1) / len(networks)
        fitted = fit_weakly(
            "pathology", network, profile, options, (training, training.pathology),
            (validation, validation.pathology), scratch=run.scratch, seed=run.seed, max_steps=run.max_steps,
            progress=part(run.progress, *steps),
        )  # fmt: skip
        temperature = fit_temperature(full(fitted.logits), validation.pathology)
        calibrated = fitted.settings.model_copy(update={"temperature": (temperature,)})
        fitted = replace(fitted, settings=calibrated)
        found.append((fitted, _measured(fitted, validation.pathology)))
    best, measured = max(found, key=lambda pair: (pair[1]["auc"] or 0.0, -pair[1]["loss"]))
    shown = np.bincount(training.pathology, minlength=len(options))
    detail = {
        **best.report.detail,
        "validation": measured,
        "counts": {option: int(n) for option, n in zip(options, shown, strict=True)},
        "without_examples": [option for option, n in zip(options, shown, strict=True) if not n],
        "compared_with": [{**f.report.as_dict(), "validation": m} for f, m in found if f is not best],
        "note": note,
    }
    return replace(best, report=replace(best.report, detail=detail))


def _measured(fitted: WeakFit, targets: NDArray[np.int64]) -> dict[str, Any]:
    """Loss, accuracy, and the mean area under the ROC curve over the options that occur."""
    given = apply_temperature(full(fitted.logits), fitted.settings.temperature[0])
    areas = [area for k in np.unique(targets) if (area := _auc(given[:, k], targets == k)) is not None]
    own = np.clip(given[np.arange(len(targets)), targets], 1e-9, 1)
    return {
        "loss": float(-np.log(own).mean()),
        "auc": float(np.mean(areas)) if areas else None,
        "accuracy": float(np.mean(given.argmax(axis=1) == targets)),
    }


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - heavy

    return float(roc_auc_score(positive, scores)) if 0 < positive.sum() < len(positive) else None
