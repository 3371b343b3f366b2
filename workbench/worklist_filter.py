"""What is asked of the worklist: which studies, within which range, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum

from data.tables.worklist import LAST
from data.tables.worklist_blocks import Place

PAGE_SIZE = 50
PAGE_SIZES = (25, PAGE_SIZE, 100, 200)
"""Rows of a page that can be chosen."""
_AFTER_ALL = 2**62
"""A number above that of any row."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort: the key's column, and which way."""

    key: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The range in which rows lie; empty and 0 for all.

    Parameters
    ----------
    since, before:
        ISO dates, UTC: came in on the first or later, and before the second.
    doubt:
        Uncertainty at least, 0 to 1; what has none is left out.
    """

    since: str = ""
    before: str = ""
    doubt: float = 0.0

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are bounded."""
        asked = (("came_in", self.since or self.before), ("uncertain", self.doubt))
        return tuple(key for key, bounded in asked if bounded)

    def along(self, key: str) -> bool:
        """Whether no other key is bounded: the rows in the range follow each other in its order."""
        own = {"certain": "uncertain"}.get(key, key)
        return all(bounded == own for bounded in self.keys)

    def ends(self, key: str) -> tuple[Place | None, Place | None]:
        """Where the rows in the range begin in the ascending order of a key, and what follows them."""
        if key == "came_in":
            return (self.since, 0) if self.since else None, (self.before, 0) if self.before else None
        if key == "uncertain" and self.doubt:
            return None, (-self.doubt, _AFTER_ALL)
        if key == "certain" and self.doubt:
            return (self.doubt, 0), (LAST, 0)
        return None, None

    def clauses(self) -> tuple[str, tuple[object, ...]]:
        """The range in SQL, and its values; both keys of the uncertainty, for the order's own index to use."""
        parts = (
            ("AND r.came_in >= ?", self.since, (self.since,)),
            ("AND r.came_in < ?", self.before, (self.before,)),
            ("AND r.uncertain <= ? AND r.certain >= ? AND r.certain < ?", self.doubt,
             (-self.doubt, self.doubt, LAST)),
        )  # fmt: skip
        asked = [(sql, values) for sql, given, values in parts if given]
        return " ".join(sql for sql, _ in asked), tuple(value for _, values in asked for value in values)


EVERYTHING = Span()


class Standing(StrEnum):
    """How far a study is in a task."""

    IN_ROUND = "in round"
    """A reader has it, or will."""
    REFERENCE = "reference"
    """There is a reference standard."""
    READ = "read"
    """Somebody read it; nothing is agreed."""
    POOL = "pool"
    """Nobody was asked."""


class Sort(StrEnum):
    """The order of the rows."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    UNCERTAIN = "uncertain first"
    CERTAIN = "certain first"
    PSEUDONYM = "pseudonym"


ORDERS: Mapping[Sort, Order] = {
    Sort.NEWEST: Order("came_in", descending=True),
    Sort.OLDEST: Order("came_in"),
    Sort.UNCERTAIN: Order("uncertain"),
    Sort.CERTAIN: Order("certain"),
    Sort.PSEUDONYM: Order("patient"),
}
"""What is alike stands in the order in which it came to the worklist; backwards where the newest come first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which studies, in which order. Empty text stands for all.

    Parameters
    ----------
    text:
        What pseudonym, study id, view or description must contain.
    answer:
        ``question=value`` of the champion's answer.
    held:
        Only studies that are held for a person.
    since, until:
        ISO dates, UTC: came in on the first or later, on the second or earlier.
    doubt:
        Uncertainty at least, above 0 and up to 1; 0 for all, with what was not predicted.
    size:
        Rows of a page, one of :data:`PAGE_SIZES`.
    """

    text: str = ""
    answer: str = ""
    part: str = ""
    modality: str = ""
    view: str = ""
    standing: str = ""
    held: bool = False
    since: str = ""
    until: str = ""
    doubt: float = 0.0
    sort: str = Sort.NEWEST.value
    page: int = 1
    size: int = PAGE_SIZE

    def query(self) -> dict[str, str]:
        """The filter as query parameters; what is as by default is left out."""
        plain = Filter()
        values = {name: value for name, value in asdict(self).items() if value != getattr(plain, name)}
        return {name: "1" if value is True else str(value) for name, value in values.items()}

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Filter:
        """The filter back from query parameters; what does not fit is passed over."""
        plain = {name: query.get(name, "") for name in ("text", "answer", "part", "modality", "view")}
        standing, order = query.get("standing", ""), query.get("sort", "")
        page, size = query.get("page", "1"), query.get("size", "")
        return cls(
            text=plain["text"],
            answer=plain["answer"],
            part=plain["part"],
            modality=plain["modality"],
            view=plain["view"],
            standing=standing if standing in set(Standing) else "",
            sort=order if order in set(Sort) else Sort.NEWEST.value,
            held=query.get("held") in ("1", "true"),
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            doubt=_share(query.get("doubt", "")),
            page=int(page) if page.isdecimal() and 0 < int(page) < 10**6 else 1,
            size=int(size) if size in map(str, PAGE_SIZES) else PAGE_SIZE,
        )

    @property
    def span(self) -> Span:
        """The range of days and uncertainty."""
        last = date.fromisoformat(self.until) if self.until else date.max
        before = "" if last == date.max else (last + timedelta(days=1)).isoformat()
        return Span(self.since, before, self.doubt)

    @property
    def of_model(self) -> bool:
        """Whether it tells of the model's answers: such a list is not for a reader."""
        return bool(self.answer or self.doubt or self.sort in (Sort.UNCERTAIN, Sort.CERTAIN))


def _day(given: str) -> str:
    """An ISO date; empty for what is none."""
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        return ""


def _share(given: str) -> float:
    """A number above 0 and up to 1; 0 for what is none."""
    try:
        share = float(given)
    except ValueError:
        return 0.0
    return share if 0 < share <= 1 else 0.0
