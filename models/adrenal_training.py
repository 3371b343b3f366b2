"""How the two stages of ``adrenal_ct`` are trained: frames with lesions, the score of a study, lesions' clips."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.answers import Choice, Form, Site
from data.errors import TrainingError
from models.adrenal import (
    FindingSettings,
    PhenotypeSettings,
    find_lesions,
    lesion_clip,
    study_logit,
)
from models.adrenal_settings import AdrenalProfile, SegmenterStage
from models.batches import Labelled, held_out
from models.calibration import fit_temperature, youden
from models.clips import in_field, page_shapes, stack
from models.config import Stage
from models.lesions import read_lesions
from models.stages import train_stage
from models.task import Example, Progress, StageReport, TrainingRun
from models.yolo import Segmenter
from models.yolo_data import Counts, Frame, balanced, write_description, write_part
from models.yolo_training import FittedSegmenter, fit_yolo

LEAST = 2
"""Studies with a drawn lesion below which nothing is trained."""
SAME = 0.3
"""IoU above which a lesion that the first stage finds is the reference's."""
LEAST_LESIONS = 2
"""Clips of lesions of each of two phenotypes below which phenotypes are left out."""


@dataclass(frozen=True, eq=False)
class Known:
    """An example whose lesions are known.

    Parameters
    ----------
    masks:
        By label, (pages, rows, columns); empty where there is no lesion.
    """

    example: Example
    masks: Mapping[str, NDArray[np.bool_]]

    @property
    def name(self) -> str:
        """The patient's pseudonym."""
        return self.example.study.patient.pseudonym


@dataclass(frozen=True)
class Segmented:
    """What the first stage gives: its network, how its instances are read, and how it was trained."""

    segmenter: FittedSegmenter
    finding: FindingSettings
    report: StageReport


def with_lesions(run: TrainingRun, form: Form) -> tuple[list[Known], list[Known], list[str]]:
    """The examples whose lesions are known, for training and for validation, and notes on them.

    Known are those with drawn lesions, and those without a lesion. Where the validation patients do not show both,
    whole training patients are held out for validation.

    Raises
    ------
    TrainingError
        There are too few with a lesion.
    """
    training, validation = (_known(examples, run, form) for examples in (run.training, run.validation))
    drawn = [bool(known.masks) for known in training]
    if sum(drawn) < LEAST:
        raise TrainingError(
            "The lesions of too few studies are drawn.",
            given=f"{sum(drawn)} of {len(run.training)} training studies",
            expected=f"{LEAST} or more studies with a mask of a lesion",
            do="import masks, or read a round",
        )
    notes: list[str] = []
    shown = {bool(known.masks) for known in validation}
    if shown != {True, False} and (True not in shown or not all(drawn)):
        out = held_out([known.name for known in training], np.array(drawn, dtype=np.int64), seed=run.seed)
        left = [known for known, apart in zip(training, out, strict=True) if not apart]
        if any(known.masks for known in left):
            notes.append(
                f"{int(out.sum())} training studies were held out: validation did not show both findings."
            )
            validation = [known for known, apart in zip(training, out, strict=True) if apart]
            training = left
    return training, validation, notes


def train_segmenter(
    stage: SegmenterStage, profile: AdrenalProfile, run: TrainingRun, form: Form, progress: Progress
) -> tuple[Segmented, list[Known], list[Known]]:
    """Train the networks of the first stage, keep the best on the validation frames, and calibrate its score."""
    training, validation, notes = with_lesions(run, form)
    folder = run.scratch / "frames"
    shutil.rmtree(folder, ignore_errors=True)
    counts = {
        part: write_part(folder, part, _frames(known, stage, run, part))
        for part, known in (("train", training), ("val", validation))
    }
    description = write_description(folder)
    fitted: list[FittedSegmenter] = []
    for index, network in enumerate(stage.networks):

        def told(step: int, steps: int, words: str, index: int = index) -> None:
            progress((index + step / max(1, steps)) / len(stage.networks), words)

        fitted.append(
            fit_yolo(
                network, stage, description, scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, told=told
            )
        )
    best = max(fitted, key=lambda one: one.metrics.get("mask_map50_95", 0.0) + one.metrics.get("mask_map50", 0.0))
    finding, measured = _calibrated(best, stage, profile, validation, run)
    shutil.rmtree(folder, ignore_errors=True)
    report = _report(best, fitted, counts, notes, measured)
    return Segmented(best, finding, report), training, validation


