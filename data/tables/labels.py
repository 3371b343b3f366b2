"""Reference labels that came with the data, and consensus formed here: what training and evaluation may use."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from data.answers import Answer, Site, decode_value, encode_value
from data.errors import PartError
from data.records import Consensus, ConsensusState, Origin, Part, ReferenceLabel
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now


class Labels(Table):
    """Answers that stand for the truth."""

    def add_references(self, labels: Iterable[ReferenceLabel]) -> int:
        """Keep imported labels; a label for the same study, question and site is replaced. Returns how many."""
        kept: dict[RowKey, None] = {}
        count = 0
        with self._store.write() as db:
            for label in labels:
                answer = label.answer
                row = (label.task, label.study_id, answer.question, answer.site.key)
                kept[RowKey("reference_labels", row)] = None
                db.execute(
                    "INSERT OR REPLACE INTO reference_labels VALUES (?, ?, ?, ?, ?, ?)",
                    (*row, dump(encode_value(answer.value)), label.source),
                )
                count += 1
            if count:
                self._store.log.add("labels.imported", "reference", kept, count=count)
        return count

    def references(self, task: str, *, study_ids: Collection[str] | None = None) -> list[ReferenceLabel]:
        """The imported labels of a task; of these studies, or of all."""
        sql = "SELECT * FROM reference_labels WHERE task = :task"
        if study_ids is not None:
            sql += " AND study_id IN (SELECT value FROM json_each(:ids))"
        parameters = {"task": task, "ids": dump(sorted(study_ids or ()))}
        return [
            ReferenceLabel(row["task"], row["study_id"], _answer(row), row["source"])
            for row in self._rows(f"{sql} ORDER BY study_id, question, site", parameters)
        ]

    def count_references(self, task: str) -> int:
        """How many imported labels a task has."""
        (row,) = self._rows("SELECT count(*) AS n FROM reference_labels WHERE task = ?", [task])
        return int(row["n"])

    def put_consensus(self, records: Iterable[Consensus]) -> None:
        """Keep consensus records; one of the same study, round, question and site is replaced."""
        with self._store.write() as db:
            for record in records:
                value = None if record.value is None else dump(encode_value(record.value))
                db.execute(
                    "INSERT OR REPLACE INTO consensus VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        record.task, record.study_id, record.round_id, record.question, record.site.key,
                        record.state, value, record.method, record.support, dump(record.annotations),
                        record.created_at or now(), record.probability, dump(record.quality), record.guideline,
                    ),
                )  # fmt: skip
                self._store.log.add(
                    f"consensus.{record.state}", record.study_id, [_row(record)], task=record.task,
                    question=record.question,
                )  # fmt: skip

    def replace_consensus(self, task: str, round_id: str, by_study: Mapping[str, Iterable[Consensus]]) -> None:
        """Keep what was formed of these studies in a round, in place of what was there."""
        with self._store.write() as db:
            for study_id, formed in by_study.items():
                records, before = list(formed), self.consensus(task, round_id=round_id, study_id=study_id)
                db.execute(
                    "DELETE FROM consensus WHERE task = ? AND round_id = ? AND study_id = ?",
                    (task, round_id, study_id),
                )
                withdrawn = sorted({_row(r) for r in before} - {_row(r) for r in records}, key=lambda r: r.text)
                if withdrawn:
                    self._store.log.add(
                        "consensus.withdrawn", study_id, withdrawn, task=task, round=round_id,
                        count=len(withdrawn),
                    )  # fmt: skip
                self.put_consensus(records)

    def consensus(self, task: str, *, round_id: str | None = None, study_id: str | None = None) -> list[Consensus]:
        """The consensus records of a task, of a round or study where one is named, the oldest first."""
        sql = "SELECT * FROM consensus WHERE task = :task"
        sql += " AND round_id = :round" if round_id is not None else ""
        sql += " AND study_id = :study" if study_id is not None else ""
        parameters = {"task": task, "round": round_id, "study": study_id}
        return [
            _consensus(row) for row in self._rows(f"{sql} ORDER BY created_at, study_id, question", parameters)
        ]

    def standard(self, task: str, parts: Collection[Part]) -> dict[str, tuple[Answer, ...]]:
        """The reference standard: answers by study, for the patients of these parts.

        Consensus read here goes before an imported label; the newest consensus before an older one. What is
        disputed is left out, and so is what was read before its question changed (see :class:`Guidelines`).

        Parameters
        ----------
        parts:
            Training asks for training or validation patients, evaluation for test or calibration patients; both
            in one call is refused.

        Raises
        ------
        PartError
            The parts mix what is trained on with what is measured on.
        """
        by_study: dict[str, list[Answer]] = {}
        for row in self._standing(task, parts):
            by_study.setdefault(row["study_id"], []).append(_answer(row))
        return {study_id: tuple(answers) for study_id, answers in by_study.items()}

    def origins(self, task: str, parts: Collection[Part]) -> dict[str, tuple[Origin, ...]]:
        """Where each answer of :meth:`standard` is from: in the same order, by study.

        Raises
        ------
        PartError
            The parts mix what is trained on with what is measured on.
        """
        by_study: dict[str, list[Origin]] = {}
        for row in self._standing(task, parts):
            by_study.setdefault(row["study_id"], []).append(_origin(row))
        return {study_id: tuple(origins) for study_id, origins in by_study.items()}

    def _standing(self, task: str, parts: Collection[Part]) -> list[Row]:
        """The rows that stand for the truth, by study, question and site."""
        wanted = set(parts)
        learnt, measured = {Part.TRAIN, Part.VALIDATION}, {Part.CALIBRATION, Part.TEST}
        if wanted & learnt and wanted & measured:
            raise PartError(
                "Patients to train on and patients to measure on were asked for together.",
                given=", ".join(sorted(wanted)),
                expected="train and validation, or calibration and test",
                do="ask for them apart",
            )
        sql = """
            SELECT l.* FROM reference_labels l JOIN studies USING (study_id) JOIN patients p
                USING (patient_id)
                WHERE l.task = :task AND p.part IN (SELECT value FROM json_each(:parts))
        """
        parameters = {"task": task, "parts": dump(sorted(wanted))}
        found: dict[tuple[str, str, str], Row] = {}
        for row in self._rows(sql, parameters):
            found[row["study_id"], row["question"], row["site"]] = row
        sql = """
            SELECT c.* FROM consensus c JOIN studies USING (study_id) JOIN patients p USING (patient_id)
                LEFT JOIN guidelines g ON g.task = c.task AND g.version = c.guideline
                LEFT JOIN guidelines l ON l.task = c.task
                    AND l.version = (SELECT max(version) FROM guidelines WHERE task = :task)
                WHERE c.task = :task AND c.value IS NOT NULL AND (g.version IS NULL
                    OR g.questions ->> c.question = l.questions ->> c.question)
                AND p.part IN (SELECT value FROM json_each(:parts)) ORDER BY c.created_at
        """
        for row in self._rows(sql, parameters):
            found[row["study_id"], row["question"], row["site"]] = row
        return [found[key] for key in sorted(found)]

    def assert_parts(self, study_ids: Collection[str], allowed: Collection[Part]) -> None:
        """Refuse studies whose patients serve another part.

        Raises
        ------
        PartError
            At least one does.
        """
        foreign = [
            row["study_id"]
            for row in self._rows(
                """SELECT study_id FROM studies JOIN patients p USING (patient_id)
                WHERE study_id IN (SELECT value FROM json_each(:ids))
                AND p.part NOT IN (SELECT value FROM json_each(:parts))""",
                {"ids": dump(sorted(study_ids)), "parts": dump(sorted(allowed))},
            )
        ]
        if foreign:
            raise PartError(
                f"{len(foreign)} studies belong to patients of another part.",
                given=", ".join(foreign[:5]),
                expected=f"patients of {', '.join(sorted(allowed))}",
                do="leave them out; a patient's part never changes",
            )


def _row(record: Consensus) -> RowKey:
    key = (record.task, record.study_id, record.round_id, record.question, record.site.key)
    return RowKey("consensus", key)


def _answer(row: Row) -> Answer:
    return Answer(row["question"], Site(row["site"]), decode_value(json.loads(row["value"])))


def _origin(row: Row) -> Origin:
    question, site = row["question"], Site(row["site"])
    if "round_id" in row:
        return Origin(question, site, round_id=row["round_id"], annotations=tuple(json.loads(row["annotations"])))
    return Origin(question, site, source=row["source"])


def _consensus(row: Row) -> Consensus:
    return Consensus(
        task=row["task"],
        study_id=row["study_id"],
        round_id=row["round_id"],
        question=row["question"],
        site=Site(row["site"]),
        state=ConsensusState(row["state"]),
        value=None if row["value"] is None else decode_value(json.loads(row["value"])),
        method=row["method"],
        support=row["support"],
        annotations=tuple(json.loads(row["annotations"])),
        created_at=row["created_at"],
        probability=row["probability"],
        quality=tuple((reader, share) for reader, share in json.loads(row["quality"])),
        guideline=row["guideline"],
    )
