"""Training of the lumbar spine's task: the segmenters, then the graders at the levels that these find."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.answers import Form, Mask, Site
from data.errors import TrainingError
from data.pixels import Pixels
from models.batches import Labelled, held_out
from models.images import overlapped
from models.segmenter import Segmenter
from models.segmenter_data import Outlined
from models.segmenter_fitting import fit_segmenter
from models.spine.crops import LevelView, Region, side_crop
from models.spine.decisions import LOCATIONS, Grader, sac_of
from models.spine.grading import (
    LurieSettings,
    fit_limits,
    lost_share,
    normal_size,
    severity_shares,
    usual_profile,
)
from models.spine.outlines import drawn_levels, outlined_pages
from models.spine.reading import SpineReader
from models.spine.settings import LumbarProfile
from models.spine.stacks import SIDES
from models.stages import train_stage
from models.task import Example, StageReport, Trained, TrainingRun

SEVERITIES = ("mild", "moderate", "severe")
GRADERS = ("presence", *(f"severity_{name}" for name in LOCATIONS))
"""The classifying stages, in the order in which they are trained."""
LEAST_PAGES = 4
"""Outlined pages below which a segmenter is left out."""
LEAST_CROPS = 4
"""Crops with, and crops without a finding below which a grader is left out."""
log = logging.getLogger(__name__)
Told = Callable[[float, str], None]


@dataclass
class _Kept:
    """What a training has so far."""

    weights: dict[str, Mapping[str, Tensor]] = field(default_factory=dict)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    reports: list[StageReport] = field(default_factory=list)

    def keep(
        self, name: str, settings: Mapping[str, Any], weights: Mapping[str, Tensor], report: StageReport
    ) -> None:
        self.settings[name], self.weights[name] = settings, weights
        self.reports.append(report)

    def leave_out(self, name: str, why: str) -> None:
        log.warning("lumbar_stenosis: %s is left out: %s", name, why)
        self.settings[name] = {"left_out": why}


def train(form: Form, run: TrainingRun) -> Trained:
    """Train what can be trained of the task.

    Raises
    ------
    TrainingError
        There is too little for every stage.
    """
    profile = run.profile
    assert isinstance(profile, LumbarProfile)  # noqa: S101 - the task's settings say so
    kept = _Kept()
    shares = _shares(run, ("sagittal", "structures", *GRADERS))
    for name in ("sagittal", "structures"):
        _train_segmenter(form, name, run, profile, kept, shares[name])
    region = Region((1, 1), profile.crop_mm, profile.beyond_mm)
    kept.settings["region"] = {
        "size_mm": list(region.size_mm), "beyond_mm": region.beyond_mm, "canal_share": profile.canal_share
    }  # fmt: skip
    _train_graders(run, profile, kept, shares)
    if not kept.weights:
        raise TrainingError(
            "No stage of lumbar_stenosis can be trained.",
            given="; ".join(f"{n}: {s['left_out']}" for n, s in kept.settings.items() if "left_out" in s),
            expected=f"{LEAST_PAGES} outlined pages or more, with sagittal discs for the grades",
            do="import outlines and grades, or read a round",
        )
    return Trained(kept.weights, kept.settings, tuple(kept.reports))


def _shares(run: TrainingRun, stages: Sequence[str]) -> dict[str, Told]:
    def share(index: int) -> Told:
        return lambda part, words: run.progress((index + part) / len(stages), words)

    return {name: share(index) for index, name in enumerate(stages)}


def _train_segmenter(
    form: Form, name: str, run: TrainingRun, profile: LumbarProfile, kept: _Kept, told: Told
) -> None:
    kind, stage = form[name].kind, profile.structures if name == "structures" else profile.sagittal
    assert isinstance(kind, Mask)  # noqa: S101 - both are masks
    told(0.0, f"{name}: preparing")
    training, validation = (
        Outlined.of(
            outlined_pages(name, kind, examples, run.pixels, stage.pages_per_study), kind.labels, stage.size_px
        )
        for examples in (run.training, run.validation)
    )
    if not validation.patients and training.patients:
        apart = held_out(training.patients, np.zeros(len(training.patients), dtype=np.int64), seed=run.seed)
        training, validation = training.take(~apart), training.take(apart)
    counts = len(training.patients), len(validation.patients)
    if counts[0] < LEAST_PAGES or not counts[1]:
        kept.leave_out(name, f"too few outlined pages: {counts[0]} for training, {counts[1]} for validation")
        return
    result = fit_segmenter(
        name, stage, kind.labels, training, validation,
        scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, progress=told,
    )  # fmt: skip
    kept.keep(name, result.settings, result.weights, result.report)


@dataclass(frozen=True)
class _Graded:
    """A study's levels with their grades; by question and site key."""

    views: tuple[LevelView, ...]
    grades: Mapping[tuple[str, str], int]
    patient: str

    def grade(self, location: str, level: str, side: str) -> int | None:
        site = Site.level(level) if location == "central" else Site.level(level, side)
        return self.grades.get((location, site.key))


def _graded(examples: Sequence[Example], reader: SpineReader, pixels: Pixels) -> list[_Graded]:
    """Views of the graded levels. Readers' sagittal outlines go before the segmenter's."""
    asked = [e for e in examples if any(a.question in LOCATIONS for a in e.answers)]
    prepared = overlapped(lambda e: (reader.pictures(e.study, pixels), drawn_levels(e, pixels)), asked)
    found = []
    for example, (pictures, drawn) in zip(asked, prepared, strict=True):
        views = reader.read(example.study, pictures, drawn=drawn or None).views
        grades = {
            (a.question, a.site.key): a.value
            for a in example.answers
            if a.question in LOCATIONS and isinstance(a.value, int)
        }
        found.append(_Graded(views, grades, example.study.patient.pseudonym))
    return found


