"""A batch before it is opened: its cases with reasons and expected minutes, and what it is made of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from active_learning.acquisition import Candidate
from active_learning.quotas import MANUFACTURER, SITE
from data.records import BatchItem, Mode, Part, Purpose
from data.tables.base import dump


@dataclass(frozen=True, slots=True)
class ProposedCase:
    """A case of a batch that is not opened yet.

    Parameters
    ----------
    label:
        The patient's pseudonym.
    groups:
        Predicted answers, site and manufacturer, such as ``phenotype=malignant``.
    seconds:
        Expected of readers, all reads of the case together.
    again:
        Whether it has been read before.
    """

    item: BatchItem
    label: str
    part: Part
    groups: tuple[str, ...]
    seconds: float
    again: bool

    @classmethod
    def of(cls, item: BatchItem, candidate: Candidate) -> ProposedCase:
        """A chosen candidate."""
        study = candidate.study
        again = item.purpose == Purpose.ACQUISITION and candidate.dispute is not None
        return cls(item, study.label, study.patient.part, candidate.groups, candidate.seconds, again)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The batch that opening a round now would give.

    Parameters
    ----------
    plan:
        As JSON, of :class:`active_learning.plan.RoundPlan`.
    champion:
        The version whose predictions were used; empty without one.
    strategy:
        The way to choose that was taken; empty: the most doubtful first.
    """

    task: str
    plan: Mapping[str, Any]
    champion: str
    strategy: str
    cases: tuple[ProposedCase, ...]

    @property
    def items(self) -> tuple[BatchItem, ...]:
        """The batch."""
        return tuple(case.item for case in self.cases)

    @property
    def batch(self) -> str:
        """A name that two proposals share only if they hold the same cases for the same reasons in one order."""
        named = dump([self.task, self.champion, [asdict(item) for item in self.items]])
        return hashlib.sha256(named.encode()).hexdigest()[:12]

    @property
    def minutes(self) -> float:
        """Expected of readers, all reads together."""
        return sum(case.seconds for case in self.cases) / 60

    def composition(self) -> dict[str, dict[str, int]]:
        """How many cases there are by part, reason, site, manufacturer, and predicted answer of each question."""
        found: dict[str, Counter[str]] = {
            "part": Counter(),
            "reason": Counter(),
            SITE: Counter(),
            MANUFACTURER: Counter(),
        }
        for case in self.cases:
            found["part"][case.part.value] += 1
            found["reason"][_kind(case)] += 1
            for group in case.groups:
                kind, _, name = group.partition("=")
                found.setdefault(kind, Counter())[name] += 1
        return {kind: dict(counts.most_common()) for kind, counts in found.items() if counts}

    def as_dict(self) -> dict[str, Any]:
        """The proposal as JSON."""
        cases = [{**asdict(case.item), "label": case.label, "part": case.part.value, "groups": list(case.groups),
                  "seconds": round(case.seconds, 3), "again": case.again} for case in self.cases]  # fmt: skip
        return {
            "task": self.task, "batch": self.batch, "plan": dict(self.plan), "champion": self.champion,
            "strategy": self.strategy, "minutes": round(self.minutes, 2), "composition": self.composition(),
            "cases": cases,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Proposal:
        """The proposal back from JSON."""
        return cls(raw["task"], raw["plan"], raw["champion"], raw["strategy"], tuple(_cases(raw["cases"])))


def _cases(listed: Iterable[Mapping[str, Any]]) -> Iterable[ProposedCase]:
    for raw in listed:
        item = BatchItem(raw["study_id"], Purpose(raw["purpose"]), Mode(raw["mode"]), raw["score"], raw["reason"])
        yield ProposedCase(
            item, raw["label"], Part(raw["part"]), tuple(raw["groups"]), raw["seconds"], raw["again"]
        )


def _kind(case: ProposedCase) -> str:
    """Why a case is there, in a word or two."""
    if case.item.purpose == Purpose.ACQUISITION:
        return "read again" if case.again else "new"
    return "audit" if case.item.purpose == Purpose.AUDIT else "drawn at random"
