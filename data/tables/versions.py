"""Model versions, which of them is champion, what they predicted, and how they were evaluated."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data.answers import Site, decode_value, encode_value
from data.errors import NotFoundError
from data.records import Measured, ModelVersion, Part, Prediction, QuestionPrediction
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now


@dataclass(frozen=True, slots=True)
class Championship:
    """From when on which version was champion, and why."""

    task: str
    version: str
    reason: str
    at: str


class Versions(Table):
    """What was trained and what it said."""

    def add(self, *, task: str, profile: str, manifest: str, parent: str = "", round_id: str = "") -> ModelVersion:
        """Keep a trained version under the task's next number.

        A round's candidate is kept once: asked again for the same round, the version that is there comes back.
        """
        with self._store.write() as db:
            if round_id and (row := self._one("SELECT * FROM versions WHERE round_id = ?", [round_id])):
                return ModelVersion(**row)
            row = self._one("SELECT max(number) AS n FROM versions WHERE task = ?", [task])
            number = int((row or {}).get("n") or 0) + 1
            version = ModelVersion(f"{task}-v{number}", task, number, profile, manifest, now(), parent, round_id)
            db.table("versions").insert(
                {name: getattr(version, name) for name in ModelVersion.__dataclass_fields__}
            )
            self._store.log.add(
                "version.trained", version.version, [RowKey("versions", (version.version,))],
                profile=profile, round=round_id, manifest=manifest,
            )  # fmt: skip
            return version

    def get(self, version: str) -> ModelVersion:
        """One version.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM versions WHERE version = ?", [version])
        if row is None:
            raise NotFoundError(
                "There is no such model version.", given=version, expected="<task>-v<number>",
                do="list the versions with `consilium models`",
            )  # fmt: skip
        return ModelVersion(**row)

    def all(self, task: str) -> list[ModelVersion]:
        """The versions of a task, the newest first."""
        rows = self._rows("SELECT * FROM versions WHERE task = ? ORDER BY number DESC", [task])
        return [ModelVersion(**row) for row in rows]

    def crown(self, task: str, version: str, reason: str) -> None:
        """Make a version the champion of its task. Crowning the champion again changes nothing."""
        with self._store.write() as db:
            if self.get(version).task != task:
                raise NotFoundError("The version belongs to another task.", given=version, expected=task)
            champion = self.champion(task)
            if champion is not None and champion.version == version:
                return
            sequence = db.execute(
                "INSERT INTO champions (task, version, reason, at) VALUES (?, ?, ?, ?)",
                (task, version, reason, now()),
            ).lastrowid
            crowned = RowKey("champions", (int(sequence or 0),))
            self._store.log.add("champion.crowned", version, [crowned], task=task, reason=reason)

    def champion(self, task: str) -> ModelVersion | None:
        """The champion of a task, or None while there is none."""
        row = self._one(
            """SELECT v.* FROM champions c JOIN versions v USING (version)
            WHERE c.task = ? ORDER BY c.sequence DESC LIMIT 1""",
            [task],
        )
        return ModelVersion(**row) if row else None

    def championships(self, task: str) -> list[Championship]:
        """Who was champion when, the newest first."""
        rows = self._rows(
            "SELECT task, version, reason, at FROM champions WHERE task = ? ORDER BY sequence DESC", [task]
        )
        return [Championship(**row) for row in rows]

    def put_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Keep predictions; one of the same version and study is replaced."""
        kept: dict[str, list[RowKey]] = {}
        with self._store.write() as db:
            for p in predictions:
                kept.setdefault(p.version, []).append(RowKey("predictions", (p.version, p.study_id)))
                results = [
                    {
                        "question": r.question,
                        "site": r.site.key,
                        "value": encode_value(r.value),
                        "probabilities": dict(r.probabilities),
                        "uncertainty": r.uncertainty,
                    }
                    for r in p.results
                ]
                db.execute(
                    "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        p.task, p.study_id, p.version, dump(results), p.uncertainty, p.created_at or now(),
                        dump([encode_measured(m) for m in p.measured]),
                    ),
                )  # fmt: skip
            for version, rows in kept.items():
                self._store.log.add("predictions.kept", version, rows, studies=len(rows))

    def predictions(
        self, version: str, *, study_ids: Collection[str] | None = None, parts: Collection[Part] | None = None
    ) -> dict[str, Prediction]:
        """What a version said, by study; of these studies and parts, or of all."""
        sql = "SELECT r.* FROM predictions r JOIN studies USING (study_id) JOIN patients p USING (patient_id)"
        sql += " WHERE r.version = :version"
        if study_ids is not None:
            sql += " AND r.study_id IN (SELECT value FROM json_each(:ids))"
        if parts is not None:
            sql += " AND p.part IN (SELECT value FROM json_each(:parts))"
        parameters = {"version": version, "ids": dump(sorted(study_ids or ())), "parts": dump(sorted(parts or ()))}
        return {row["study_id"]: _prediction(row) for row in self._rows(sql, parameters)}

    def predictions_of(self, study_id: str) -> list[Prediction]:
        """What every version said of a study, the newest first."""
        rows = self._rows("SELECT * FROM predictions WHERE study_id = ? ORDER BY created_at DESC", [study_id])
        return [_prediction(row) for row in rows]

    def put_evaluation(self, version: str, part: Part, result: Mapping[str, Any]) -> None:
        """Keep how a version did on the patients of a part, as JSON."""
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?)",
                (version, part, dump(dict(result)), now()),
            )
            evaluated = RowKey("evaluations", (version, str(part)))
            self._store.log.add("version.evaluated", version, [evaluated], part=part)

    def evaluation(self, version: str, part: Part = Part.TEST) -> dict[str, Any] | None:
        """How a version did on the patients of a part, as it was kept, or None."""
        row = self._one("SELECT result FROM evaluations WHERE version = ? AND part = ?", [version, part])
        return None if row is None else dict(json.loads(row["result"]))


def _prediction(row: Row) -> Prediction:
    results = tuple(
        QuestionPrediction(
            r["question"], Site(r["site"]), decode_value(r["value"]), r["probabilities"], r["uncertainty"]
        )
        for r in json.loads(row["results"])
    )
    measured = tuple(decode_measured(raw) for raw in json.loads(row["measured"]))
    return Prediction(row["task"], row["study_id"], row["version"], results, row["created_at"], measured)


def encode_measured(measured: Measured) -> dict[str, Any]:
    """A measured quantity as JSON that :func:`decode_measured` turns back."""
    return {**asdict(measured), "site": measured.site.key}


def decode_measured(raw: Mapping[str, Any]) -> Measured:
    """What :func:`encode_measured` gave."""
    lines = tuple(((a[0], a[1]), (b[0], b[1])) for a, b in raw["drawn"])
    return Measured(**{**raw, "site": Site(raw["site"]), "drawn": lines})
