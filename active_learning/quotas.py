"""Quotas of a batch: at least, or at most, a share of it from a group of cases.

A group is a predicted answer, ``phenotype=malignant``, a site, ``site=hospital`` (the source of the import), or a
manufacturer, ``manufacturer=Siemens``. Quotas change the order of the picks as little as they can: a case that is
wanted more is never passed over for one of the same groups that is wanted less.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from active_learning.words import spoken
from data.errors import RoundError
from data.records import Study

SITE, MANUFACTURER = "site", "manufacturer"
"""The kinds of groups that are no answers."""
_TEXT = re.compile(r"\s*([^<>=]+=[^<>=]+?)\s*(<=|>=)\s*(\d+(?:\.\d+)?)\s*(%?)\s*\Z")


@dataclass(frozen=True, slots=True)
class Quota:
    """A bound on how many cases of a batch are of a group.

    Parameters
    ----------
    group:
        ``question=option``, ``question=finding``, ``site=name`` or ``manufacturer=name``.
    at_least, at_most:
        Shares of the cases that are wanted, 0 to 1. At least so many are rounded up, at most so many down.
    """

    group: str
    at_least: float = 0.0
    at_most: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Quota:
        """From such as ``site=hospital<=50%`` or ``phenotype=malignant>=0.2``.

        Raises
        ------
        RoundError
            It is no quota.
        """
        found = _TEXT.match(text)
        share = float(found[3]) / (100 if found[4] else 1) if found else -1.0
        if found is None or not 0 <= share <= 1:
            raise RoundError(
                "That is no quota.", given=text, expected="such as site=hospital<=50% or phenotype=malignant>=0.2",
                do="name a group, <= or >=, and a share from 0 to 1",
            )  # fmt: skip
        kind, _, name = found[1].partition("=")
        group = f"{kind.strip()}={name.strip()}"
        return cls(group, at_most=share) if found[2] == "<=" else cls(group, at_least=share)

    @property
    def said(self) -> str:
        """Such as ``at least 20% phenotype malignant``."""
        bounds = [f"at least {self.at_least:.0%}"] if self.at_least > 0 else []
        bounds += [f"at most {self.at_most:.0%}"] if self.at_most < 1 else []
        kind, _, name = self.group.partition("=")
        return f"{' and '.join(bounds)} {spoken(kind)} {name if kind in (SITE, MANUFACTURER) else spoken(name)}"

    def least(self, count: int) -> int:
        """The fewest of so many cases."""
        return math.ceil(_exact(self.at_least) * count)

    def most(self, count: int) -> int:
        """The most of so many cases."""
        return math.floor(_exact(self.at_most) * count)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A case that the quotas let in: its place in the order, and the quota without which it would not be there."""

    place: int
    quota: Quota | None = None


def fit(groups: Sequence[Collection[str]], count: int, quotas: Sequence[Quota]) -> tuple[Fitted, ...]:
    """The cases to take, in their order.

    First each group that must be there gets its seats, in the order of the quotas and of the cases; then the other
    seats are taken in the order of the cases, without those of a group that is full. Where cases are too few,
    seats stay empty.

    Parameters
    ----------
    groups:
        Of each case, the most wanted first.
    count:
        Cases that are wanted.
    """
    free = _Seats(count, quotas)
    for place, of in enumerate(groups):
        free.take(place, of)
    bound = _Seats(count, quotas)
    for quota in quotas:
        for place, of in enumerate(groups):
            if bound.held[quota.group] >= quota.least(count):
                break
            if quota.group in of:
                bound.take(place, of, quota)
    for place, of in enumerate(groups):
        bound.take(place, of)
    taken = bound.taken
    return tuple(Fitted(place, taken[place] if place not in free.taken else None) for place in sorted(taken))


class _Seats:
    """The seats of a batch while they are taken."""

    def __init__(self, count: int, quotas: Sequence[Quota]) -> None:
        self.left = count
        self.most = {quota.group: count for quota in quotas}
        for quota in quotas:
            self.most[quota.group] = min(self.most[quota.group], quota.most(count))
        self.held: Counter[str] = Counter()
        self.taken: dict[int, Quota | None] = {}

    def take(self, place: int, groups: Collection[str], quota: Quota | None = None) -> None:
        """Take a case, if it has no seat yet, there is one, and none of its groups is full."""
        of = set(groups)
        if not self.left or place in self.taken or any(self.held[g] >= self.most[g] for g in of & set(self.most)):
            return
        self.left -= 1
        self.held.update(of)
        self.taken[place] = quota


def origins(study: Study) -> tuple[str, ...]:
    """The groups of a study that are no answers."""
    source, separator, _ = study.patient.patient_id.partition(":")
    made_by = sorted({name for series in study.series if (name := series.attributes.get("manufacturer", ""))})
    named = (f"{SITE}={source}",) if separator else ()
    return (*named, *(f"{MANUFACTURER}={name}" for name in made_by))


def _exact(share: float) -> Fraction:
    """A share as it is written, so that 0.2 of 15 is 3."""
    return Fraction(str(share))
