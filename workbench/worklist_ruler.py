"""Where rows of some facets stand in a sort: how many before a key, and those from a place on, by its blocks."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from data.store import Store
from data.tables.worklist_blocks import Block, Place, between


@dataclass(frozen=True, slots=True)
class Ruler:
    """The rows of some facets along a sort.

    Parameters
    ----------
    facets:
        None for all.
    blocks, counts:
        The sort's blocks in its order, and how many rows of the facets are in each.
    """

    store: Store
    task: str
    key: str
    facets: tuple[int, ...] | None
    blocks: tuple[Block, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.counts)

    def before(self, place: Place | None) -> int:
        """How many rows stand before a place; None for the beginning."""
        if place is None or not self.blocks:
            return 0
        at = self._block(place)
        low = self.blocks[at].first
        inside = 0
        if self.counts[at]:
            clauses, values = self._bounds(low, place)
            sql = f"SELECT count(*) {self._from} {clauses}"
            inside = int(self.store.db.execute(sql, values).fetchone()[0])
        return sum(self.counts[:at]) + inside

    def rows(self, position: int, limit: int, *, descending: bool) -> list[int]:
        """The numbers of the rows from a position on, counted from 0 in ascending order."""
        ends = list(accumulate(self.counts))
        at = bisect_right(ends, position)
        if not 0 <= position < self.total:
            return []
        skipped = ends[at] - 1 - position if descending else position - (ends[at] - self.counts[at])
        found: list[int] = []
        while 0 <= at < len(self.blocks) and len(found) < limit:
            run = self._run(at, descending=descending)
            low, high = min(at, run), max(at, run) + 1
            found += self._numbers(self._first(low), self._first(high), limit - len(found), skipped, descending)
            skipped, at = 0, self._filled(run, descending=descending)
        return found

    def next(self, place: Place, *, descending: bool) -> int | None:
        """The number of the row next to a place."""
        if not self.blocks:
            return None
        at = self._block(place)
        beyond: Place = place if descending else (place[0], place[1] + 1)
        while 0 <= at < len(self.blocks):
            if self.counts[at]:
                run = self._run(at, descending=descending)
                low, high = self._first(min(at, run)), self._first(max(at, run) + 1)
                found = (
                    self._numbers(low, beyond, 1, 0, descending) if descending
                    else self._numbers(beyond, high, 1, 0, descending)
                )  # fmt: skip
                if found:
                    return found[0]
                at = run
            at = self._filled(at, descending=descending)
        return None

    def _block(self, place: Place) -> int:
        """The index of the block in which a place is."""
        firsts = [block.first for block in self.blocks[1:] if block.first is not None]
        return bisect_right(firsts, place)

    def _first(self, at: int) -> Place | None:
        return self.blocks[at].first if at < len(self.blocks) else None

    def _run(self, at: int, *, descending: bool) -> int:
        """The last of the blocks that follow each other and have rows."""
        step = -1 if descending else 1
        while 0 <= at + step < len(self.blocks) and self.counts[at + step]:
            at += step
        return at

    def _filled(self, at: int, *, descending: bool) -> int:
        """The next block that has rows; outside where there is none."""
        step = -1 if descending else 1
        at += step
        while 0 <= at < len(self.blocks) and not self.counts[at]:
            at += step
        return at

    @property
    def _from(self) -> str:
        return f"FROM worklist_rows r INDEXED BY worklist_by_{self.key} WHERE r.task = ?"

    def _bounds(self, low: Place | None, high: Place | None) -> tuple[str, list[object]]:
        """From one place on, before another, of the facets, in SQL, and the values."""
        clauses, values = between(self.key, low, high)
        if self.facets is not None:
            clauses += " AND r.facet IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(self.facets))
        return clauses, [self.task, *values]

    def _numbers(
        self, low: Place | None, high: Place | None, limit: int, offset: int, descending: bool
    ) -> list[int]:
        clauses, values = self._bounds(low, high)
        way = "DESC" if descending else "ASC"
        sql = (
            f"SELECT r.number {self._from} {clauses} ORDER BY r.{self.key} {way}, r.number {way} LIMIT ? OFFSET ?"
        )
        return [number for (number,) in self.store.db.execute(sql, [*values, limit, offset])]


def ruler(store: Store, task: str, key: str, facets: Sequence[int] | None) -> Ruler:
    """The ruler of a sort; see :class:`Ruler`."""
    blocks = store.worklists.blocks.of(task, key)
    if facets is None:
        counts = {block.block: block.rows for block in blocks}
    else:
        counts = store.worklists.blocks.counted(task, key, facets)
    return Ruler(store, task, key, None if facets is None else tuple(facets), tuple(blocks),
                 tuple(counts.get(block.block, 0) for block in blocks))  # fmt: skip
