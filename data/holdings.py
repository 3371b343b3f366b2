"""What a home holds, counted in the database: patients, studies, refusals, labels, copies. No record is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.answers import STUDY, Value, decode_value
from data.records import Part
from data.store import Store
from data.tables.studies import Refusal

LEARNT, MEASURED = (Part.TRAIN, Part.VALIDATION), (Part.CALIBRATION, Part.TEST)


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much there is.

    Parameters
    ----------
    parts:
        Patients by part; every part is named.
    held:
        Studies that wait for a person to look at them.
    """

    patients: int
    studies: int
    series: int
    files: int
    phantoms: int
    held: int
    parts: Mapping[Part, int]


def holdings(store: Store) -> Holdings:
    """Count what came in."""
    counted = dict(store.db.execute("SELECT part, count(*) FROM patients GROUP BY part").fetchall())
    studies, phantoms, held = store.db.execute(
        "SELECT count(*), coalesce(sum(phantom), 0), coalesce(sum(held <> ''), 0) FROM studies"
    ).fetchone()
    parts = {part: int(counted.get(part.value, 0)) for part in Part}
    return Holdings(
        sum(parts.values()), studies, _count(store, "series"), _count(store, "files"), phantoms, held, parts
    )


def _count(store: Store, table: str) -> int:
    return int(store.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Kindred:
    """Studies of a modality and view. ``parts`` are patients by part: a patient may have studies of several."""

    modality: str
    view: str
    studies: int
    held: int
    parts: Mapping[Part, int]


def by_view(store: Store) -> list[Kindred]:
    """Studies by modality and view, the most frequent first."""
    sql = """SELECT s.modality, s.view, p.part, count(*) AS studies, sum(s.held <> '') AS held,
        count(DISTINCT s.patient_id) AS patients
        FROM studies s JOIN patients p USING (patient_id) GROUP BY 1, 2, 3"""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.db.query(sql):
        found.setdefault((row["modality"], row["view"]), []).append(row)
    made = [
        Kindred(modality, view, sum(r["studies"] for r in rows), sum(r["held"] for r in rows),
                _of_parts({r["part"]: r["patients"] for r in rows}))
        for (modality, view), rows in found.items()
    ]  # fmt: skip
    return sorted(made, key=lambda one: (-one.studies, one.modality, one.view))


def _of_parts(counted: Mapping[str, int]) -> dict[Part, int]:
    return {part: int(counted.get(part.value, 0)) for part in Part}


# -- what was refused --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """Refusals of one class: how many, and when the last was."""

    reason: str
    count: int
    last: str


def refusal_groups(store: Store) -> list[RefusalGroup]:
    """The classes of refusal, the most frequent first."""
    sql = "SELECT reason, count(*) AS n, max(at) AS last FROM refusals GROUP BY reason ORDER BY n DESC, reason"
    return [RefusalGroup(row["reason"], row["n"], row["last"]) for row in store.db.query(sql)]


def refused(store: Store, reason: str, *, limit: int, offset: int = 0) -> list[Refusal]:
    """What was refused for a reason, the newest first."""
    sql = "SELECT * FROM refusals WHERE reason = ? ORDER BY at DESC, path LIMIT ? OFFSET ?"
    rows = store.db.query(sql, [reason, limit, offset])
    return [Refusal(r["path"], r["sha256"], r["reason"], r["message"], r["at"]) for r in rows]


# -- the reference standard --------------------------------------------------------------------------------

_STANDING = """
WITH newest AS (SELECT max(version) AS version FROM guidelines WHERE task = :task),
counted AS (
    SELECT c.study_id, c.question, c.site, c.value, c.state, row_number() OVER (
        PARTITION BY c.study_id, c.question, c.site ORDER BY c.created_at DESC, c.rowid DESC) AS place
    FROM consensus c
    LEFT JOIN guidelines g ON g.task = c.task AND g.version = c.guideline
    LEFT JOIN guidelines l ON l.task = c.task AND l.version = (SELECT version FROM newest)
    WHERE c.task = :task AND c.value IS NOT NULL
        AND (g.version IS NULL OR g.questions ->> c.question = l.questions ->> c.question)
),
agreed AS (SELECT study_id, question, site, value, state FROM counted WHERE place = 1),
standing AS (
    SELECT study_id, question, site, value, state FROM agreed
    UNION ALL
    SELECT study_id, question, site, value, 'imported' FROM reference_labels l
    WHERE task = :task AND NOT EXISTS (SELECT 1 FROM agreed a WHERE a.study_id = l.study_id
        AND a.question = l.question AND a.site = l.site)
)
"""
"""What :meth:`data.tables.labels.Labels.standard` gives, with where each answer is from."""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """An answer to a question of the whole study: how many studies have it, and patients by part."""

    question: str
    value: Value
    studies: int
    studies_by_part: Mapping[Part, int]
    parts: Mapping[Part, int]


def classes(store: Store, task: str) -> list[ClassCount]:
    """The reference standard of a task by question and answer. A set of findings counts once for each of them."""
    sql = f"""{_STANDING}, asked AS (SELECT study_id, question, value FROM standing WHERE site = :site),
        said AS (
            SELECT study_id, question, value FROM asked
            WHERE json_type(value) <> 'object' OR json_array_length(value, '$.findings') = 0
            UNION ALL
            SELECT a.study_id, a.question, json_object('findings', json_array(j.value))
            FROM asked a, json_each(a.value, '$.findings') j WHERE json_type(a.value) = 'object'
        )
        SELECT t.question, t.value, p.part, count(*) AS studies, count(DISTINCT s.patient_id) AS patients
        FROM said t JOIN studies s USING (study_id) JOIN patients p USING (patient_id)
        GROUP BY 1, 2, 3"""  # noqa: S608 - constants
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.db.query(sql, {"task": task, "site": STUDY.key}):
        found.setdefault((row["question"], row["value"]), []).append(row)
    return [
        ClassCount(question, decode_value(json.loads(value)), sum(r["studies"] for r in rows),
                   _of_parts({r["part"]: r["studies"] for r in rows}),
                   _of_parts({r["part"]: r["patients"] for r in rows}))
        for (question, value), rows in sorted(found.items())
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Answers that stand for the truth, by where they are from.

    Parameters
    ----------
    origin:
        ``imported``, ``agreed`` or ``adjudicated``.
    """

    origin: str
    answers: int
    studies: int
    patients: int


def label_origins(store: Store, task: str) -> list[LabelCount]:
    """Where the answers of a task's reference standard are from."""
    sql = f"""{_STANDING} SELECT t.state, count(*) AS answers, count(DISTINCT t.study_id) AS studies,
        count(DISTINCT s.patient_id) AS patients FROM standing t JOIN studies s USING (study_id)
        GROUP BY 1 ORDER BY 2 DESC"""  # noqa: S608 - constants
    rows = store.db.query(sql, {"task": task})
    return [LabelCount(r["state"], r["answers"], r["studies"], r["patients"]) for r in rows]


def labelled(store: Store, task: str) -> dict[Part, int]:
    """Patients with any answer of a task's reference standard, by part."""
    sql = f"""{_STANDING} SELECT p.part, count(*) AS patients FROM (SELECT DISTINCT s.patient_id FROM (
            SELECT study_id FROM agreed UNION SELECT study_id FROM reference_labels WHERE task = :task
        ) JOIN studies s USING (study_id)) JOIN patients p USING (patient_id) GROUP BY 1"""  # noqa: S608 - constants
    return _of_parts({r["part"]: r["patients"] for r in store.db.query(sql, {"task": task})})


def has_labels(store: Store, task: str) -> bool:
    """Whether there is any answer that may stand for the truth."""
    sql = """SELECT EXISTS (SELECT 1 FROM reference_labels WHERE task = :task)
        OR EXISTS (SELECT 1 FROM consensus WHERE task = :task AND value IS NOT NULL)"""
    return bool(store.db.execute(sql, {"task": task}).fetchone()[0])


# -- copies ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SamePixels:
    """Two studies of two patients with a series of the same pixels; the one to learn from first."""

    one: str
    other: str
    one_part: Part
    other_part: Part

    @property
    def across(self) -> bool:
        """Whether one is to learn from and the other to measure on."""
        return (self.one_part in LEARNT) != (self.other_part in LEARNT)


def same_pixels(store: Store, *, limit: int = 200) -> list[SamePixels]:
    """Studies of different patients that show the same pixels, those across learning and measuring first."""
    sql = """WITH several AS (SELECT pixels FROM series GROUP BY pixels HAVING count(DISTINCT study_id) > 1)
        SELECT DISTINCT a.study_id AS one, b.study_id AS other, p.part AS one_part, q.part AS other_part
        FROM several JOIN series x USING (pixels) JOIN series y USING (pixels)
        JOIN studies a ON a.study_id = x.study_id JOIN studies b ON b.study_id = y.study_id
        JOIN patients p ON p.patient_id = a.patient_id JOIN patients q ON q.patient_id = b.patient_id
        WHERE a.patient_id <> b.patient_id AND (
            (p.part IN ('train', 'validation') AND q.part IN ('calibration', 'test'))
            OR ((p.part IN ('train', 'validation')) = (q.part IN ('train', 'validation'))
                AND a.study_id < b.study_id))
        ORDER BY (p.part IN ('train', 'validation')) = (q.part IN ('train', 'validation')), 1, 2 LIMIT ?"""
    rows = store.db.query(sql, [limit])
    return [SamePixels(r["one"], r["other"], Part(r["one_part"]), Part(r["other_part"])) for r in rows]


def pseudonyms(store: Store, study_ids: Sequence[str]) -> dict[str, str]:
    """Study -> the patient's pseudonym; studies that are gone are missing."""
    sql = """SELECT s.study_id, p.pseudonym FROM json_each(?) AS asked JOIN studies s ON s.study_id = asked.value
        JOIN patients p USING (patient_id)"""
    return {r["study_id"]: r["pseudonym"] for r in store.db.query(sql, [json.dumps(list(study_ids))])}
