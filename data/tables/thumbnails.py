"""What pages of pixels look like in small, and how alike two were found: kept, since both take their time.

Both are named by the pixels' content, so that nothing gets out of date; what is deleted with a patient goes too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.tables.base import Table, dump


@dataclass(frozen=True, slots=True)
class PageKey:
    """A page of kept pixels: the blob, and its index from 0."""

    pixels: str
    page: int


class Thumbnails(Table):
    """Thumbnails by page, and likenesses by pairs of pages."""

    def put(self, thumbnails: Mapping[PageKey, bytes]) -> None:
        """Keep thumbnails: their grey values row by row, nothing where a page shows nothing."""
        with self._store.write() as db:
            db.conn.executemany(
                "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)",
                [(key.pixels, key.page, content) for key, content in thumbnails.items()],
            )

    def of(self, pixels: Collection[str]) -> dict[PageKey, bytes]:
        """The thumbnails that are kept of these blobs."""
        rows = self._rows(
            "SELECT * FROM thumbnails WHERE pixels IN (SELECT value FROM json_each(?)) ORDER BY pixels, page",
            [dump(sorted(pixels))],
        )
        return {PageKey(row["pixels"], row["page"]): row["thumbnail"] for row in rows}

    def put_likenesses(self, found: Iterable[tuple[PageKey, PageKey, float]]) -> None:
        """Keep how alike pairs of pages are."""
        with self._store.write() as db:
            db.conn.executemany(
                "INSERT OR REPLACE INTO likenesses VALUES (?, ?, ?, ?, ?)",
                [(a.pixels, a.page, b.pixels, b.page, value) for a, b, value in found],
            )

    def likenesses(self, pairs: Sequence[tuple[PageKey, PageKey]]) -> dict[tuple[PageKey, PageKey], float]:
        """Of these pairs, those that were compared before."""
        known = {}
        for pair in pairs:
            one, other = pair
            row = self._one(
                "SELECT likeness FROM likenesses WHERE one = ? AND one_page = ? AND other = ? AND other_page = ?",
                [one.pixels, one.page, other.pixels, other.page],
            )
            if row is not None:
                known[pair] = float(row["likeness"])
        return known

    def forget(self, pixels: Collection[str]) -> None:
        """Delete what is kept of blobs."""
        with self._store.write() as db:
            ids = {"ids": dump(sorted(pixels))}
            db.execute("DELETE FROM thumbnails WHERE pixels IN (SELECT value FROM json_each(:ids))", ids)
            db.execute(
                """DELETE FROM likenesses WHERE one IN (SELECT value FROM json_each(:ids))
                OR other IN (SELECT value FROM json_each(:ids))""",
                ids,
            )
