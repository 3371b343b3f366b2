"""The ingest itself: files in, studies kept, every file accounted for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data.blobs import Blobs
from data.errors import DamagedFileError
from data.home import Home
from data.ingest.found import Facts
from data.ingest.identity import Ids
from data.ingest.imported import apply_labels
from data.ingest.labels import LabelRow, LabelsTable, PathMatcher
from data.ingest.pool import Pool
from data.ingest.report import IngestReport
from data.ingest.scratch import Scratch
from data.ingest.sources import Source, Unusable, walk
from data.ingest.stacks import OpenGroup, Plan, plan, series_of
from data.ingest.work import Built, Failed, Known, Lost, Outcome, ReadFile, Refused, Setup, Slice, Task, Whole
from data.records import Patient, Series, Study
from data.store import Store
from data.tables.studies import Refusal

Progress = Callable[[int, int, str], None]

TIMEOUT_S = 120.0
FAST_BYTES = 512 << 20
"""How many bytes of slices may wait in memory; the others wait on the disk."""
IDLE_FILES = 1000
"""A group of slices is put together once so many other files have come since its last slice."""


def ingest(
    home: Home,
    paths: Sequence[Path],
    *,
    source: str = "",
    labels: LabelsTable | None = None,
    workers: int = 2,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring files in.

    A file comes in once, by its SHA-256, however often it is given. A file that cannot come in never stops the
    others. An ingest that was broken off can be run again and loses nothing.

    Parameters
    ----------
    home:
        Where the records and pixels are kept.
    paths:
        Files, folders and ZIP archives.
    source:
        Where the files are from: part of every patient's id, so that the same number of two hospitals is two
        patients. Without one it is ``dicom`` or, for files without a header, ``file``.
    labels:
        A table of :func:`data.ingest.labels.read_labels`: who the patient is, what the view is, and labels.
    workers:
        Decoding processes.
    timeout_s:
        Seconds that one file may take.
    progress:
        Called with (files done, files in all, what was done last).

    Raises
    ------
    IngestError
        The decoding processes cannot start.
    BlobError, StoreError
        Pixels or records could not be kept (a full disk, say). What is kept stays; run it again.
    """
    home.prepare()
    store = Store.of(home)
    with Scratch(home) as scratch, Pool(workers, Setup(home, scratch.disk, scratch.fast, timeout_s)) as pool:
        return _Run(home, store, pool, source, labels, progress).run(paths)


