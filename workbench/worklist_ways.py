"""Which rows of the worklist a filter leaves, how many they are, and by which way they are got.

Facets know their numbers; of a range the blocks of its sort do. Rows within both days and uncertainty, and of a
search that fits many, are counted one by one, up to a bound.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from data.store import Store
from data.tables.worklist import Facet
from workbench.worklist_filter import EVERYTHING, Span
from workbench.worklist_rows import Selected
from workbench.worklist_ruler import ruler

FEW = 20_000
"""Rows that are gathered and sorted, at the most."""
NAMED = 10_000
"""Studies that a search names; of more, the search is called broad: its rows are not counted."""
BROAD_ROWS = 1_000
"""Rows of a broad search that can be paged through."""
RANGE_ROWS = 10_000
"""Rows within days and uncertainty that are counted at a time: up to the page that is asked for, and so far on."""
LEAST_LETTERS = 3
"""Of a search that the index of words answers."""
_OF_FACETS = "AND r.facet IN (SELECT value FROM json_each(?))"
_CONTAINS = "AND instr((SELECT w.words FROM worklist_studies w WHERE w.number = r.number), ?) > 0"


def select(
    store: Store,
    task: str,
    facets: Sequence[Facet],
    every: int,
    words: str,
    span: Span = EVERYTHING,
    reach: int = 0,
) -> Selected:
    """The rows of these facets, in a range, whose words contain a text.

    Parameters
    ----------
    every:
        Rows of the task without any filter.
    words:
        In lower case; empty for all.
    reach:
        Rows up to the page that is asked for.
    """
    total = sum(facet.rows for facet in facets)
    ids = None if total == every else tuple(facet.facet for facet in facets)
    where, values = ("", ()) if ids is None else (_OF_FACETS, (json.dumps(ids),))
    within, bounds = span.clauses()
    found = Selected(store, task, ids, span, "", f"{where} {within}", (*values, *bounds), total, every=every)
    named = _named(store, words) if len(words) >= LEAST_LETTERS else None
    if named is not None:
        return _counted(_worded(_among(found, named), words))
    if total <= FEW:
        of_facets = (json.dumps([facet.facet for facet in facets]), *bounds)
        few = replace(found, source=_by("facet"), where=f"{_OF_FACETS} {within}", values=of_facets)
        return _counted(_worded(few, words)) if words or within else few
    source, looked_at = _narrowest(found)
    found = replace(found, source=source, gathered=looked_at)
    if words:
        return _broad(_worded(found, words))
    if len(span.keys) > 1:
        found = _bounded(found, RANGE_ROWS * (1 + reach // RANGE_ROWS))
    elif span.keys:
        found = replace(found, total=looked_at if ids is None else _within(found, span.keys[0], ids))
    return found if found.more or found.total > FEW else replace(found, gathered=None)


def _by(key: str) -> str:
    return f" INDEXED BY worklist_by_{key}"


def _within(found: Selected, key: str, facets: tuple[int, ...] | None) -> int:
    """Rows of facets within the range of a sort."""
    along = ruler(found.store, found.task, key, facets)
    start, end = found.span.ends(key)
    last = along.total if end is None else along.before(end)
    return max(0, last - along.before(start))  # nothing lies in a range that ends before it begins


def _narrowest(found: Selected) -> tuple[str, int]:
    """The index by which the fewest rows are looked at to see all that fit, and how many; none where all fit."""
    ways = [(_within(found, key, None), _by(key)) for key in found.span.keys]
    if found.facets is not None:
        ways.append((found.total, _by("facet")))
    rows, source = min(ways, default=(0, ""))
    return source, rows


def _named(store: Store, words: str) -> Collection[int] | None:
    """The numbers of the studies whose words contain a text; None where they are too many."""
    quoted = '"' + words.replace('"', '""') + '"'
    sql = "SELECT rowid FROM worklist_words WHERE worklist_words MATCH ? LIMIT ?"
    found = [number for (number,) in store.db.execute(sql, [quoted, NAMED + 1])]
    return found if len(found) <= NAMED else None


def _among(found: Selected, numbers: Collection[int]) -> Selected:
    """The same, looked up by these numbers."""
    among = "AND r.number IN (SELECT value FROM json_each(?))"
    values = (json.dumps(list(numbers)), *found.values)
    return replace(found, source="", where=f"{among} {found.where}", values=values, gathered=None)


def _worded(found: Selected, words: str) -> Selected:
    """The same with the words looked at row by row; not counted."""
    if not words:
        return found
    return replace(found, where=f"{found.where} {_CONTAINS}", values=(*found.values, words), words=True)


def _counted(found: Selected) -> Selected:
    """The same, counted."""
    sql = f"SELECT count(*) FROM worklist_rows r{found.source} WHERE r.task = ? {found.where}"  # noqa: S608
    return replace(found, total=int(found.store.db.execute(sql, [found.task, *found.values]).fetchone()[0]))


def _bounded(found: Selected, most: int) -> Selected:
    """The same, counted up to a bound."""
    sql = f"SELECT 1 FROM worklist_rows r{found.source} WHERE r.task = ? {found.where} LIMIT ?"  # noqa: S608
    counted = f"SELECT count(*) FROM ({sql})"  # noqa: S608
    count = int(found.store.db.execute(counted, [found.task, *found.values, most + 1]).fetchone()[0])
    return replace(found, total=min(count, most), more=count > most)


def _broad(found: Selected) -> Selected:
    """The rows of a broad search: the first ones of many, or those few that fit, looked up by their numbers."""
    sql = f"SELECT r.number FROM worklist_rows r{found.source} WHERE r.task = ? {found.where} LIMIT ?"  # noqa: S608
    asked = [found.task, *found.values, BROAD_ROWS + 1]
    numbers = [number for (number,) in found.store.db.execute(sql, asked)]
    if len(numbers) > BROAD_ROWS:
        return replace(found, total=BROAD_ROWS, more=True)
    return replace(_among(found, numbers), total=len(numbers))