def train_phenotype(
    stage: Stage,
    profile: AdrenalProfile,
    run: TrainingRun,
    form: Form,
    known: tuple[Sequence[Known], Sequence[Known]],
    first: Segmented,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any] | None, StageReport | None]:
    """Train the second stage on each lesion whose phenotype is known, as the first stage and readers outline it.

    The masks of the first stage are those that it will see; the readers' are the better ones.

    Returns
    -------
    tuple
        Settings, weights and report; ``{"left_out": why}`` and None twice where there is too little.
    """
    kind = form["phenotype"].kind
    assert isinstance(kind, Choice)  # noqa: S101 - the task's form
    training = _clips(known[0], stage, profile, run, kind.options, first, both=True)
    validation = _clips(known[1], stage, profile, run, kind.options, first)
    ambiguous = sum(_ambiguous(one) for some in known for one in some)
    notes = [f"{ambiguous} studies with several phenotypes that belong to no lesion were left out."]
    if not ambiguous:
        notes = []
    if len(set(validation.targets.tolist())) < 2:
        together = _joined(training, validation)
        out = held_out(together.patients, together.targets, seed=run.seed)
        training, validation = together.take(~out), together.take(out)
        notes.append(f"{len(set(validation.patients))} patients were held out: validation showed one phenotype.")
    counts = np.bincount(training.targets, minlength=len(kind.options))
    if (counts >= LEAST_LESIONS).sum() < 2 or not len(validation.patients):
        told = ", ".join(f"{count} {option}" for count, option in zip(counts, kind.options, strict=True))
        return {"left_out": f"too few lesions of a known phenotype: {told}"}, None, None
    result = train_stage(
        "phenotype", stage, kind.options, training, validation,
        scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, progress=progress,
    )  # fmt: skip
    settings = PhenotypeSettings(
        classifier=result.settings,
        crop_mm=profile.crop_mm,
        margin_mm=profile.margin_mm,
        window=profile.lesion_window,
    )
    report = replace(result.report, detail={**result.report.detail, "data_notes": notes})
    return settings.model_dump(mode="json"), result.weights, report


def phenotypes_of(example: Example, labels: Sequence[str]) -> dict[str, str]:
    """The phenotype of each drawn lesion that is known, by label.

    A lesion's own answer comes first. A flag of the study, or of a lesion that is not drawn, is passed to the
    lesions without an answer where all flags agree; where they differ, the study is ambiguous.
    """
    given = {a.site: str(a.value) for a in example.answers if a.question == "phenotype"}
    own = {label: Site.lesion(int(label.removeprefix("lesion_"))) for label in labels}
    found = {label: given[site] for label, site in own.items() if site in given}
    flags = {value for site, value in given.items() if site not in own.values()}
    if len(flags) == 1:
        (flag,) = flags
        found |= {label: flag for label in labels if label not in found}
    return {label: found[label] for label in labels if label in found}


def _known(examples: Sequence[Example], run: TrainingRun, form: Form) -> list[Known]:
    found = []
    for example in examples:
        if example.value("finding") == "no_lesion":
            found.append(Known(example, {}))
        elif any(a.question == "lesions" for a in example.answers):
            shapes = page_shapes(example.study)
            shape = (len(shapes), *shapes[0])
            masks = read_lesions(example.answers, form["lesions"], shape, run.pixels.blobs)
            if masks:
                found.append(Known(example, masks))
    return found


