"""What studies look like, as vectors: kept once a study, read back as one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from data.errors import NotFoundError
from data.tables.base import Table, dump

_KEPT_AS = np.dtype("<f4")
CHUNK = 2048
"""Vectors that are read at once."""


class Embeddings(Table):
    """Vectors by name of the description and study."""

    def put(self, name: str, vectors: Iterable[tuple[str, str, NDArray[np.float32]]]) -> None:
        """Keep vectors; one of the same study is replaced.

        Parameters
        ----------
        name:
            Of the way to describe; all vectors under it have one length.
        vectors:
            (study, source, vector): the source is a fingerprint of the pixels that it describes.
        """
        with self._store.write() as db:
            for study_id, source, vector in vectors:
                kept = np.ascontiguousarray(vector, dtype=_KEPT_AS).tobytes()
                db.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", (name, study_id, source, kept))

    def sources(self, name: str) -> dict[str, str]:
        """By study, the fingerprint of the pixels that are described."""
        rows = self._store.db.execute("SELECT study_id, source FROM embeddings WHERE name = ?", [name])
        return dict(rows.fetchall())

    def chunks(self, name: str, study_ids: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """(some, d) vectors in the order of the studies, :data:`CHUNK` at the most at once.

        Raises
        ------
        NotFoundError
            A study has none.
        """
        for start in range(0, len(study_ids), CHUNK):
            some = study_ids[start : start + CHUNK]
            rows = self._store.db.execute(
                """SELECT study_id, vector FROM embeddings
                WHERE name = ? AND study_id IN (SELECT value FROM json_each(?))""",
                [name, dump(list(some))],
            )
            found = {study_id: np.frombuffer(vector, dtype=_KEPT_AS) for study_id, vector in rows}
            missing = next((study_id for study_id in some if study_id not in found), None)
            if missing is not None:
                raise NotFoundError(
                    "The study has not been described.", given=missing, expected=f"a {name} vector"
                )
            yield np.stack([found[study_id] for study_id in some]).astype(np.float32, copy=False)
