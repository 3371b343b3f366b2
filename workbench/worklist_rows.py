"""Rows of the worklist in their order: a page of them, or the neighbours of one, out of a million.

Three ways lead there, chosen by how many rows the filter leaves. Few are *gathered* by facet and sorted; those
that a search names are looked up (*among*); else the order's own index is *walked*, from the nearer end.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from data.store import Store
from data.tables.worklist import Facet

FEW = 20_000
"""Rows that are gathered and sorted, at the most."""
NAMED = 10_000
"""Studies that a search names; of more, the search is called broad: its rows are not counted."""
BROAD_ROWS = 1_000
"""Rows of a broad search that can be paged through."""
LEAST_LETTERS = 3
"""Of a search that the index of words answers."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort: the key's column, and which way."""

    key: str
    descending: bool = False


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
        Whether there are more than these: a broad search is counted to :data:`BROAD_ROWS`.
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
            f"ORDER BY r.{order.key} {way}, r.number {way} LIMIT ? OFFSET ?"
        )
        found = [n for (n,) in self.store.db.execute(sql, [self.task, *self.values, taken, skipped])]
        return found[::-1] if backwards else found

    def every(self, order: Order, chunk: int) -> Iterator[list[int]]:
        """The numbers of all rows in their order, so many at once; of a broad search all of them, too."""
        way, sign = ("DESC", "<") if order.descending else ("ASC", ">")
        start, values = "", [self.task, *self.values]
        while True:
            sql = (
                f"SELECT r.{order.key}, r.number {self._from(order)} WHERE r.task = ? {self.where} {start} "
                f"ORDER BY r.{order.key} {way}, r.number {way} LIMIT ?"
            )
            found = self.store.db.execute(sql, [*values, chunk]).fetchall()
            if not found:
                return
            yield [number for _, number in found]
            start = f"AND (r.{order.key}, r.number) {sign} (?, ?)"
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
            f"AND (r.{order.key}, r.number) {sign} (?, ?) ORDER BY r.{order.key} {way}, r.number {way} LIMIT 1"
        )
        row = self.store.db.execute(sql, [self.task, *self.values, key, number]).fetchone()
        return None if row is None else int(row[0])

    def _from(self, order: Order, *, near: bool = False) -> str:
        index = "" if near else f" INDEXED BY worklist_by_{order.key}" if self.walked else self.source
        return f"FROM worklist_rows r{index}"


def select(store: Store, task: str, facets: Sequence[Facet], every: int, words: str) -> Selected:
    """The rows of these facets whose words contain a text.

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
    named = _named(store, words) if len(words) >= LEAST_LETTERS else None
    if named is not None:
        among = f"AND r.number IN (SELECT value FROM json_each(?)) {where}"  # noqa: S608 - constants
        return _counted(Selected(store, task, "", among, (json.dumps(named), *values), total), words)
    if total <= FEW:
        few = Selected(store, task, " INDEXED BY worklist_by_facet", of_facets, ids, total)
        return _counted(few, words) if words else few
    many = Selected(store, task, "", where, values, total, walked=True)
    return _broad(many, words) if words else many


def _named(store: Store, words: str) -> Collection[int] | None:
    """The numbers of the studies whose words contain a text; None where they are too many."""
    quoted = '"' + words.replace('"', '""') + '"'
    sql = "SELECT rowid FROM worklist_words WHERE worklist_words MATCH ? LIMIT ?"
    found = [number for (number,) in store.db.execute(sql, [quoted, NAMED + 1])]
    return found if len(found) <= NAMED else None


_CONTAINS = "AND instr((SELECT w.words FROM worklist_studies w WHERE w.number = r.number), ?) > 0"


def _counted(found: Selected, words: str) -> Selected:
    """The same with the words looked at row by row, and counted."""
    where, values = f"{found.where} {_CONTAINS}", (*found.values, words)
    sql = f"SELECT count(*) FROM worklist_rows r{found.source} WHERE r.task = ? {where}"  # noqa: S608
    total = int(found.store.db.execute(sql, [found.task, *values]).fetchone()[0])
    return replace(found, where=where, values=values, total=total)


def _broad(found: Selected, words: str) -> Selected:
    """The same with the words looked at on the way, and counted as far as one can page."""
    where, values = f"{found.where} {_CONTAINS}", (*found.values, words)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM worklist_rows r WHERE r.task = ? {where} LIMIT ?)"  # noqa: S608
    count = int(found.store.db.execute(sql, [found.task, *values, BROAD_ROWS + 1]).fetchone()[0])
    total = min(count, BROAD_ROWS)
    return replace(found, where=where, values=values, total=total, more=count > BROAD_ROWS)