class _Run:
    """One ingest while it is under way."""

    def __init__(
        self,
        home: Home,
        store: Store,
        pool: Pool,
        source: str,
        labels: LabelsTable | None,
        progress: Progress | None,
    ) -> None:
        self.home = home
        self.store = store
        self.blobs = Blobs.of(home)
        self.ids = Ids(home.secret("key"))
        self.pool, self.source, self.labels, self.progress = pool, source, labels, progress
        self.rows: dict[str, LabelRow] = {}
        self.studies_rows: dict[str, LabelRow] = {}
        self.study_of: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.patients: dict[str, Patient] = {}
        self.groups: dict[str, OpenGroup] = {}
        self.plans: dict[str, Plan] = {}
        self.refusals: list[Refusal] = []
        self.notes: list[str] = []
        self.total = self.done = self.ingested = self.duplicates = self.pictures = 0
        self.grown: set[str] = set()
        self.waiting_bytes = 0

    def run(self, paths: Sequence[Path]) -> IngestReport:
        """All of it."""
        sources: list[Source] = []
        known = self.labels.mask_files if self.labels is not None else frozenset()
        for found in walk(paths, leave_out=self.home.path.absolute(), known=known):
            self.total += 1
            if isinstance(found, Unusable):
                self._refuse(found.location, "", found.error.reason, str(found.error))
            else:
                sources.append(found)
        self._read_rows(sources)
        waiting = iter(sources)
        more = True
        while more or self.pool.outstanding or self.groups:
            while more and self.pool.outstanding < 4 * self.pool.workers:
                if (source := next(waiting, None)) is None:
                    more = False
                else:
                    self.pool.submit(ReadFile(source, fast=self.waiting_bytes < FAST_BYTES))
            self._close_groups(everything=not more and not self.pool.reading)
            for task, outcome in self.pool.collect():
                self._take(task, outcome)
        self.store.studies.refuse(self.refusals)
        return self._report()

    def _read_rows(self, sources: Sequence[Source]) -> None:
        """Which file each row of the table means: a patient must be known before the patient's files are kept."""
        if self.labels is None:
            return
        matcher = PathMatcher(source.location for source in sources)
        for row in self.labels.rows:
            if row.path and (location := matcher.match(row.path)):
                self.rows.setdefault(location, row)
            elif row.study and not row.path:
                self.studies_rows.setdefault(row.study, row)

    def _take(self, task: Task, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            raise outcome.error
        if isinstance(task, ReadFile):
            self._take_file(task.source.location, outcome)
        elif isinstance(outcome, Built):
            self._keep_stack(self.plans.pop(task.key), outcome)
        elif isinstance(outcome, Lost):
            self._lose_stack(self.plans.pop(task.key), outcome)

    def _take_file(self, location: str, outcome: Outcome) -> None:
        words = "refused"
        if isinstance(outcome, Lost):
            error = DamagedFileError(
                "The file could not be decoded.", given=outcome.message, do="export the file again"
            )
            self._refuse(location, "", error.reason, str(error))
        elif isinstance(outcome, Refused):
            self._refuse(location, outcome.sha256, outcome.reason, outcome.message)
        elif isinstance(outcome, Known):
            words = "known"
            self._duplicate(location, outcome.series_id)
        elif isinstance(outcome, Whole | Slice):
            words = self._take_image(location, outcome)
        self.done += 1
        if self.progress is not None:
            self.progress(len(self.refusals) + self.ingested + self.duplicates, self.total, f"{words}: {location}")

    def _take_image(self, location: str, outcome: Whole | Slice) -> str:
        facts = self._described(location, outcome.facts)
        series_id = self.ids.series(facts.series_key)
        if outcome.sha256 in self.seen:
            if isinstance(outcome, Slice):
                Path(outcome.pixels.path).unlink(missing_ok=True)
            self._duplicate(location, self.seen[outcome.sha256], study_id=self.ids.study(facts.study_key))
            return "known"
        self.seen[outcome.sha256] = series_id
        self.study_of[location] = self.ids.study(facts.study_key)
        if isinstance(outcome, Slice):
            group = self.groups.setdefault(series_id, OpenGroup(series_id))
            group.slices.append((replace(outcome, facts=facts), location))
            group.last = self.done
            self.waiting_bytes += outcome.pixels.nbytes
            self.ingested += 1
            return "read"
        return self._keep_whole(location, replace(outcome, facts=facts), series_id)

    def _described(self, location: str, facts: Facts) -> Facts:
        """The facts with what the table says where the header says nothing."""
        row = self._row(location, facts)
        if row is None:
            return facts
        return replace(
            facts,
            view=facts.view or row.view,
            sex=facts.sex or row.sex,
            age_y=facts.age_y if facts.age_y is not None else row.age_y,
            modality=row.modality if facts.kind != "dicom" and row.modality else facts.modality,
        )

    def _row(self, location: str, facts: Facts) -> LabelRow | None:
        return (
            self.rows.get(location)
            or self.studies_rows.get(facts.study_uid or "\0")
            or self.studies_rows.get(self.ids.study(facts.study_key))
        )

    def _keep_whole(self, location: str, whole: Whole, series_id: str) -> str:
        facts = whole.facts
        study = self._study(location, facts)
        series = Series(
            series_id=series_id,
            study_id=study.study_id,
            modality=facts.modality,
            layout=facts.layout,
            shape=whole.shape,
            pixels=whole.pixels,
            spacing_mm=facts.spacing_mm,
            affine=facts.affine,
            window=facts.window,
            description=facts.series_description,
            source_paths=(location,),
            attributes=facts.attributes,
        )
        known = self.store.studies.series(series_id) is not None
        self.store.studies.add(replace(study, series=(series,)), {whole.sha256: (series_id, location)})
        self._name_modality(study)
        if known:
            self.duplicates += 1
            return "known"
        self.ingested += 1
        self.pictures += facts.kind != "dicom"
        self.grown.add(series_id)
        return "kept"

    def _study(self, location: str, facts: Facts) -> Study:
        """The record of a file's study. A study that is here keeps its patient."""
        study_id = self.ids.study(facts.study_key)
        row = self._row(location, facts)
        named = row.patient if row is not None else ""
        source = (row.source if row is not None else "") or self.source
        patient = self.ids.patient(facts, named=named, source=source)
        if study_id not in self.patients:
            kept = self.store.studies.find(study_ids=[study_id])
            self.patients[study_id] = kept[0].patient if kept else patient
        if patient.patient_id != self.patients[study_id].patient_id:
            own = self.patients[study_id].pseudonym
            self._note(f"Study {study_id} came under several patients; it stays with {own}.")
        return Study(
            study_id=study_id,
            patient=self.patients[study_id],
            modality=facts.modality,
            view=facts.view,
            sex=facts.sex,
            age_y=facts.age_y,
            study_date=facts.study_date,
            description=facts.description,
            held=facts.held,
            phantom=facts.phantom,
        )

    def _name_modality(self, study: Study) -> None:
        """A study is named by its images, not by the captures and maps beside them."""
        if study.modality != "OT" and self.store.studies.get(study.study_id).modality == "OT":
            self.store.studies.update(study.study_id, modality=study.modality)

    def _close_groups(self, *, everything: bool) -> None:
        """Put groups together that are complete, as far as one can tell."""
        for series_id, group in list(self.groups.items()):
            idle = self.done - group.last > IDLE_FILES
            if (everything or idle) and series_id not in self.plans:
                del self.groups[series_id]
                self._close_group(group)

    def _close_group(self, group: OpenGroup) -> None:
        base = self.store.studies.series(group.key)
        planned = plan(group, group.key, base, self.blobs)
        if planned.adds_nothing:
            self._release(planned)
            self.ingested -= len(group.slices)
            self.duplicates += len(group.slices)
            self._add_files(planned)
            return
        self.plans[group.key] = planned
        self.pool.submit(planned.task)

    def _add_files(self, planned: Plan) -> None:
        assert planned.base is not None  # noqa: S101 - only where there is one to add to
        first = planned.group.slices[0]
        study = self._study(first[1], planned.group.facts)
        self.store.studies.add(replace(study, study_id=planned.base.study_id), _files(planned))

    def _keep_stack(self, planned: Plan, built: Built) -> None:
        group = planned.group
        study = self._study(group.slices[0][1], group.facts)
        series = series_of(planned, study.study_id, built)
        with self.store.write():
            current = self.store.studies.series(series.series_id)
            if (current.pixels if current else "") != (planned.base.pixels if planned.base else ""):
                # another ingest was faster: once more, on what it kept
                self.groups.setdefault(group.key, OpenGroup(group.key)).slices.extend(group.slices)
                return
            if current is None:
                self.store.studies.add(replace(study, series=(series,)), _files(planned))
            else:
                files = self.store.studies.files_of(series.series_id)
                self.store.studies.replace_series(
                    replace(series, study_id=current.study_id), files | _files(planned)
                )
        self._release(planned)
        self._name_modality(study)
        self.grown.add(series.series_id)
        copies = [i for i in planned.arrangement.dropped if isinstance(planned.pages[i], Slice)]
        self.ingested -= len(copies)
        self.duplicates += len(copies)
        if planned.arrangement.reason:
            self._note(
                f"Series {series.series_id} is kept as frames, not as a volume. {planned.arrangement.reason}"
            )
        if planned.arrangement.dropped:
            count = len(planned.arrangement.dropped)
            self._note(f"Series {series.series_id}: {count} exact copies of slices were left out.")

    def _lose_stack(self, planned: Plan, lost: Lost) -> None:
        for slice_, location in planned.group.slices:
            error = DamagedFileError("The series could not be put together.", given=lost.message)
            self._refuse(location, slice_.sha256, error.reason, str(error))
            self.ingested -= 1
        self._release(planned)

    def _release(self, planned: Plan) -> None:
        """Slices that are kept, or not needed, wait no longer."""
        for slice_, _ in planned.group.slices:
            Path(slice_.pixels.path).unlink(missing_ok=True)
            self.waiting_bytes -= slice_.pixels.nbytes

    def _duplicate(self, location: str, series_id: str, *, study_id: str = "") -> None:
        self.duplicates += 1
        if not study_id:
            series = self.store.studies.series(series_id)
            study_id = series.study_id if series else ""
        if study_id:
            self.study_of[location] = study_id

    def _refuse(self, location: str, sha256: str, reason: str, message: str) -> None:
        self.refusals.append(Refusal(location, sha256, reason, message))

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def _report(self) -> IngestReport:
        studies = tuple(sorted(set(self.study_of.values())))
        labels = None
        if self.labels is not None:
            labels = apply_labels(self.store, self.labels, self.study_of, self.ids)
        return IngestReport(
            files=self.total,
            ingested=self.ingested,
            duplicates=self.duplicates,
            refused=tuple(self.refusals),
            studies=studies,
            series=len(self.grown),
            held=sum(bool(study.held) for study in self.store.studies.find(study_ids=studies)),
            pictures=self.pictures,
            notes=tuple(self.notes),
            labels=labels,
        )


def _files(planned: Plan) -> dict[str, tuple[str, str]]:
    return {slice_.sha256: (planned.series_id, path) for slice_, path in planned.group.slices}
