"""Patients, studies, series, the files that they came from, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import NotFoundError
from data.records import Layout, Part, Patient, Series, Study
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now

_JOIN = """
SELECT s.*, p.pseudonym, p.part FROM studies s JOIN patients p USING (patient_id)
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that was refused: its path, the class of refusal and the message."""

    path: str
    sha256: str
    reason: str
    message: str
    at: str = ""


class Studies(Table):
    """What came in."""

    def add(self, study: Study, files: Mapping[str, tuple[str, str]]) -> bool:
        """Keep a study, or what is new of it, in one transaction.

        Parameters
        ----------
        study:
            With its series. A study that is there already gets the series that it does not have, and keeps its
            own attributes where it has them.
        files:
            SHA-256 of each source file -> (series id, path).

        Returns
        -------
        bool
            Whether anything was new.
        """
        with self._store.write() as db:
            patient = study.patient
            db.execute(
                "INSERT OR IGNORE INTO patients (patient_id, pseudonym, part) VALUES (?, ?, ?)",
                (patient.patient_id, patient.pseudonym, patient.part),
            )
            fresh = db.execute(
                "INSERT OR IGNORE INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    study.study_id, patient.patient_id, study.modality, study.view, study.sex, study.age_y,
                    study.study_date, study.description, study.held, int(study.phantom),
                    study.ingested_at or now(),
                ),
            ).rowcount > 0  # fmt: skip
            held = study.held and not fresh and db.execute(
                "UPDATE studies SET held = ? WHERE study_id = ? AND held = ''", (study.held, study.study_id)
            ).rowcount  # fmt: skip
            for series in study.series:
                fresh = self._add_series(series) or fresh
            for sha256, (series_id, path) in files.items():
                db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?)", (sha256, series_id, path))
                db.execute("DELETE FROM refusals WHERE sha256 = ?", (sha256,))
            if fresh or held:
                rows = [RowKey("patients", (patient.pseudonym,)), RowKey("studies", (study.study_id,))]
                rows += [RowKey("series", (series.series_id,)) for series in study.series]
                event = "study.ingested" if fresh else "study.held"
                self._store.log.add(event, study.study_id, rows, series=len(study.series))
            return fresh

    def _add_series(self, series: Series) -> bool:
        row = (
            series.series_id, series.study_id, series.modality, series.layout, dump(series.shape), series.pixels,
            dump(series.spacing_mm), dump(series.affine), dump(series.window), series.description,
            dump(series.source_paths), dump(dict(series.attributes)),
        )  # fmt: skip
        marks = ", ".join("?" * len(row))
        cursor = self._store.db.execute(f"INSERT OR IGNORE INTO series VALUES ({marks})", row)  # noqa: S608
        return bool(cursor.rowcount > 0)

    def replace_series(self, series: Series, files: Mapping[str, tuple[str, str]]) -> None:
        """Put a series that has grown (more slices came) in the place of its earlier form."""
        with self._store.write() as db:
            db.execute("DELETE FROM series WHERE series_id = ?", (series.series_id,))
            self._add_series(series)
            for sha256, (series_id, path) in files.items():
                db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (sha256, series_id, path))
            row = RowKey("series", (series.series_id,))
            self._store.log.add("series.grown", series.series_id, [row], shape=list(series.shape))

    def update(self, study_id: str, **columns: str | float | None) -> None:
        """Set attributes of a study.

        Parameters
        ----------
        columns:
            ``modality``, ``view``, ``sex``, ``age_y``, ``description`` or ``held``.
        """
        with self._store.write() as db:
            self.get(study_id)
            db.table("studies").update(study_id, columns)
            row = RowKey("studies", (study_id,))
            self._store.log.add("study.updated", study_id, [row], columns=sorted(columns))

    def get(self, study_id: str) -> Study:
        """One study with its series.

        Raises
        ------
        NotFoundError
            There is none.
        """
        found = self.find(study_ids=[study_id])
        if not found:
            raise NotFoundError(
                "There is no such study.", given=study_id, expected="the id of a study that came in",
                do="list the studies with `consilium studies`",
            )  # fmt: skip
        return found[0]

    def find(
        self,
        *,
        study_ids: Collection[str] | None = None,
        parts: Collection[Part] | None = None,
        modalities: Collection[str] | None = None,
        phantom: bool | None = None,
        patient_id: str = "",
        text: str = "",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Study]:
        """Studies with their series, the newest first.

        Parameters
        ----------
        study_ids, parts, modalities:
            Only these; None for all.
        phantom:
            Only phantoms, or none.
        patient_id:
            Only studies of this patient.
        text:
            What the pseudonym, study id, view or description must contain.
        limit, offset:
            The page; no limit below 0.
        """
        where, parameters = _where(study_ids, parts, modalities, phantom, text, patient_id)
        rows = list(
            self._rows(
                f"{_JOIN} {where} ORDER BY s.ingested_at DESC, s.study_id LIMIT ? OFFSET ?",
                [*parameters, limit, offset],
            )
        )
        series = self._series_of([row["study_id"] for row in rows])
        return [_study(row, tuple(series.get(row["study_id"], ()))) for row in rows]

    def count(
        self,
        *,
        parts: Collection[Part] | None = None,
        modalities: Collection[str] | None = None,
        phantom: bool | None = None,
        text: str = "",
    ) -> int:
        """How many studies :meth:`find` would give without a page."""
        where, parameters = _where(None, parts, modalities, phantom, text)
        sql = f"SELECT count(*) AS n FROM studies s JOIN patients p USING (patient_id) {where}"  # noqa: S608
        row = self._one(sql, parameters)
        return int(row["n"]) if row else 0

    def patients(self) -> list[Patient]:
        """Every patient."""
        rows = self._rows("SELECT * FROM patients ORDER BY patient_id")
        return [Patient(r["patient_id"], r["pseudonym"], Part(r["part"])) for r in rows]

    def series(self, series_id: str) -> Series | None:
        """One series, or None."""
        row = self._one("SELECT * FROM series WHERE series_id = ?", [series_id])
        return _series(row) if row else None

    def by_path(self, path: str) -> str | None:
        """The study that a source file became part of, by the path that it had."""
        row = self._one("SELECT study_id FROM files JOIN series USING (series_id) WHERE path = ? LIMIT 1", [path])
        return row["study_id"] if row else None

    def files_of(self, series_id: str) -> dict[str, tuple[str, str]]:
        """The source files of a series: SHA-256 -> (series id, path)."""
        rows = self._rows("SELECT sha256, path FROM files WHERE series_id = ?", [series_id])
        return {row["sha256"]: (series_id, row["path"]) for row in rows}

    def known_files(self, digests: Iterable[str]) -> dict[str, str]:
        """Of these SHA-256 digests, those that came in before, with their series."""
        wanted = list(dict.fromkeys(digests))
        known: dict[str, str] = {}
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            sql = f"SELECT sha256, series_id FROM files WHERE sha256 IN ({marks})"  # noqa: S608
            known.update((row["sha256"], row["series_id"]) for row in self._rows(sql, chunk))
        return known

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Note inputs that were refused."""
        with self._store.write() as db:
            db.table("refusals").upsert_all(
                (
                    {"path": r.path, "sha256": r.sha256, "reason": r.reason, "message": r.message, "at": now()}
                    for r in refusals
                ),
                pk=("path", "sha256"),
            )

    def refusals(self, *, limit: int = 1000) -> list[Refusal]:
        """What was refused, the newest first."""
        rows = self._rows("SELECT * FROM refusals ORDER BY at DESC, path LIMIT ?", [limit])
        return [Refusal(r["path"], r["sha256"], r["reason"], r["message"], r["at"]) for r in rows]

    def _series_of(self, study_ids: Sequence[str]) -> dict[str, list[Series]]:
        by_study: dict[str, list[Series]] = {}
        for start in range(0, len(study_ids), 500):
            chunk = study_ids[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            sql = f"SELECT * FROM series WHERE study_id IN ({marks}) ORDER BY series_id"  # noqa: S608
            for row in self._rows(sql, chunk):
                by_study.setdefault(row["study_id"], []).append(_series(row))
        return by_study


def _where(
    study_ids: Collection[str] | None,
    parts: Collection[Part] | None,
    modalities: Collection[str] | None,
    phantom: bool | None,
    text: str,
    patient_id: str = "",
) -> tuple[str, list[Any]]:
    clauses: list[str] = []
    parameters: list[Any] = []
    for column, values in (("s.study_id", study_ids), ("p.part", parts), ("s.modality", modalities)):
        if values is not None:
            clauses.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - three constant columns
            parameters.append(dump(sorted(values)))
    if phantom is not None:
        clauses.append("s.phantom = ?")
        parameters.append(int(phantom))
    if patient_id:
        clauses.append("s.patient_id = ?")
        parameters.append(patient_id)
    if text:
        clauses.append(
            "instr(lower(p.pseudonym || ' ' || s.study_id || ' ' || s.view || ' ' || s.description), ?)"
        )
        parameters.append(text.lower())
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters


def _numbers(raw: str | None) -> tuple[float, ...] | None:
    values = json.loads(raw) if raw else None
    return None if values is None else tuple(values)


def _series(row: Row) -> Series:
    window = _numbers(row["window"])
    return Series(
        series_id=row["series_id"],
        study_id=row["study_id"],
        modality=row["modality"],
        layout=Layout(row["layout"]),
        shape=tuple(json.loads(row["shape"])),
        pixels=row["pixels"],
        spacing_mm=_numbers(row["spacing_mm"]),
        affine=_numbers(row["affine"]),
        window=None if window is None else (window[0], window[1]),
        description=row["description"],
        source_paths=tuple(json.loads(row["source_paths"])),
        attributes=json.loads(row["attributes"]),
    )


def _study(row: Row, series: tuple[Series, ...]) -> Study:
    return Study(
        study_id=row["study_id"],
        patient=Patient(row["patient_id"], row["pseudonym"], Part(row["part"])),
        modality=row["modality"],
        series=series,
        view=row["view"],
        sex=row["sex"],
        age_y=row["age_y"],
        study_date=row["study_date"],
        description=row["description"],
        held=row["held"],
        phantom=bool(row["phantom"]),
        ingested_at=row["ingested_at"],
    )
