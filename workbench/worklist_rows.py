"""Rows of the worklist in their order: a page of them, or the neighbours of one, out of a million.

Three ways lead there, chosen by how many rows the filter leaves. Few are *gathered* by facet, or by the index of
a range, and sorted; those that a search names are looked up (*among*); else the order's own index is *walked*,
from the nearer end. Facets know their numbers; within a range rows are counted, up to a bound.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from data.store import Store
from data.tables.worklist import LAST, Facet

FEW = 20_000
"""Rows that are gathered and sorted, at the most."""
NAMED = 10_000
"""Studies that a search names; of more, the search is called broad: its rows are not counted."""
BROAD_ROWS = 1_000
"""Rows of a broad search that can be paged through."""
RANGE_ROWS = 10_000
"""Rows of a range that are counted, and can be paged through."""
LEAST_LETTERS = 3
"""Of a search that the index of words answers."""


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
    def index(self) -> str:
        """Whose index is read to count the rows; empty where there is no range."""
        key = "came_in" if self.since or self.before else "uncertain" if self.doubt else ""
        return f" INDEXED BY worklist_by_{key}" if key else ""

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


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows that a filter leaves, and how to get at them.

    Parameters
    ----------
    total:
        How many can be paged through.
    walked:
        Whether the order's own index is walked.
    more:
        Whether there are more than these: a broad search is counted to :data:`BROAD_ROWS`, a range to
        :data:`RANGE_ROWS`.
    """

    store: Store
    task: str
    source: str
    where: str
    values: tuple[object, ...]
    total: int
    walked: bool = False
    more: bool = False

    def page(self, order: Order, offset: int, limit: int) -> list[int]:
        """The numbers of some rows in their order."""
        left = self.total - offset
        if left <= 0:
            return []
        backwards = self.walked and not self.more and offset > left
        skipped, taken = (max(0, left - limit), min(limit, left)) if backwards else (offset, limit)
        way = "DESC" if order.descending != backwards else "ASC"
        sql = (
            f"SELECT r.number {self._from(order)} WHERE r.task = ? {self.where} "
            f"ORDER BY {self._key(order)} {way}, r.number {way} LIMIT ? OFFSET ?"
        )
        found = [n for (n,) in self.store.db.execute(sql, [self.task, *self.values, taken, skipped])]
        return found[::-1] if backwards else found

    def every(self, order: Order, chunk: int) -> Iterator[list[int]]:
        """The numbers of all rows in their order, so many at once; all of them where not all are counted, too."""
        way, sign = ("DESC", "<") if order.descending else ("ASC", ">")
        start, values = "", [self.task, *self.values]
        while True:
            sql = (
                f"SELECT r.{order.key}, r.number {self._from(order)} WHERE r.task = ? {self.where} {start} "
                f"ORDER BY {self._key(order)} {way}, r.number {way} LIMIT ?"
            )
            found = self.store.db.execute(sql, [*values, chunk]).fetchall()
            if not found:
                return
            yield [number for _, number in found]
            start = f"AND ({self._key(order)}, r.number) {sign} (?, ?)"
            values = [self.task, *self.values, *found[-1]]

    def beside(self, order: Order, number: int) -> tuple[int | None, int | None]:
        """The numbers of the rows before and after one; None at an end, and where the row is none of these."""
        sql = f"SELECT r.{order.key} {self._from(order, near=True)} WHERE r.task = ? AND r.number = ? {self.where}"
        row = self.store.db.execute(sql, [self.task, number, *self.values]).fetchone()
        if row is None:
            return None, None
        return self._next(order, row[0], number, after=False), self._next(order, row[0], number, after=True)

    def _next(self, order: Order, key: object, number: int, *, after: bool) -> int | None:
        way, sign = ("ASC", ">") if order.descending != after else ("DESC", "<")
        sql = (
            f"SELECT r.number {self._from(order)} WHERE r.task = ? {self.where} "
            f"AND ({self._key(order)}, r.number) {sign} (?, ?) "
            f"ORDER BY {self._key(order)} {way}, r.number {way} LIMIT 1"
        )
        row = self.store.db.execute(sql, [self.task, *self.values, key, number]).fetchone()
        return None if row is None else int(row[0])

    def _key(self, order: Order) -> str:
        """The sort's column; with a sign that keeps SQLite from its index where rows are looked up by number."""
        return f"r.{order.key}" if self.walked or self.source else f"+r.{order.key}"

    def _from(self, order: Order, *, near: bool = False) -> str:
        index = "" if near else f" INDEXED BY worklist_by_{order.key}" if self.walked else self.source
        return f"FROM worklist_rows r{index}"


def select(
    store: Store, task: str, facets: Sequence[Facet], every: int, words: str, span: Span = EVERYTHING
) -> Selected:
    """The rows of these facets, in a range, whose words contain a text.

    Parameters
    ----------
    every:
        Rows of the task without any filter.
    words:
        In lower case; empty for all.
    """
    total = sum(facet.rows for facet in facets)
    of_facets = "AND r.facet IN (SELECT value FROM json_each(?))"
    ids = (json.dumps([facet.facet for facet in facets]),)
    where, values = ("", ()) if total == every else (of_facets, ids)
    within, bounds = span.clauses()
    named = _named(store, words) if len(words) >= LEAST_LETTERS else None
    if named is not None:
        among = f"AND r.number IN (SELECT value FROM json_each(?)) {where} {within}"  # noqa: S608 - constants
        return _counted(
            _worded(Selected(store, task, "", among, (json.dumps(named), *values, *bounds), total), words)
        )
    if total <= FEW:
        by_facet = " INDEXED BY worklist_by_facet"
        few = Selected(store, task, by_facet, f"{of_facets} {within}", (*ids, *bounds), total)
        return _counted(_worded(few, words)) if words or within else few
    many = Selected(store, task, "", f"{where} {within}", (*values, *bounds), total, walked=True)
    if words:
        return _bounded(_worded(many, words), BROAD_ROWS, span.index)
    return _bounded(many, RANGE_ROWS, span.index) if within else many


def _named(store: Store, words: str) -> Collection[int] | None:
    """The numbers of the studies whose words contain a text; None where they are too many."""
    quoted = '"' + words.replace('"', '""') + '"'
    sql = "SELECT rowid FROM worklist_words WHERE worklist_words MATCH ? LIMIT ?"
    found = [number for (number,) in store.db.execute(sql, [quoted, NAMED + 1])]
    return found if len(found) <= NAMED else None


_CONTAINS = "AND instr((SELECT w.words FROM worklist_studies w WHERE w.number = r.number), ?) > 0"


def _worded(found: Selected, words: str) -> Selected:
    """The same with the words looked at row by row; not counted."""
    if not words:
        return found
    return replace(found, where=f"{found.where} {_CONTAINS}", values=(*found.values, words))


def _counted(found: Selected) -> Selected:
    """The same, counted."""
    sql = f"SELECT count(*) FROM worklist_rows r{found.source} WHERE r.task = ? {found.where}"  # noqa: S608
    return replace(found, total=int(found.store.db.execute(sql, [found.task, *found.values]).fetchone()[0]))


def _bounded(found: Selected, most: int, index: str) -> Selected:
    """The same, counted as far as one can page; those of a range that are not more are gathered by its index."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM worklist_rows r{index} WHERE r.task = ? {found.where} LIMIT ?)"  # noqa: S608
    count = int(found.store.db.execute(sql, [found.task, *found.values, most + 1]).fetchone()[0])
    if count > most:
        return replace(found, total=most, more=True)
    return replace(found, total=count, source=index, walked=not index)
