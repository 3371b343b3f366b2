"""How many rows of each facet lie where in a sort, so that counting and finding a place add up numbers.

A *block* is some thousand rows that follow each other in a sort, from its first row on to the next block's. What
grows too large is cut; a block without rows falls away. All is kept in the transaction that writes the rows.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from data.tables.base import Table

SORTS: tuple[str, ...] = ("came_in", "certain", "uncertain", "patient")
"""The keys of rows, each with an index, and with blocks."""
SIZE = 10_000
"""Rows of a block that is made."""
MOST = 2 * SIZE
"""Rows of a block, about at the most."""

Place = tuple[str | float, int]
"""A row's key and number: where it stands in a sort."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A row as it is kept: its number, its facet, and its keys in the order of :data:`SORTS`."""

    number: int
    facet: int
    keys: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a sort.

    Parameters
    ----------
    first:
        Where its first row stands; None for the sort's first block, which begins before all.
    """

    block: int
    first: Place | None
    rows: int


class Blocks(Table):
    """The blocks of every task's worklist."""

    def of(self, task: str, sort: str) -> list[Block]:
        """The blocks of a sort, in its order."""
        sql = """SELECT block, key, number, rows FROM worklist_blocks WHERE task = ? AND sort = ?
            ORDER BY key, number"""
        found = self._store.db.execute(sql, [task, sort])
        return [Block(b, None if key is None else (key, number), rows) for b, key, number, rows in found]

    def counted(self, task: str, sort: str, facets: Collection[int]) -> dict[int, int]:
        """Block -> its rows of these facets; blocks without any are left out."""
        sql = """SELECT block, sum(rows) FROM worklist_counts WHERE task = ? AND sort = ?
            AND facet IN (SELECT value FROM json_each(?)) GROUP BY block"""
        return dict(self._store.db.execute(sql, [task, sort, json.dumps(list(facets))]).fetchall())

    def move(self, task: str, gone: Collection[Kept], come: Collection[Kept]) -> None:
        """Take note of rows that were taken out and put in; inside the transaction, after that."""
        for at, sort in enumerate(SORTS):
            blocks = self.of(task, sort) or [self._begin(task, sort)]
            firsts = [block.first for block in blocks[1:] if block.first is not None]
            cells: Counter[tuple[int, int]] = Counter()
            for change, rows in ((-1, gone), (1, come)):
                for row in rows:
                    block = blocks[bisect_right(firsts, (row.keys[at], row.number))]
                    cells[row.facet, block.block] += change
            self._add(task, sort, {cell: change for cell, change in cells.items() if change})
            left = {(row.keys[at], row.number) for row in gone}
            for block in blocks:
                if block.first is not None and block.first in left:
                    self._begin_later(task, sort, block.block, block.first)
            for number in self._large(task, sort):
                self._cut(task, sort, number)

    def _begin(self, task: str, sort: str) -> Block:
        self._store.db.execute("INSERT INTO worklist_blocks VALUES (?, ?, 0, NULL, 0, 0)", [task, sort])
        return Block(0, None, 0)

    def _add(self, task: str, sort: str, cells: dict[tuple[int, int], int]) -> None:
        db = self._store.db.conn
        db.executemany(
            """INSERT INTO worklist_counts VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET rows = rows + excluded.rows""",
            [(task, sort, facet, block, change) for (facet, block), change in cells.items()],
        )
        db.executemany(
            "DELETE FROM worklist_counts WHERE task = ? AND sort = ? AND facet = ? AND block = ? AND rows = 0",
            [(task, sort, *cell) for cell, change in cells.items() if change < 0],
        )
        of_block: Counter[int] = Counter()
        for (_, block), change in cells.items():
            of_block[block] += change
        db.executemany(
            "UPDATE worklist_blocks SET rows = rows + ? WHERE task = ? AND sort = ? AND block = ?",
            [(change, task, sort, block) for block, change in of_block.items()],
        )
        db.executemany(
            """DELETE FROM worklist_blocks WHERE task = ? AND sort = ? AND block = ? AND rows = 0
            AND key IS NOT NULL""",
            [(task, sort, block) for block, change in of_block.items() if change < 0],
        )

    def _begin_later(self, task: str, sort: str, block: int, first: Place) -> None:
        """Let a block begin with the first row that is left of it, so that no key of a deleted one is kept."""
        sql = f"""UPDATE worklist_blocks SET (key, number) = (SELECT r.{sort}, r.number FROM worklist_rows r
            WHERE r.task = ? AND (r.{sort}, r.number) >= (?, ?) ORDER BY r.{sort}, r.number LIMIT 1)
            WHERE task = ? AND sort = ? AND block = ?"""  # noqa: S608 - the sorts are constants
        self._store.db.execute(sql, [task, *first, task, sort, block])

    def _large(self, task: str, sort: str) -> list[int]:
        sql = "SELECT block FROM worklist_blocks WHERE task = ? AND sort = ? AND rows > ?"
        return [block for (block,) in self._store.db.execute(sql, [task, sort, MOST])]

    def _cut(self, task: str, sort: str, number: int) -> None:
        """Cut a block into such of :data:`SIZE` rows; the first keeps its number."""
        blocks = self.of(task, sort)
        at = next(i for i, block in enumerate(blocks) if block.block == number)
        start = blocks[at].first
        end = blocks[at + 1].first if at + 1 < len(blocks) else None
        clauses, values = between(sort, start, end)
        sql = f"""SELECT r.{sort}, r.number, r.facet FROM worklist_rows r INDEXED BY worklist_by_{sort}
            WHERE r.task = ? {clauses} ORDER BY r.{sort}, r.number"""  # noqa: S608 - the sorts are constants
        rows = self._store.db.execute(sql, [task, *values]).fetchall()
        new = max(block.block for block in blocks) + 1
        db = self._store.db.conn
        of_block = [task, sort, number]
        db.execute("DELETE FROM worklist_counts WHERE task = ? AND sort = ? AND block = ?", of_block)
        db.execute("DELETE FROM worklist_blocks WHERE task = ? AND sort = ? AND block = ?", of_block)
        for part, first in enumerate(range(0, len(rows), SIZE)):
            among = rows[first : first + SIZE]
            block = number if part == 0 else new + part - 1
            key, row = among[0][:2] if part else start or (None, 0)
            db.execute("INSERT INTO worklist_blocks VALUES (?, ?, ?, ?, ?, ?)",
                       [task, sort, block, key, row, len(among)])  # fmt: skip
            facets = Counter(facet for _, _, facet in among)
            db.executemany("INSERT INTO worklist_counts VALUES (?, ?, ?, ?, ?)",
                           [(task, sort, facet, block, count) for facet, count in facets.items()])  # fmt: skip


def between(sort: str, start: Place | None, end: Place | None) -> tuple[str, list[object]]:
    """Rows ``r`` from one place on and before another, in SQL, and the values; None for no bound."""
    asked = [(sign, place) for sign, place in ((">=", start), ("<", end)) if place is not None]
    sql = " ".join(f"AND (r.{sort}, r.number) {sign} (?, ?)" for sign, _ in asked)
    return sql, [value for _, place in asked for value in place]
