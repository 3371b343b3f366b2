"""Operating points of triage, what was cleared by them, and what watches over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from data.errors import NotFoundError, TriageError
from data.records import (
    CalibrationCase,
    Clearance,
    ConformalSets,
    Metric,
    TriageAlarm,
    TriageLook,
    TriagePolicy,
    Watched,
)
from data.tables.base import Row, Table, dump, fresh_id, now


class Triage(Table):
    """Policies, clearances, looks and alarms."""

    def keep(self, policy: TriagePolicy, cases: Sequence[CalibrationCase]) -> TriagePolicy:
        """Keep an operating point with the calibration cases that it was made from. It rules from now on."""
        kept = replace(policy, policy_id=fresh_id("tp"), made_at=now())
        columns = asdict(kept)
        for name in ("target", "cleared", "omission", "sets"):
            columns[name] = None if columns[name] is None else dump(columns[name])
        with self._store.write() as db:
            db.table("triage_policies").insert(columns)
            for case in cases:
                positive = None if case.positive is None else int(case.positive)
                db.execute(
                    "INSERT INTO triage_calibration VALUES (?, ?, ?, ?)",
                    (kept.policy_id, case.study_id, positive, case.score),
                )
            self._store.log.add(
                "triage.planned", kept.policy_id, task=kept.task, version=kept.version, miss=kept.miss,
                confidence=kept.confidence, threshold=kept.threshold, pathological=kept.pathological,
                missed=kept.missed, bound=round(kept.bound, 6), digest=kept.digest,
            )  # fmt: skip
        return kept

    def policy(self, task: str, version: str) -> TriagePolicy | None:
        """The operating point that rules for a version: the newest that was made for it; None where none was."""
        row = self._one(
            """SELECT * FROM triage_policies WHERE task = ? AND version = ?
            ORDER BY made_at DESC, policy_id LIMIT 1""",
            [task, version],
        )
        return _policy(row) if row else None

    def policies(self, task: str) -> list[TriagePolicy]:
        """Every operating point of a task, the newest first."""
        rows = self._rows("SELECT * FROM triage_policies WHERE task = ? ORDER BY made_at DESC", [task])
        return [_policy(row) for row in rows]

    def cases(self, policy_id: str) -> list[CalibrationCase]:
        """The calibration cases that an operating point was made from, save for those deleted since."""
        rows = self._rows(
            "SELECT study_id, positive, score FROM triage_calibration WHERE policy_id = ? ORDER BY study_id",
            [policy_id],
        )
        return [
            CalibrationCase(r["study_id"], None if r["positive"] is None else bool(r["positive"]), r["score"])
            for r in rows
        ]

    def only_phantoms(self, policy_id: str) -> bool:
        """Whether no person is among the calibration cases of an operating point."""
        row = self._one(
            """SELECT count(*) AS persons FROM triage_calibration JOIN studies USING (study_id)
            WHERE policy_id = ? AND phantom = 0""",
            [policy_id],
        )
        return not row or not row["persons"]

    def put_strange(self, policy_id: str, reasons: Mapping[str, str]) -> None:
        """Keep which studies are unlike the calibration patients', and why."""
        with self._store.write() as db:
            for study_id, reason in reasons.items():
                db.execute("INSERT OR REPLACE INTO triage_strange VALUES (?, ?, ?)", (policy_id, study_id, reason))

    def strange(self, policy_id: str, study_id: str) -> str:
        """Why a study is unlike the calibration patients'; empty where it was not found to be."""
        row = self._one(
            "SELECT reason FROM triage_strange WHERE policy_id = ? AND study_id = ?", [policy_id, study_id]
        )
        return str(row["reason"]) if row else ""

    def clear(self, clearances: Iterable[Clearance]) -> int:
        """Keep what was cleared; a study that the policy has cleared already stays as it is. Returns how many."""
        given = list(clearances)
        fresh = 0
        with self._store.write() as db:
            for policy_id in sorted({c.policy_id for c in given}):
                row = self._one("SELECT task FROM triage_policies WHERE policy_id = ?", [policy_id])
                if row and self.alarms(row["task"], standing=True):
                    raise TriageError(
                        "Automatic clearing is stopped: an alarm stands.", given=row["task"],
                        expected="no alarm that stands",
                        do=f"see `consilium triage status {row['task']}`; lift it with `consilium triage resume`",
                    )  # fmt: skip
            for c in given:
                cursor = db.execute(
                    "INSERT OR IGNORE INTO clearances VALUES (?, ?, ?, ?, ?)",
                    (c.policy_id, c.study_id, c.score, int(c.audit), c.at or now()),
                )
                if cursor.rowcount > 0:
                    fresh += 1
                    self._store.log.add(
                        "triage.cleared", c.study_id, policy=c.policy_id, score=round(c.score, 6), audit=c.audit
                    )
        return fresh

    def clearances(self, policy_id: str) -> list[Clearance]:
        """What a policy has cleared, in the order in which it was."""
        rows = self._rows("SELECT * FROM clearances WHERE policy_id = ? ORDER BY at, study_id", [policy_id])
        return [Clearance(r["policy_id"], r["study_id"], r["score"], bool(r["audit"]), r["at"]) for r in rows]

    def look(self, look: TriageLook) -> TriageLook:
        """Keep a look at what is watched."""
        kept = replace(look, at=look.at or now())
        with self._store.write() as db:
            db.execute(
                "INSERT INTO triage_looks VALUES (?, ?, ?, ?, ?)",
                (kept.policy_id, kept.watched, kept.number, dump(dict(kept.figures)), kept.at),
            )
            self._store.log.add(
                "triage.looked", kept.policy_id, watched=kept.watched, number=kept.number, **dict(kept.figures)
            )
        return kept

    def looks(self, policy_id: str, watched: Watched | None = None) -> list[TriageLook]:
        """The looks under a policy, the newest first; at one thing, or at all."""
        rows = self._rows(
            """SELECT * FROM triage_looks WHERE policy_id = :policy AND (:watched IS NULL OR watched = :watched)
            ORDER BY at DESC, number DESC""",
            {"policy": policy_id, "watched": watched},
        )
        return [
            TriageLook(r["policy_id"], Watched(r["watched"]), r["number"], json.loads(r["figures"]), r["at"])
            for r in rows
        ]

    def alarm(self, policy: TriagePolicy, watched: Watched, sentence: str) -> TriageAlarm:
        """Raise an alarm: nothing is cleared until it is lifted. One that stands already is not raised twice."""
        with self._store.write() as db:
            for standing in self.alarms(policy.task, standing=True):
                if (standing.policy_id, standing.watched) == (policy.policy_id, watched):
                    return standing
            raised = TriageAlarm(fresh_id("ta"), policy.policy_id, policy.task, watched, sentence, now())
            db.execute(
                "INSERT INTO triage_alarms VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (raised.alarm_id, raised.policy_id, raised.task, raised.watched, raised.sentence,
                 raised.raised_at, "", ""),
            )  # fmt: skip
            self._store.log.add(
                "triage.alarm", raised.alarm_id, task=policy.task, policy=policy.policy_id, watched=watched,
                sentence=sentence,
            )  # fmt: skip
            return raised

    def alarms(self, task: str, *, standing: bool = False) -> list[TriageAlarm]:
        """The alarms of a task, the newest first; those that stand, or all.

        An alarm stands until a curator lifts it, also where another policy has taken the place of the one that it
        was raised on: what drifted then may still be so.
        """
        rows = self._rows("SELECT * FROM triage_alarms WHERE task = ? ORDER BY raised_at DESC, alarm_id", [task])
        found = [TriageAlarm(**{**row, "watched": Watched(row["watched"])}) for row in rows]
        return [alarm for alarm in found if alarm.stands] if standing else found

    def resume(self, task: str, reason: str) -> list[TriageAlarm]:
        """Lift every alarm of a task that stands; the reason goes to the log.

        Raises
        ------
        TriageError
            The reason is missing.
        NotFoundError
            No alarm stands.
        """
        if not reason.strip():
            raise TriageError(
                "Lifting an alarm needs a reason.", given="none", expected="a sentence",
                do="say what was found, and why clearing may go on",
            )  # fmt: skip
        with self._store.write() as db:
            standing = self.alarms(task, standing=True)
            if not standing:
                raise NotFoundError(
                    "No alarm stands.", given=task, expected="an alarm that stopped clearing",
                    do=f"see `consilium triage status {task}`",
                )  # fmt: skip
            lifted = [replace(alarm, lifted_at=now(), reason=reason.strip()) for alarm in standing]
            for alarm in lifted:
                db.execute(
                    "UPDATE triage_alarms SET lifted_at = ?, reason = ? WHERE alarm_id = ?",
                    (alarm.lifted_at, alarm.reason, alarm.alarm_id),
                )
                self._store.log.add("triage.resumed", alarm.alarm_id, task=task, reason=alarm.reason)
            return lifted


def _policy(row: Row) -> TriagePolicy:
    raw: dict[str, Any] = {
        **row,
        "target": {name: tuple(options) for name, options in json.loads(row["target"]).items()},
        "cleared": Metric(**json.loads(row["cleared"])),
        "omission": None if row["omission"] is None else Metric(**json.loads(row["omission"])),
        "stated": bool(row["stated"]),
        "sets": tuple(_sets(one) for one in json.loads(row["sets"])),
    }
    return TriagePolicy(**raw)


def _sets(raw: Mapping[str, Any]) -> ConformalSets:
    names = ("options", "thresholds", "counts")
    return ConformalSets(**{**raw, **{name: tuple(raw[name]) for name in names}})