def _frames(known: Sequence[Known], stage: SegmenterStage, run: TrainingRun, part: str) -> Iterator[Frame]:
    """The frames of a part: those with a lesion, and as many without, drawn over all studies."""
    places: list[tuple[int, int, bool]] = []
    for index, one in enumerate(known):
        pages = len(next(iter(one.masks.values()))) if one.masks else _pages(one.example)
        held = np.any([mask.any(axis=(1, 2)) for mask in one.masks.values()] or [np.zeros(pages, bool)], axis=0)
        drop = min(stage.drop_frames, (pages - 1) // 3)
        places += [(index, page, bool(held[page])) for page in range(drop, pages - drop)]
    rng = np.random.default_rng([run.seed, {"train": 0, "val": 1}[part]])
    chosen: dict[int, list[int]] = {}
    for place in balanced([held for _, _, held in places], rng):
        chosen.setdefault(places[place][0], []).append(places[place][1])
    for index in sorted(chosen):
        seen = stack(known[index].example.study, run.pixels)
        way = in_field(seen, stage.size_px, stage.field)
        clip = way.clip(seen.pages)
        masks = [way.mask(mask) for mask in known[index].masks.values()]
        for page in chosen[index]:
            yield Frame(f"{index:05}-{page:03}", clip[page], [mask[page] for mask in masks if mask[page].any()])


def _pages(example: Example) -> int:
    return len(page_shapes(example.study))


def _calibrated(
    best: FittedSegmenter,
    stage: SegmenterStage,
    profile: AdrenalProfile,
    validation: Sequence[Known],
    run: TrainingRun,
) -> tuple[FindingSettings, dict[str, Any]]:
    """How a study's score becomes a probability: operating point by Youden, temperature by likelihood."""
    segmenter = Segmenter.restore(best.settings.model_dump(), best.weights)
    finding = FindingSettings(field=stage.field, least_mm3=profile.least_mm3, operating_point=0.0, temperature=1.0)
    scores = []
    for known in validation:
        lesions = find_lesions(segmenter, stack(known.example.study, run.pixels), finding)
        scores.append(study_logit(lesions))
    given = np.array(scores)
    truth = np.array([bool(known.masks) for known in validation])
    point = youden(given, truth)
    middle = 0.0
    if point.sensitivity is not None:
        lower = given[given < point.threshold]
        middle = (point.threshold + float(lower.max())) / 2 if len(lower) else point.threshold
    shifted = given - middle
    logits = np.stack([np.zeros_like(shifted), shifted], axis=1)
    finding = finding.model_copy(
        update={"operating_point": middle, "temperature": fit_temperature(logits, truth.astype(np.int64))}
    )
    right = float(np.mean((given >= middle) == truth)) if len(truth) else math.nan
    return finding, {
        "studies": len(truth), "with_lesion": int(truth.sum()), "accuracy": right,
        "sensitivity": point.sensitivity, "specificity": point.specificity,
    }  # fmt: skip


def _report(
    best: FittedSegmenter,
    fitted: Sequence[FittedSegmenter],
    counts: Mapping[str, Counts],
    notes: Sequence[str],
    measured: Mapping[str, Any],
) -> StageReport:
    others = [
        {"network": o.settings.network, "parameters": o.parameters, "steps": o.steps, **o.metrics}
        for o in fitted
        if o is not best
    ]
    return StageReport(
        name="segmenter",
        network=best.settings.network,
        parameters=best.parameters,
        input=(3, *best.settings.size_px),
        steps=best.steps,
        seconds=best.seconds,
        detail={
            **best.start,
            "curve": best.curve,
            "validation": {**best.metrics, "finding": dict(measured)},
            "counts": {part: one.as_dict() for part, one in counts.items()},
            "compared_with": others,
            "data_notes": list(notes),
        },
    )


def _clips(
    known: Sequence[Known],
    stage: Stage,
    profile: AdrenalProfile,
    run: TrainingRun,
    options: Sequence[str],
    first: Segmented | None = None,
    *,
    both: bool = False,
) -> Labelled:
    """A clip of each lesion whose phenotype is known, by the first stage's mask or the reference's.

    Parameters
    ----------
    first:
        The first stage; without it, and for lesions that it misses, the reference's masks count.
    both:
        Whether a lesion that it finds gives a clip by either mask.
    """
    clips: list[NDArray[np.uint8]] = []
    targets, patients = [], []
    segmenter = None
    if first is not None:
        segmenter = Segmenter.restore(first.segmenter.settings.model_dump(), first.segmenter.weights)
    for one in known:
        labels = phenotypes_of(one.example, list(one.masks))
        if not labels:
            continue
        seen = stack(one.example.study, run.pixels)
        found = [] if segmenter is None or first is None else find_lesions(segmenter, seen, first.finding)
        for label, phenotype in labels.items():
            own = one.masks[label]
            near = max((lesion.mask for lesion in found), key=lambda mask: _iou(mask, own), default=None)
            masks = [near] if near is not None and _iou(near, own) > SAME else []
            for mask in [*masks, own] if both or not masks else masks:
                clip, _ = lesion_clip(
                    seen,
                    mask,
                    stage.frames,
                    stage.size_px,
                    crop_mm=profile.crop_mm,
                    margin_mm=profile.margin_mm,
                    window=profile.lesion_window,
                )
                clips.append(clip)
                targets.append(options.index(phenotype))
                patients.append(one.name)
    shape = (stage.frames, *stage.size_px)
    images = np.stack(clips) if clips else np.zeros((0, *shape), dtype=np.uint8)
    return Labelled(images, np.array(targets, dtype=np.int64), tuple(patients))


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = np.count_nonzero(one | other)
    return float(np.count_nonzero(one & other) / total) if total else 0.0


def _ambiguous(known: Known) -> bool:
    return (
        bool(known.masks)
        and not phenotypes_of(known.example, list(known.masks))
        and any(a.question == "phenotype" for a in known.example.answers)
    )


def _joined(first: Labelled, second: Labelled) -> Labelled:
    return Labelled(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.targets, second.targets]),
        first.patients + second.patients,
    )
