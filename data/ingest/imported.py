"""What a table of labels says, kept: reference labels, reads of named readers, and what describes the studies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.answers import Value
from data.errors import ConsiliumError
from data.ingest.identity import Ids
from data.ingest.labels import LabelRow, LabelsTable, PathMatcher
from data.ingest.report import LabelsReport
from data.records import Annotation, Mode, Part, Purpose, Reader, ReferenceLabel, Study
from data.store import Store
from data.tables.reports import Report

EXAMPLES = 10
_PURPOSES: Mapping[Part, Purpose] = {
    Part.TRAIN: Purpose.ACQUISITION,
    Part.VALIDATION: Purpose.VALIDATION,
    Part.CALIBRATION: Purpose.CALIBRATION,
    Part.TEST: Purpose.TEST,
}


@dataclass(slots=True)
class _Count:
    references: int = 0
    annotations: int = 0
    matched: int = 0


def apply_labels(store: Store, table: LabelsTable, study_of: Mapping[str, str], ids: Ids) -> LabelsReport:
    """Keep what a table says of the studies that are here.

    A row without a reader gives reference labels; one with a reader gives that reader's independent read, under an
    id that is the same in every import. Where two rows without a reader contradict one another, the first counts.

    Parameters
    ----------
    study_of:
        The study of each file of this ingest, by location.
    """
    problems = list(table.problems)
    unmatched: list[LabelRow] = []
    count = _Count()
    references: dict[tuple[str, str, str], ReferenceLabel] = {}
    reports: dict[str, Report] = {}
    reads: dict[tuple[str, str], list[LabelRow]] = {}
    finder = _Finder(store, study_of, ids, table)
    for row in table.rows:
        studies = finder.studies(row)
        if not studies:
            unmatched.append(row)
            continue
        count.matched += 1
        for study in studies:
            _describe(store, finder, study, row, problems)
            if row.report:
                reports.setdefault(study.study_id, Report(study.study_id, row.report, table.name))
            if row.reader and row.answers:
                reads.setdefault((study.study_id, row.reader), []).append(row)
            elif not row.reader:
                _refer(references, table, study.study_id, row, problems)
    store.reports.put(reports.values())
    if table.task:
        count.references = store.labels.add_references(references.values())
        for (study_id, reader), rows in reads.items():
            count.annotations += _keep_read(store, table, finder.by_id[study_id], reader, rows, problems)
    more = len(unmatched) - EXAMPLES
    examples = tuple(row.key for row in unmatched[:EXAMPLES]) + ((f"and {more} more",) if more > 0 else ())
    return LabelsReport(
        len(table.rows),
        count.matched,
        count.references,
        count.annotations,
        examples,
        table.ignored,
        tuple(problems),
    )


class _Finder:
    """The studies that a row means."""

    def __init__(self, store: Store, study_of: Mapping[str, str], ids: Ids, table: LabelsTable) -> None:
        self._ids = ids
        self._study_of = dict(study_of)
        self._matcher = PathMatcher(study_of)
        all_ = store.studies.find() if any(not self._here(row) for row in table.rows) else None
        found = all_ if all_ is not None else store.studies.find(study_ids=set(study_of.values()))
        self.by_id = {study.study_id: study for study in found}
        self._older: dict[str, str] = {
            path: study.study_id for study in all_ or () for s in study.series for path in s.source_paths
        }
        self._older_matcher = PathMatcher(self._older)
        self._by_patient: dict[str, list[Study]] = {}
        for study in found:
            patient = study.patient
            for name in {patient.patient_id, patient.patient_id.partition(":")[2], patient.pseudonym}:
                self._by_patient.setdefault(name, []).append(study)

    def _here(self, row: LabelRow) -> bool:
        return bool(row.path and self._matcher.match(row.path))

    def studies(self, row: LabelRow) -> list[Study]:
        """By path, else by study, else by patient: the first that the row fills in."""
        if row.path:
            location = self._matcher.match(row.path)
            study_id = self._study_of.get(location) or self._older.get(self._older_matcher.match(row.path), "")
        elif row.study:
            study_id = row.study if row.study in self.by_id else self._ids.study(row.study)
        else:
            named = f"{row.source}:{row.patient}" if row.source else row.patient
            return self._by_patient.get(named, []) if row.patient else []
        return [self.by_id[study_id]] if study_id in self.by_id else []


def _describe(store: Store, finder: _Finder, study: Study, row: LabelRow, problems: list[str]) -> None:
    """Fill in what the study does not say of itself."""
    study = finder.by_id[study.study_id]
    wanted = {"view": (study.view, row.view), "sex": (study.sex, row.sex), "age_y": (study.age_y, row.age_y)}
    columns = {name: new for name, (old, new) in wanted.items() if old in {"", None} and new not in {"", None}}
    if columns:
        store.studies.update(study.study_id, **columns)
        finder.by_id[study.study_id] = store.studies.get(study.study_id)
    patient = study.patient.patient_id
    if row.patient and row.patient not in {patient, patient.partition(":")[2], study.patient.pseudonym}:
        problems.append(f"Line {row.line}: the study came in under another patient, and stays there.")


def _refer(
    references: dict[tuple[str, str, str], ReferenceLabel],
    table: LabelsTable,
    study_id: str,
    row: LabelRow,
    problems: list[str],
) -> None:
    for answer in row.answers:
        key = (study_id, answer.question, answer.site.key)
        label = ReferenceLabel(table.task, study_id, answer, table.name)
        first = references.setdefault(key, label)
        if first.answer.value != answer.value:
            problems.append(f"Line {row.line}, {answer.question}: another row contradicts it; the first counts.")


def _keep_read(
    store: Store, table: LabelsTable, study: Study, reader: str, rows: Iterable[LabelRow], problems: list[str]
) -> int:
    answers: dict[tuple[str, str], Value] = {}
    kept = []
    for row in rows:
        for answer in row.answers:
            key = (answer.question, answer.site.key)
            if key not in answers:
                kept.append(answer)
            elif answers[key] != answer.value:
                problems.append(f"Line {row.line}, {answer.question}: {reader} says two things; the first counts.")
            answers.setdefault(key, answer.value)
    reader_id = re.sub(r"[^a-z0-9]+", "-", reader.lower()).strip("-") or "reader"
    digest = hashlib.sha256("\0".join((table.task, study.study_id, reader_id)).encode()).hexdigest()[:16]
    annotation = Annotation(
        annotation_id=f"an-{digest}",
        task=table.task,
        study_id=study.study_id,
        reader_id=reader_id,
        mode=Mode.INDEPENDENT,
        answers=tuple(kept),
        purpose=_PURPOSES[study.patient.part],
    )
    try:
        if reader_id not in {known.reader_id for known in store.reads.readers()}:
            store.reads.add_reader(Reader(reader_id, reader))
        store.reads.keep(annotation)
    except ConsiliumError as error:
        problems.append(f"{reader}: {error}")
        return 0
    return 1
