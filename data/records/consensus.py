"""What the readers' answers came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from data.answers import Site, Value


class ConsensusState(StrEnum):
    """What became of the readers' answers to one question."""

    AGREED = "agreed"
    DISPUTED = "disputed"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the readers agreed on one question at one site.

    Parameters
    ----------
    value:
        None while it is disputed.
    method:
        The rule, such as ``majority``.
    support:
        Share of the readers who gave that answer, 0 to 1.
    annotations:
        The annotations it came from.
    probability:
        That the answer is right, as the rule estimates it; while it is disputed, of the likeliest answer. None
        where the rule estimates none.
    quality:
        Pairs of (reader, estimated probability that an answer of that reader to this question is right).
    guideline:
        The version of the guideline that the reads followed.
    """

    task: str
    study_id: str
    round_id: str
    question: str
    site: Site
    state: ConsensusState
    value: Value | None
    method: str
    support: float
    annotations: tuple[str, ...]
    created_at: str = ""
    probability: float | None = None
    quality: tuple[tuple[str, float], ...] = ()
    guideline: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer of the reference standard is from: a round's consensus, or an import.

    Parameters
    ----------
    round_id, annotations:
        The round, and the reads that it was formed of; empty for an imported label.
    source:
        The file or rule that an imported label is from; empty for a consensus.
    """

    question: str
    site: Site
    round_id: str = ""
    annotations: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An adjudicator's decision on a case.

    Parameters
    ----------
    annotation_id, revision:
        The adjudicator's answers.
    why:
        The reason in the adjudicator's words.
    appeal_of:
        The decision that was appealed against; empty for a first one.
    """

    decision_id: str
    task: str
    study_id: str
    round_id: str
    reader_id: str
    annotation_id: str
    revision: int
    why: str
    appeal_of: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Appeal:
    """An objection to a decision; there is one at the most. Another adjudicator decides on it.

    Parameters
    ----------
    reader_id:
        Who objects: one of the case's readers, or empty for the curator.
    """

    decision_id: str
    reader_id: str
    reason: str
    created_at: str = ""
