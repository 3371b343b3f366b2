"""Rows of the worklist in their order: a page of them, or the neighbours of one, out of a million.

Three ways: rows are *gathered* by an index of few and sorted; *measured* along the order, whose blocks say where a
page begins; or the order's index is *walked*, from the nearer end where their number is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.store import Store
from workbench.worklist_filter import Order, Span
from workbench.worklist_ruler import Ruler, ruler

GATHERED_COST = 2
"""What gathering and sorting a row costs, beside walking past one."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows that a filter leaves, and how to get at them.

    Parameters
    ----------
    facets:
        None for all.
    source:
        The index by which rows are gathered, in SQL; empty where each is looked up by its number.
    where, values:
        What is asked of a row besides its task, in SQL, and the values.
    total:
        How many can be paged through.
    gathered:
        Rows that are looked at when they are gathered; 0 where they never are, None where they always are.
    every:
        Rows of the task without any filter.
    more:
        Whether there are more than ``total``.
    words:
        Whether ``where`` looks at the words of each row.
    """

    store: Store
    task: str
    facets: tuple[int, ...] | None
    span: Span
    source: str
    where: str
    values: tuple[object, ...]
    total: int
    gathered: int | None = None
    every: int = 0
    more: bool = False
    words: bool = False

    def page(self, order: Order, offset: int, limit: int) -> list[int]:
        """The numbers of some rows in their order."""
        left = self.total - offset
        if left <= 0:
            return []
        if self._measured(order):
            return self._on_ruler(order, offset, min(limit, left))
        walked = self._walked(offset, limit)
        backwards = walked and not self.more and offset > left
        skipped, taken = (max(0, left - limit), min(limit, left)) if backwards else (offset, limit)
        way = "DESC" if order.descending != backwards else "ASC"
        sql = (
            f"SELECT r.number {self._from(order, walked=walked)} WHERE r.task = ? {self.where} "
            f"ORDER BY {self._key(order, walked=walked)} {way}, r.number {way} LIMIT ? OFFSET ?"
        )
        found = [n for (n,) in self.store.db.execute(sql, [self.task, *self.values, taken, skipped])]
        return found[::-1] if backwards else found

    def in_chunks(self, order: Order, chunk: int) -> Iterator[list[int]]:
        """The numbers of all rows in their order, so many at once; all of them where not all are counted, too."""
        way, sign = ("DESC", "<") if order.descending else ("ASC", ">")
        start, values = "", [self.task, *self.values]
        walked = self.gathered is not None
        while True:
            sql = (
                f"SELECT r.{order.key}, r.number {self._from(order, walked=walked)} WHERE r.task = ? {self.where} "
                f"{start} ORDER BY {self._key(order, walked=walked)} {way}, r.number {way} LIMIT ?"
            )
            found = self.store.db.execute(sql, [*values, chunk]).fetchall()
            if not found:
                return
            yield [number for _, number in found]
            start = f"AND ({self._key(order, walked=walked)}, r.number) {sign} (?, ?)"
            values = [self.task, *self.values, *found[-1]]

    def beside(self, order: Order, number: int) -> tuple[int | None, int | None]:
        """The numbers of the rows before and after one; None at an end, and where the row is none of these."""
        key = self._of(number, f"r.{order.key}")
        if key is None:
            return None, None
        return self._next(order, key, number, after=False), self._next(order, key, number, after=True)

    def _of(self, number: int, column: str) -> str | float | None:
        """A column of a row; None where the row is none of these."""
        sql = f"SELECT {column} FROM worklist_rows r WHERE r.task = ? AND r.number = ? {self.where}"  # noqa: S608
        row = self.store.db.execute(sql, [self.task, number, *self.values]).fetchone()
        found: str | float | None = None if row is None else row[0]
        return found

    def _next(self, order: Order, key: str | float, number: int, *, after: bool) -> int | None:
        descending = order.descending == after
        if self._measured(order):
            found = self._ruler(order).next((key, number), descending=descending)
            return None if found is None or self._of(found, "r.number") is None else found
        way, sign = ("DESC", "<") if descending else ("ASC", ">")
        walked = self.gathered is not None
        sql = (
            f"SELECT r.number {self._from(order, walked=walked)} WHERE r.task = ? {self.where} "
            f"AND ({self._key(order, walked=walked)}, r.number) {sign} (?, ?) "
            f"ORDER BY {self._key(order, walked=walked)} {way}, r.number {way} LIMIT 1"
        )
        row = self.store.db.execute(sql, [self.task, *self.values, key, number]).fetchone()
        return None if row is None else int(row[0])

    # -- ways ----------------------------------------------------------------------------------------------

    def _measured(self, order: Order) -> bool:
        """Whether the blocks of an order know where rows stand: nothing but facets and the order's own range."""
        return self.gathered is not None and not self.more and not self.words and self.span.along(order.key)

    def _ruler(self, order: Order) -> Ruler:
        return ruler(self.store, self.task, order.key, self.facets)

    def _on_ruler(self, order: Order, offset: int, limit: int) -> list[int]:
        along = self._ruler(order)
        start, end = self.span.ends(order.key)
        first = along.before(start)
        position = (along.total if end is None else along.before(end)) - 1 - offset if order.descending \
            else first + offset  # fmt: skip
        return along.rows(position, limit, descending=order.descending)

    def _walked(self, offset: int, limit: int) -> bool:
        """Whether walking to a page is quicker than gathering all rows."""
        if self.gathered is None:
            return False
        if self.more or not self.gathered:
            return True
        far = (min(offset, self.total - offset) + limit) * self.every // self.total
        return far < GATHERED_COST * self.gathered

    def _key(self, order: Order, *, walked: bool) -> str:
        """The sort's column; with a sign that keeps SQLite from its index where rows are looked up by number."""
        return f"r.{order.key}" if walked or self.source else f"+r.{order.key}"

    def _from(self, order: Order, *, walked: bool) -> str:
        return f"FROM worklist_rows r{f' INDEXED BY worklist_by_{order.key}' if walked else self.source}"
