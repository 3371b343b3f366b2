"""The reference standard that readers and models are held against, item by item, and how it came.

A reader's own vote would make a reference lenient to that reader. Where it is in a consensus, and where there is
no consensus yet, a reader is held against what more than half of the other readers said; an adjudicator had no
vote, and imported labels know of none, so that those stand for everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_learning.accuracy import majority_of_others
from active_learning.ratings import NOT_READ, Ratings
from data.answers import Choice, Findings, Grade, Kind, Value
from data.records import Consensus, ConsensusState, ReferenceLabel


class Source(StrEnum):
    """How a reference came."""

    AGREED = "agreed"
    """The readers' consensus."""
    ADJUDICATED = "adjudicated"
    """An adjudicator who had no vote."""
    IMPORTED = "imported"
    """It came with the data."""
    OTHERS = "majority of the other readers"
    """Made for one reader, without that reader's vote."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for the truth of one question at one site of one study; ``votes`` are the annotations in it."""

    value: Value
    source: Source
    votes: frozenset[str] = frozenset()


def standing(consensus: Iterable[Consensus], labels: Iterable[ReferenceLabel]) -> dict[tuple[str, str], Standing]:
    """What stands, by (question, item). Consensus goes before an imported label, a newer one before an older one.

    An item is a study and a site, as in :class:`active_learning.ratings.Ratings`.

    Parameters
    ----------
    consensus:
        The oldest first; disputed ones say nothing.
    """
    found = {
        (label.answer.question, f"{label.study_id} {label.answer.site.key}"): Standing(
            label.answer.value, Source.IMPORTED
        )
        for label in labels
    }
    for one in consensus:
        if one.value is not None:
            source = Source.ADJUDICATED if one.state == ConsensusState.ADJUDICATED else Source.AGREED
            key = (one.question, f"{one.study_id} {one.site.key}")
            found[key] = Standing(one.value, source, frozenset(one.annotations))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Against:
    """What one reader, or the model, is held against.

    Parameters
    ----------
    truth:
        (items,) indices of options, :data:`active_learning.ratings.NOT_READ` where there is none.
    sources:
        (items,) how each came; empty where there is none.
    """

    truth: NDArray[np.int16]
    sources: tuple[str, ...]

    def counts(self, used: NDArray[np.bool_]) -> dict[str, int]:
        """How many of some items came which way, in the order of :class:`Source`."""
        tally = Counter(source for source, kept in zip(self.sources, used, strict=True) if kept and source)
        return {source.value: tally[source] for source in Source if tally[source]}


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference standard of one topic: a question, or one finding of it.

    Parameters
    ----------
    independent:
        The independent reads: what a reference without a reader's own vote is made of.
    standings:
        By item: (index of the option, how it came, the readers with a vote in it).
    """

    independent: Ratings
    standings: Mapping[str, tuple[int, Source, frozenset[str]]]
    _others: dict[str, dict[str, int]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        kind: Kind,
        question: str,
        label: str,
        independent: Ratings,
        standings: Mapping[tuple[str, str], Standing],
        readers: Mapping[str, str],
    ) -> Reference:
        """The reference of a topic.

        Parameters
        ----------
        readers:
            The reader of each annotation, by its id.
        """
        found = {}
        for (name, item), one in standings.items():
            place = option_index(kind, label, one.value) if name == question else None
            if place is not None:
                found[item] = place, one.source, frozenset(readers[v] for v in one.votes if v in readers)
        return cls(independent, found)

    def stands(self, items: Sequence[str]) -> Against:
        """What stands for everybody, the model among them."""
        rows = [self.standings.get(item) for item in items]
        truth = np.array([NOT_READ if row is None else row[0] for row in rows], dtype=np.int16)
        return Against(truth, tuple("" if row is None else row[1].value for row in rows))

    def without(self, reader: str, items: Sequence[str]) -> Against:
        """The same without a reader's own vote."""
        if reader not in self._others:
            self._others[reader] = self._majorities(reader)
        others = self._others[reader]
        truth, sources = [], []
        for item in items:
            row = self.standings.get(item)
            if row is None or (row[1] is Source.AGREED and reader in row[2]):
                truth.append(others.get(item, NOT_READ))
                sources.append(Source.OTHERS.value if item in others else "")
            else:
                truth.append(row[0])
                sources.append(row[1].value)
        return Against(np.array(truth, dtype=np.int16), tuple(sources))

    def _majorities(self, reader: str) -> dict[str, int]:
        said = majority_of_others(self.independent, reader)
        return {item: int(v) for item, v in zip(self.independent.items, said, strict=True) if v != NOT_READ}


def option_index(kind: Kind, label: str, value: Value) -> int | None:
    """The index of what a value says, among a topic's options; None for what has none (masks, measurements)."""
    match kind:
        case Choice(options) if isinstance(value, str) and value in options:
            return options.index(value)
        case Grade() if isinstance(value, int):
            return value
        case Findings() if isinstance(value, frozenset):
            return int(label in value)
    return None
