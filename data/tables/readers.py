"""The readers: who they are, and what may change of them."""

from __future__ import annotations

from dataclasses import replace

from data.errors import ConflictError, NotFoundError
from data.records import Reader, ReaderKind, ReaderRole
from data.seals import RowKey
from data.tables.base import Row, Table


class Readers(Table):
    """Who reads."""

    def add_reader(self, reader: Reader) -> Reader:
        """Keep a reader. The same one again changes nothing.

        Raises
        ------
        ConflictError
            Another kind or role stands under that id: what has been read cannot change hands.
        """
        with self._store.write() as db:
            row = self._one("SELECT * FROM readers WHERE reader_id = ?", [reader.reader_id])
            if row is None:
                db.execute(
                    "INSERT INTO readers VALUES (?, ?, ?, ?, ?, ?)",
                    (reader.reader_id, reader.name, reader.kind, reader.role, reader.experience_y, reader.active),
                )
                self._store.log.add(
                    "reader.added", reader.reader_id, [RowKey("readers", (reader.reader_id,))], kind=reader.kind,
                    role=reader.role,
                )  # fmt: skip
                return reader
            known = _reader(row)
            if (known.kind, known.role) != (reader.kind, reader.role):
                raise ConflictError(
                    "A reader's kind and role cannot change.",
                    given=f"{reader.reader_id}: {reader.kind}, {reader.role}",
                    expected=f"{known.kind}, {known.role}",
                    do="add the reader under another id",
                )
            return known

    def update_reader(
        self, reader_id: str, *, experience_y: float | None = None, active: bool | None = None
    ) -> Reader:
        """Change what may change of a reader; what is None stays.

        Raises
        ------
        NotFoundError
            There is no such reader.
        """
        with self._store.write() as db:
            known = self.reader(reader_id)
            changed = replace(
                known,
                experience_y=known.experience_y if experience_y is None else experience_y,
                active=known.active if active is None else active,
            )
            if changed != known:
                db.execute(
                    "UPDATE readers SET experience_y = ?, active = ? WHERE reader_id = ?",
                    (changed.experience_y, changed.active, reader_id),
                )
                self._store.log.add(
                    "reader.changed", reader_id, [RowKey("readers", (reader_id,))],
                    experience_y=changed.experience_y, active=changed.active,
                )  # fmt: skip
            return changed

    def readers(self, *, role: ReaderRole | None = None, kind: ReaderKind | None = None) -> list[Reader]:
        """The readers, in the order in which they were added; of one role or kind, or all."""
        found = [_reader(row) for row in self._rows("SELECT * FROM readers ORDER BY rowid")]
        return [r for r in found if role in (None, r.role) and kind in (None, r.kind)]

    def reader(self, reader_id: str) -> Reader:
        """One reader.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM readers WHERE reader_id = ?", [reader_id])
        if row is None:
            raise NotFoundError(
                "There is no such reader.", given=reader_id, expected="the id of a reader",
                do="add one with `consilium readers add`",
            )  # fmt: skip
        return _reader(row)


def _reader(row: Row) -> Reader:
    return Reader(
        row["reader_id"],
        row["name"],
        ReaderKind(row["kind"]),
        ReaderRole(row["role"]),
        row["experience_y"],
        bool(row["active"]),
    )
