"""What a simulation is played on: the known cases of a home, part by part, and refusals where they are too few."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from active_learning.playing_plan import LearnerName, Play
from data.answers import Answer, Form, encode_value
from data.blobs import Blobs
from data.errors import TrainingError
from data.records import Part, Study
from data.store import Store
from models.chance import filled
from models.evaluation import evaluate
from models.task import ClinicalTask, Example
from models.training import examples

READ_BY = {"consensus", "outlines", "certain", "seconds_per_case", "positive"}
"""What of a task's reading a simulation depends on."""


@dataclass(frozen=True, eq=False, slots=True)
class Material:
    """Studies with a complete reference standard, by what they serve.

    Parameters
    ----------
    pool:
        Of training patients, by study id: what can be asked of the readers.
    validation:
        For early stopping and calibration.
    test:
        The locked test patients' studies; they measure, and serve nothing else.
    references:
        Their answers, by study.
    """

    pool: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Study, ...]
    references: Mapping[str, tuple[Answer, ...]]

    @property
    def patients(self) -> dict[str, str]:
        """The patient of each test study."""
        return {study.study_id: study.patient.patient_id for study in self.test}


def gather(store: Store, blobs: Blobs, task: ClinicalTask, play: Play) -> Material:
    """The material of a simulation.

    A study counts where its answers leave no question open. Studies that are held for a person are left out.

    Raises
    ------
    TrainingError
        There are fewer patients to choose from than the budget asks for, no validation patients, or no test
        patients on whom the task's primary metric can be had.
    """
    pool = [e for e in examples(store, task, {Part.TRAIN}) if _known(task.form, e)]
    validation = [e for e in examples(store, task, {Part.VALIDATION}) if not e.study.held]
    standard = store.labels.standard(task.name, {Part.TEST})
    test = [s for s in store.studies.find(parts={Part.TEST}) if task.accepts(s) and s.study_id in standard]
    test.sort(key=lambda study: study.study_id)
    store.labels.assert_parts({e.study.study_id for e in pool}, {Part.TRAIN})
    store.labels.assert_parts({e.study.study_id for e in validation}, {Part.VALIDATION})
    material = Material(
        tuple(pool), tuple(validation), tuple(test), {study.study_id: standard[study.study_id] for study in test}
    )
    patients = len({e.study.patient.patient_id for e in pool})
    if patients <= play.budget:
        raise _too_few(
            f"{patients} training patients with every answer known", f"more than {play.budget}, the budget"
        )
    if not validation:
        raise _too_few("no validation patient with a known answer", "validation patients, for early stopping")
    _measurable(task, material, blobs)
    return material


def _known(form: Form, example: Example) -> bool:
    return not example.study.held and form.is_complete(example.answers)


def _measurable(task: ClinicalTask, material: Material, blobs: Blobs) -> None:
    """Refuse test patients on whom even chance has no primary metric."""
    chance = filled(task, "chance", {}, material.references)
    found = evaluate(task.form, chance, material.references, material.patients, n_bootstrap=0, blobs=blobs)
    if task.primary not in found.metrics:
        why = found.detail.get(task.primary, "no test patient has a reference standard")
        raise _too_few(
            f"{len(set(material.patients.values()))} test patients; {why}",
            f"test patients with a reference standard on whom {task.primary} can be measured",
        )


def _too_few(given: str, expected: str) -> TrainingError:
    return TrainingError(
        "There are too few known cases to play the loop on.", given=given, expected=expected,
        do="import more labels with `consilium ingest --labels`, or name a smaller budget",
    )  # fmt: skip


def key_of(task: ClinicalTask, material: Material, play: Play) -> str:
    """A digest of the data and of every setting but the ways to choose and the number of seeds.

    So a simulation with another way, or with more seeds, takes up what was played before.
    """
    unsaid = {"strategies", "seeds"} | ({"profile", "max_steps"} if play.learner == LearnerName.HEAD else set())
    settings = {name: value for name, value in play.as_dict().items() if name not in unsaid}
    content = {
        "task": task.name,
        "settings": settings,
        "reading": task.config.reading.model_dump(mode="json", include=READ_BY),
        "profile": task.profile(play.profile).model_dump(mode="json") if "profile" in settings else None,
        "pool": _answered({e.study.study_id: e.answers for e in material.pool}),
        "validation": _answered({e.study.study_id: e.answers for e in material.validation}),
        "test": _answered(material.references),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _answered(answers: Mapping[str, Sequence[Answer]]) -> list[object]:
    listed: list[object] = []
    for study_id, given in sorted(answers.items()):
        by_key = {(answer.question, answer.site.key): encode_value(answer.value) for answer in given}
        listed.append([study_id, sorted((*key, json.dumps(value)) for key, value in by_key.items())])
    return listed
