"""Curation of the store's studies: from records to candidates, and the set back into the store.

Reports stay here: what is kept of a set names studies and reasons, never a report's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.answers import STUDY
from data.blobs import Blobs
from data.curation.candidates import Candidate
from data.curation.duplicates import phash
from data.curation.flow import Curated, curate
from data.curation.intensity import intensity_of
from data.curation.match import Match, Reading, Segment, highlighted, match_report, reading_of
from data.curation.rule import CurationRule, rule_for, rule_from_json
from data.curation.terms import Terms, load_terms
from data.errors import CurationError, NotFoundError
from data.home import Home
from data.pixels import Pixels
from data.records import Part, Study
from data.store import Store
from data.tables.curations import KeptCuration
from models.findings import QUESTION, FindingsConfig
from models.images import overlapped, page
from models.task import ClinicalTask, get_task
from workbench.jobs import Work, kind

TASK = "cxr_findings"
"""The task whose training sets are curated."""
THREADS = 2
"""That look at pictures."""

Progress = Callable[[float, str], None]


def config() -> FindingsConfig:
    """The configuration of the task."""
    known = get_task(TASK).config
    assert isinstance(known, FindingsConfig)  # noqa: S101 - the task's own
    return known


def new_rule(name: str, finding: str, terms: Terms, **changes: Any) -> CurationRule:
    """The rule of a finding with the task's confounders and demands on quality.

    Parameters
    ----------
    finding:
        As the task's configuration or the terms name it.
    changes:
        Fields of :class:`data.curation.rule.CurationRule`.

    Raises
    ------
    CurationError
        There is no such finding, or a field does not fit.
    """
    known = config()
    given: dict[str, Any] = {"quality": dict(known.quality), "quality_optional": True, **changes}
    return rule_for(known.concepts.get(finding, finding), terms, name=name, **given)


def curate_store(home: Home, rule: CurationRule, *, progress: Progress) -> KeptCuration:
    """Draw a rule's set from the studies of a home, and keep it under the rule's name.

    Raises
    ------
    ConflictError
        Another rule has that name.
    CurationError
        The rule does not fit the terms, or there is nothing to curate.
    """
    store, terms = Store.of(home), load_terms()
    store.curations.check(TASK, rule)
    found = candidates(store, Blobs.of(home), get_task(TASK), progress=progress)
    if not found:
        raise CurationError(
            "There is nothing to curate.",
            given="no study that the task accepts",
            expected="frontal radiographs with reports or labels",
            do="take them in with `consilium ingest FOLDER --labels TABLE`, with a column `report`",
        )
    parts = {study.patient.pseudonym: study.patient.part for study, _ in found}
    return store.curations.put(TASK, curate([candidate for _, candidate in found], rule, terms, parts))


def candidates(
    store: Store, blobs: Blobs, task: ClinicalTask, *, progress: Progress
) -> list[tuple[Study, Candidate]]:
    """The studies that the task accepts, as curation sees them.

    A report is read where there is one; a study without one is taken by its reference standard.
    """
    studies = sorted((s for s in store.studies.find() if task.accepts(s)), key=lambda study: study.study_id)
    reports = store.reports.texts(study_ids={study.study_id for study in studies})
    labels, quality = _labels(store), _quality(store)
    pixels = Pixels(blobs)
    looked = overlapped(lambda study: _looked_at(study, pixels), studies, workers=THREADS, ahead=2 * THREADS)
    found = []
    for index, (study, (intensity, hashed)) in enumerate(zip(studies, looked, strict=True)):
        report = reports.get(study.study_id, "")
        candidate = Candidate(
            study.study_id,
            study.patient.pseudonym,
            sex=study.sex,
            age_y=study.age_y,
            view=study.view,
            device=next(
                (s.attributes["manufacturer"] for s in study.series if "manufacturer" in s.attributes), ""
            ),
            report=report,
            labels=None if report.strip() else labels.get(study.study_id),
            quality=quality.get(study.study_id, {}),
            intensity=intensity,
            phash=hashed,
        )
        found.append((study, candidate))
        progress((index + 1) / len(studies), f"{index + 1} of {len(studies)} radiographs")
    return found


def _looked_at(study: Study, pixels: Pixels) -> tuple[Any, int]:
    picture = page(study, pixels)
    return intensity_of(picture), phash(picture)


def _labels(store: Store) -> dict[str, frozenset[str]]:
    """The reference standard of each study, as concepts."""
    concepts = config().concepts
    found: dict[str, frozenset[str]] = {}
    for parts in ({Part.TRAIN, Part.VALIDATION}, {Part.CALIBRATION, Part.TEST}):
        for study_id, answers in store.labels.standard(TASK, parts).items():
            given = next((a.value for a in answers if a.question == QUESTION and a.site == STUDY), None)
            if isinstance(given, frozenset):
                found[study_id] = frozenset(concepts.get(name, name) for name in given)
    return found


def _quality(store: Store) -> dict[str, dict[str, str]]:
    """What the champion of the task for quality says of each study: question -> answer."""
    champion = store.versions.champion(config().quality_task)
    if champion is None:
        return {}
    return {
        study_id: {r.question: r.value for r in p.results if r.site == STUDY and isinstance(r.value, str)}
        for study_id, p in store.versions.predictions(champion.version).items()
    }


@dataclass(frozen=True, slots=True)
class MarkedReport:
    """A report with what was found in it.

    Parameters
    ----------
    segments:
        The text in pieces, matches apart from the rest.
    """

    study_id: str
    segments: tuple[Segment, ...]
    matches: tuple[Match, ...]
    reading: Reading


def marked_report(store: Store, study_id: str) -> MarkedReport:
    """A study's report with its matches.

    Raises
    ------
    NotFoundError
        There is no such study, or it has no report.
    """
    store.studies.get(study_id)
    text = store.reports.texts(study_ids=[study_id]).get(study_id, "")
    if not text.strip():
        raise NotFoundError(
            "The study has no report.",
            given=study_id,
            expected="a study that came in with a report",
            do="take it in with a table that has a column `report`: `consilium ingest FOLDER --labels TABLE`",
        )
    matches = match_report(text, load_terms())
    return MarkedReport(study_id, tuple(highlighted(text, matches)), matches, reading_of(matches))


def described(kept: KeptCuration) -> dict[str, Any]:
    """A set as the JSON that scripts read: its name, finding, sizes, flow and parts."""
    curated = kept.curated
    return {
        "name": kept.name,
        "finding": curated.rule.finding,
        "positives": len(curated.positives),
        "negatives": len(curated.negatives),
        "steps": [
            {
                "step": step.step.value,
                "title": step.title,
                "given": step.given,
                "excluded": step.excluded,
                "left": step.left,
                "reasons": {reason.reason: reason.count for reason in step.reasons},
            }
            for step in curated.steps
        ],
        "parts": {
            count.part.value: {
                "positives": count.positives, "negatives": count.negatives, "patients": count.patients
            }
            for count in curated.parts
        },
        "duplicates_across_patients": len(curated.across_patients),
        "created_at": kept.created_at,
    }  # fmt: skip


def flow_rows(curated: Curated) -> Sequence[tuple[str, int, int, int, str]]:
    """The flow for people: step, in, left out, left, and the reasons with their counts."""
    return [
        (
            step.title,
            step.given,
            step.excluded,
            step.left,
            ", ".join(f"{reason.reason.replace('_', ' ')} {reason.count}" for reason in step.reasons),
        )
        for step in curated.steps
    ]


@kind("curate")
def curate_in_background(work: Work, *, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Draw a rule's set and keep it."""
    return described(curate_store(work.home, rule_from_json(rule), progress=work.progress))