def _train_graders(run: TrainingRun, profile: LumbarProfile, kept: _Kept, shares: Mapping[str, Told]) -> None:
    reader = SpineReader(*(_segmenter(kept, name) for name in ("sagittal", "structures")))
    shares["presence"](0.0, "presence: finding the levels")
    training, validation = (_graded(e, reader, run.pixels) for e in (run.training, run.validation))
    if not any(graded.views for graded in training):
        for name in GRADERS:
            kept.leave_out(name, "no training study with grades whose levels are known")
        return
    for name in GRADERS:
        _train_stage(name, run, profile, training, validation, kept, shares[name])
    kept.settings["severity_shares"] = {
        location: list(severity_shares(_all_grades(training, location))) for location in LOCATIONS
    }
    kept.settings["lurie"] = _fit_lurie(training, validation, kept).model_dump(mode="json")


def _segmenter(kept: _Kept, name: str) -> Segmenter | None:
    return Segmenter.restore(kept.settings[name], kept.weights[name]) if name in kept.weights else None


def _all_grades(data: Sequence[_Graded], location: str) -> list[int]:
    return [grade for graded in data for (question, _), grade in graded.grades.items() if question == location]


def _train_stage(
    name: str,
    run: TrainingRun,
    profile: LumbarProfile,
    training: Sequence[_Graded],
    validation: Sequence[_Graded],
    kept: _Kept,
    told: Told,
) -> None:
    stage = profile.stages[name]
    region = Region(stage.size_px, profile.crop_mm, profile.beyond_mm)
    sets = [_labelled(name, data, region) for data in (training, validation)]
    if not _enough(sets[0]):
        kept.leave_out(name, f"too few graded crops: {len(sets[0].patients)}, or of one kind alone")
        return
    if not _enough(sets[1], least=1):
        kinds = sets[0].targets if sets[0].targets.ndim == 1 else np.nan_to_num(sets[0].targets).max(axis=1)
        apart = held_out(sets[0].patients, kinds, seed=run.seed)
        sets = [sets[0].take(~apart), sets[0].take(apart)]
        if not (_enough(sets[0], least=1) and len(sets[1].patients)):
            kept.leave_out(name, "too few patients to hold some out for validation")
            return
    presence = name == "presence"
    result = train_stage(
        name, stage, LOCATIONS if presence else SEVERITIES, sets[0], sets[1],
        exclusive=not presence, scratch=run.scratch, seed=run.seed, max_steps=run.max_steps, progress=told,
    )  # fmt: skip
    kept.keep(name, result.settings, result.weights, result.report)


def _labelled(name: str, data: Sequence[_Graded], region: Region) -> Labelled:
    """Crops of either side. Targets of presence: (n, locations); of severity: the index of the grade."""
    crops: list[NDArray[np.uint8]] = []
    targets: list[Any] = []
    patients: list[str] = []
    location = name.removeprefix("severity_")
    for graded in data:
        for view in graded.views:
            for side in SIDES:
                if name == "presence":
                    grades = [graded.grade(one, view.level, side) for one in LOCATIONS]
                    target: Any = [np.nan if g is None else float(g > 0) for g in grades]
                    known = any(g is not None for g in grades)
                else:
                    grade = graded.grade(location, view.level, side)
                    target, known = (grade or 0) - 1, bool(grade)
                if known:
                    crops.append(side_crop(view, side, region))
                    targets.append(target)
                    patients.append(graded.patient)
    images = np.stack(crops) if crops else np.zeros((0, *region.size_px), np.uint8)
    if name == "presence":
        return Labelled(images, np.asarray(targets, np.float32).reshape(-1, len(LOCATIONS)), tuple(patients))
    return Labelled(images, np.asarray(targets, np.int64), tuple(patients))


def _enough(data: Labelled, least: int = LEAST_CROPS) -> bool:
    """Whether two kinds have that many crops: with and without a finding, or two severities."""
    if data.targets.ndim == 1:
        return int(np.sum(np.bincount(data.targets, minlength=3) >= least)) >= 2
    with_finding = [int(np.nansum(data.targets[:, i])) for i in range(data.targets.shape[1])]
    without = [int(np.nansum(1 - data.targets[:, i])) for i in range(data.targets.shape[1])]
    return bool(len(data.patients)) and all(
        not (a + b) or (a >= least and b >= least) for a, b in zip(with_finding, without, strict=True)
    )


def _fit_lurie(training: Sequence[_Graded], validation: Sequence[_Graded], kept: _Kept) -> LurieSettings:
    """The sac's usual profile by the training patients, the limits by the validation patients."""
    normal = [
        sac
        for graded in training
        for view in graded.views
        if graded.grade("central", view.level, "") == 0 and (sac := sac_of(view)) is not None
    ]
    profile = usual_profile(normal)
    settings = LurieSettings(profile=profile)
    grader = Grader.restore({**kept.settings, "lurie": settings.model_dump(mode="json")}, kept.weights)
    losses, grades = [], []
    for graded in validation:
        sacs = [sac for view in graded.views if (sac := sac_of(view)) is not None]
        unaffected = grader.unaffected(graded.views, sacs)
        for sac in sacs:
            size = normal_size(sac.level, sacs, unaffected, settings)
            grade = graded.grade("central", sac.level, "")
            if size is not None and grade is not None:
                losses.append(lost_share(sac, size))
                grades.append(grade)
    return fit_limits(losses, grades, profile)[0]
