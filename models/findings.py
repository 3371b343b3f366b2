"""The training sets of findings: which study counts as positive, negative or neither, finding by finding.

A study is positive for a finding that it shows, and negative where it shows nothing at all; one with other
findings alone is left out of both sides, and one without an answer is unknown. Where a set was curated for a
finding, the set's own lists are used in their place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from data.answers import NAME
from data.curation.flow import Curated
from data.records import Part
from data.store import Store
from models.batches import Labelled, held_out
from models.config import Profile, ProfileName, Settings, Stage, TaskConfig
from models.task import ClinicalTask, Example, TrainingRun

QUESTION = "findings"
STAGE = "finding"
"""The stage of each finding, or of all where they share a backbone."""
Negatives = Literal["normal", "absent"]


class Finding(Settings):
    """A finding that can be present."""

    title: Annotated[str, Field(min_length=1)]
    """What people see."""
    concept: str = ""
    """Its name among the terms of curation, where that is another one."""


class FindingsProfile(Profile):
    """A size of the task."""

    shared: bool = False
    """Whether one backbone has a head for each finding; else each finding has a network of its own."""
    negatives: Negatives = "normal"
    """Who is negative: ``normal``, studies without any finding; ``absent``, all without this one."""
    least: Annotated[int, Field(ge=1)] = 8
    """Training studies of each side below which a finding is left out."""

    @model_validator(mode="after")
    def _staged(self) -> FindingsProfile:
        if set(self.stages) != {STAGE}:
            raise ValueError(f"stages: one, with the name {STAGE}")
        return self

    @property
    def stage(self) -> Stage:
        """The only stage."""
        return self.stages[STAGE]


class FindingsConfig(TaskConfig):
    """The configuration of the task, with its findings."""

    findings: Annotated[Mapping[str, Finding], Field(min_length=1)]
    """By name, in the order in which they are asked."""
    quality_task: str = ""
    """The task whose champion says which radiographs are fit for a curated set; empty: none does."""
    quality: Mapping[str, tuple[str, ...]] = {}
    """Its questions, and the answers that are taken."""
    profiles: Mapping[ProfileName, FindingsProfile]
    """Its sizes."""

    @model_validator(mode="after")
    def _named(self) -> FindingsConfig:
        if wrong := [name for name in self.findings if not NAME.match(name)]:
            raise ValueError(f"findings: {wrong[0]!r} must be lower-case letters, digits and _")
        return self

    @property
    def concepts(self) -> Mapping[str, str]:
        """Finding -> its name among the terms of curation."""
        return {name: finding.concept or name for name, finding in self.findings.items()}


@dataclass(frozen=True, slots=True)
class CuratedExample(Example):
    """An example that curated sets speak of.

    Parameters
    ----------
    sides:
        Finding -> whether the study is positive, of the sets that hold it.
    curated:
        Finding with a curated set -> the set's name and rule: of these findings, its own answers do not count.
    """

    sides: Mapping[str, bool]
    curated: Mapping[str, str]


def with_curated_sets(
    store: Store,
    task: ClinicalTask,
    concepts: Mapping[str, str],
    examples: Sequence[Example],
    parts: Collection[Part],
) -> list[Example]:
    """The examples with what the curated sets say; studies that only the sets know come in without answers.

    Of several sets of a finding the newest counts.

    Parameters
    ----------
    concepts:
        Finding -> its name among the terms of curation.
    parts:
        Of whose patients the examples are; studies of others stay out.
    """
    newest = {kept.curated.rule.finding: kept.curated for kept in reversed(store.curations.all(task.name))}
    sets = {name: newest[concept] for name, concept in concepts.items() if concept in newest}
    if not sets:
        return list(examples)
    sides = sides_of(sets)
    known = {example.study.study_id: example for example in examples}
    added = [
        Example(study, ())
        for study in store.studies.find(study_ids=sorted(set(sides) - set(known)), parts=parts)
        if task.accepts(study)
    ]
    curated = {name: f"{chosen.rule.name}, rule {chosen.rule_digest[:12]}" for name, chosen in sets.items()}
    found = [
        CuratedExample(e.study, e.answers, sides.get(e.study.study_id, {}), curated) for e in (*examples, *added)
    ]
    return sorted(found, key=lambda example: example.study.study_id)


def sides_of(sets: Mapping[str, Curated]) -> dict[str, dict[str, bool]]:
    """Study -> finding -> whether it is positive, of curated sets by finding."""
    sides: dict[str, dict[str, bool]] = {}
    for name, curated in sets.items():
        for positive, studies in ((True, curated.positives), (False, curated.negatives)):
            for study_id in studies:
                sides.setdefault(study_id, {})[name] = positive
    return sides


def targets_of(examples: Sequence[Example], findings: Sequence[str], negatives: Negatives) -> NDArray[np.float32]:
    """(n, findings): 1 where a study is positive, 0 where it is negative, NaN where it is neither."""
    table = np.full((len(examples), len(findings)), np.nan, dtype=np.float32)
    for row, example in enumerate(examples):
        present = example.value(QUESTION)
        for column, name in enumerate(findings):
            if isinstance(example, CuratedExample) and name in example.curated:
                table[row, column] = example.sides.get(name, np.nan)
            elif isinstance(present, frozenset):
                lacks = 0.0 if negatives == "absent" or not present else np.nan
                table[row, column] = 1.0 if name in present else lacks
    return table


@dataclass(frozen=True)
class FindingsData:
    """What the findings are trained on.

    Parameters
    ----------
    findings:
        Those that can be trained, in the order of the columns of the targets.
    lacking:
        Finding -> why it cannot.
    notes:
        What the manifest must say of the images.
    """

    findings: tuple[str, ...]
    lacking: Mapping[str, str]
    training: Labelled
    validation: Labelled
    notes: tuple[str, ...] = ()

    def alone(self, finding: str) -> tuple[Labelled, Labelled]:
        """Training and validation images of one finding, with targets (n,): 0 absent, 1 present."""
        column = self.findings.index(finding)
        return _known(self.training, column), _known(self.validation, column)


def _known(data: Labelled, column: int) -> Labelled:
    own = data.targets[:, column]
    taken = data.take(~np.isnan(own))
    return Labelled(taken.images, taken.targets[:, column].astype(np.int64), taken.patients)


def gather(run: TrainingRun, findings: Sequence[str], profile: FindingsProfile) -> FindingsData:
    """The prepared images of a training with their targets.

    Where the validation patients do not show a finding, some training patients with it are held out for it.
    """
    sides = [_spoken(examples, findings, profile.negatives) for examples in (run.training, run.validation)]
    (examples, targets), (others, other_targets) = sides
    lacking = _lacking(targets, findings, profile.least)
    kept = [column for column, name in enumerate(findings) if name not in lacking]
    targets, other_targets = targets[:, kept], other_targets[:, kept]
    patients = np.array([e.study.patient.pseudonym for e in examples], dtype=object)
    apart = _held_out(patients, targets, other_targets, run.seed)
    notes: list[str] = []
    if apart.any():
        count = len(set(patients[apart]))
        notes.append(f"The validation patients do not show every finding: {count} training patients are held out.")
    staying = [e for e, out in zip(examples, apart, strict=True) if not out]
    held = [e for e, out in zip(examples, apart, strict=True) if out]
    return FindingsData(
        tuple(findings[column] for column in kept),
        lacking,
        _labelled(run, staying, targets[~apart], profile.stage.size_px),
        _labelled(run, [*others, *held], np.concatenate([other_targets, targets[apart]]), profile.stage.size_px),
        tuple(notes),
    )


def _spoken(
    examples: Sequence[Example], findings: Sequence[str], negatives: Negatives
) -> tuple[list[Example], NDArray[np.float32]]:
    """The examples of which something is known, and their targets."""
    table = targets_of(examples, findings, negatives)
    spoken = ~np.isnan(table).all(axis=1)
    return [examples[index] for index in np.flatnonzero(spoken)], table[spoken]


def _lacking(targets: NDArray[np.float32], findings: Sequence[str], least: int) -> dict[str, str]:
    lacking: dict[str, str] = {}
    for column, name in enumerate(findings):
        present, absent = (int(np.sum(targets[:, column] == side)) for side in (1, 0))
        if min(present, absent) < least:
            lacking[name] = f"too few training studies: {present} present, {absent} absent, {least} of each needed"
    return lacking


def _held_out(
    patients: NDArray[np.object_], targets: NDArray[np.float32], others: NDArray[np.float32], seed: int
) -> NDArray[np.bool_]:
    """(n,) which training examples go to validation: some of each side that no validation example is on."""
    out = np.zeros(len(patients), dtype=bool)
    for column in range(targets.shape[1]):
        for side in (1, 0):
            own = np.flatnonzero(targets[:, column] == side)
            if (others[:, column] == side).any() or (targets[out, column] == side).any():
                continue
            chosen = held_out(patients[own].tolist(), np.zeros(len(own), dtype=np.int64), seed=seed)
            out |= np.isin(patients, patients[own[chosen]])
    return out


def _labelled(
    run: TrainingRun, examples: Sequence[Example], targets: NDArray[np.float32], size_px: tuple[int, int]
) -> Labelled:
    from models.findings_pictures import chest_of, prepared  # noqa: PLC0415 - the pages need none of this
    from models.images import overlapped, page  # noqa: PLC0415

    def picture(example: Example) -> NDArray[np.uint8]:
        whole = page(example.study, run.pixels)
        return prepared(whole, chest_of(whole), size_px)

    images = np.zeros((len(examples), *size_px), dtype=np.uint8)
    for index, image in enumerate(overlapped(picture, examples, workers=2, ahead=4)):
        images[index] = image
    return Labelled(images, targets, tuple(e.study.patient.pseudonym for e in examples))
