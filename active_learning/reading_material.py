"""What a reading study is made of, out of the store: reads, reference standard, predictions, patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from active_learning.numbering import alike
from active_learning.reading_topic import View
from active_learning.reference import Standing, standing
from active_learning.votes import ABSENT, PRESENT
from data.answers import Answer, Choice, Findings, Form, Grade, Question, Site
from data.blobs import Blobs
from data.errors import ConfigError
from data.records import Annotation, Consensus, Mode, ModelVersion, Part, Prediction, Purpose, Study
from data.store import Store
from models.lesions import matched
from models.task import ClinicalTask
from models.versions import read_manifest


@dataclass(frozen=True, slots=True)
class Material:
    """What is computed from.

    Parameters
    ----------
    annotations:
        All reads in question, the oldest first, qualification reads left out; lesions are numbered alike.
    readers:
        The reader of each annotation that may be in a consensus.
    patients:
        The patient of each study, by what identifies nobody.
    standings:
        What stands for the truth, by (question, item).
    disputed:
        (question, item) where the readers disagree and nobody has decided.
    version, predictions, unseen:
        The model, what it said by study, and the studies of patients from whom it cannot have learnt.
    outdated:
        By version of the guideline: the questions that have changed since.
    """

    form: Form
    annotations: tuple[Annotation, ...]
    readers: Mapping[str, str]
    patients: Mapping[str, str]
    standings: Mapping[tuple[str, str], Standing]
    disputed: frozenset[tuple[str, str]]
    version: str
    predictions: Mapping[str, Prediction]
    unseen: frozenset[str]
    outdated: Mapping[int, frozenset[str]]
    notes: tuple[str, ...]

    @property
    def independent(self) -> list[Annotation]:
        """The reads that count."""
        return [a for a in self.annotations if a.purpose.votes and a.mode == Mode.INDEPENDENT and not a.skipped]

    @property
    def assisted(self) -> list[Annotation]:
        """The reads with the model's answer in view, second looks among them."""
        seen = (a for a in self.annotations if a.mode == Mode.ASSISTED and not a.skipped)
        return [a for a in seen if a.purpose.votes or a.purpose == Purpose.SECOND_LOOK]


def material(store: Store, blobs: Blobs, task: ClinicalTask, round_id: str) -> Material:
    """Gather it, of one round or of all reads of a task.

    Raises
    ------
    NotFoundError
        There is no such round.
    """
    current = store.rounds.get(round_id) if round_id else None
    kept = store.reads.annotations(task.name, round_id=round_id or None)
    reads = alike((a for a in kept if a.purpose != Purpose.QUALIFICATION), task.form, blobs)
    studies = {s.study_id: s for s in store.studies.find(study_ids={a.study_id for a in reads})}
    reads = [a for a in reads if a.study_id in studies]
    consensus = [c for c in store.labels.consensus(task.name, round_id=round_id or None) if c.study_id in studies]
    outdated = {v: store.guidelines.outdated(task.name, v) for v in {a.guideline for a in reads}}
    valid = [c for c in consensus if c.question not in store.guidelines.outdated(task.name, c.guideline)]
    stands = standing(valid, store.labels.references(task.name, study_ids=list(studies)))
    version = _version(store, task, current.champion if current else "")
    predictions = store.versions.predictions(version.version, study_ids=list(studies)) if version else {}
    return Material(
        task.form,
        tuple(reads),
        {a.annotation_id: a.reader_id for a in reads},
        {study_id: study.patient.pseudonym for study_id, study in studies.items()},
        stands,
        _disputed(valid, stands),
        version.version if version and predictions else "",
        _numbered(predictions, task.form, stands, blobs),
        _unseen(blobs, version, studies.values()) & frozenset(predictions),
        {v: names for v, names in outdated.items() if names},
        _notes(task.form),
    )


def views(form: Form, positive: Mapping[str, Sequence[str]]) -> tuple[View, ...]:
    """The topics of a form in its order, with their positive options: see ``Reading.positive``.

    Raises
    ------
    ConfigError
        ``positive`` names a question or an option that the form does not have.
    """
    for name, options in positive.items():
        known = _options(form[name]) if name in form else ()
        if not options or not set(options) < set(known):
            raise ConfigError(
                "The positive options of a question cannot be.", given=f"{name}: {', '.join(options) or 'none'}",
                expected=f"some of {', '.join(known)}" if known else "a question with options",
                do="correct [reading.positive] in the task's configuration",
            )  # fmt: skip
    found = []
    for question in form.questions:
        options = _options(question)
        if isinstance(question.kind, Findings):
            found += [View(question.name, label, (ABSENT, PRESENT), False, (1,), question.title)
                      for label in question.kind.labels]  # fmt: skip
        elif options:
            named = tuple(n for n, option in enumerate(options) if option in positive.get(question.name, ()))
            default = (1,) if len(options) == 2 else ()
            ordered = isinstance(question.kind, Grade) and len(options) > 2
            found.append(View(question.name, "", options, ordered, named or default, question.title))
    return tuple(found)


def _options(question: Question) -> tuple[str, ...]:
    match question.kind:
        case Choice(options):
            return options
        case Grade(levels):
            return levels
    return ()


def _version(store: Store, task: ClinicalTask, named: str) -> ModelVersion | None:
    """The champion that a round was opened with, or the task's of today."""
    return store.versions.get(named) if named else store.versions.champion(task.name)


def _unseen(blobs: Blobs, version: ModelVersion | None, studies: Iterable[Study]) -> frozenset[str]:
    """The studies of patients from whom a version cannot have learnt.

    Its manifest names the patients that it was trained and chosen on; calibration patients set its probabilities.
    Where the manifest names none, test patients alone are sure.
    """
    if version is None:
        return frozenset()
    learnt = read_manifest(blobs, version).get("data", {})
    named = [learnt.get(part, {}).get("patients") for part in ("training", "validation")]
    if named[0] is None:
        return frozenset(s.study_id for s in studies if s.patient.part == Part.TEST)
    seen = {patient for part in named for patient in part or ()}
    return frozenset(
        s.study_id for s in studies if s.patient.pseudonym not in seen and s.patient.part != Part.CALIBRATION
    )


def _numbered(
    predictions: Mapping[str, Prediction], form: Form, stands: Mapping[tuple[str, str], Standing], blobs: Blobs
) -> Mapping[str, Prediction]:
    """The predictions with their lesions numbered as the reference's."""
    for drawing in dict.fromkeys(question.drawn_in for question in form.questions if question.drawn_in):
        answers: dict[str, list[Answer]] = {}
        for (question, item), one in stands.items():
            study_id, _, site = item.rpartition(" ")
            if question == drawing:
                answers.setdefault(study_id, []).append(Answer(question, Site(site), one.value))
        predictions = {
            study_id: matched(one, answers.get(study_id, ()), form[drawing], blobs)
            for study_id, one in predictions.items()
        }
    return predictions


def _disputed(
    consensus: Iterable[Consensus], stands: Mapping[tuple[str, str], Standing]
) -> frozenset[tuple[str, str]]:
    keys = {(c.question, f"{c.study_id} {c.site.key}") for c in consensus if c.value is None}
    return frozenset(key for key in keys if key not in stands)


def _notes(form: Form) -> tuple[str, ...]:
    left = [
        question.name for question in form.questions if not isinstance(question.kind, Choice | Grade | Findings)
    ]
    return (f"Outlines and measurements are not part of this report: {', '.join(left)}.",) if left else ()
