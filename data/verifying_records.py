"""The records and files of a verification: each row beside its newest seal, each file beside its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain as joined
from typing import Any

from data.errors import BlobError
from data.seals import TABLES, columns_of
from data.verifying_walk import EVERY, RESTORE, Walk, text

_NAME = re.compile(rb"[0-9a-f]{64}")


def compare_records(walk: Walk) -> None:
    """Compare every row of the sealed tables with its newest seal."""
    totals = {name: walk.count(name) for name in TABLES}
    total, done = sum(totals.values()), 0
    newest = (
        "SELECT width, digest, sequence FROM seals WHERE record = ? AND key = ? ORDER BY sequence DESC LIMIT 1"
    )
    for name, table in TABLES.items():
        columns = (*table.keys, *table.columns)
        for cells in walk.db.execute(f"SELECT {', '.join(columns)} FROM {name}"):  # noqa: S608 - constant tables
            key = json.dumps([text(c) if isinstance(c, bytes) else c for c in cells[: len(table.keys)]],
                             ensure_ascii=False)  # fmt: skip
            _record(walk, name, key, cells, walk.db.execute(newest, (name, key)).fetchone())
            done += 1
            if done % EVERY == 0:
                walk.tell(0.5 + 0.3 * done / max(total, 1), f"{done:,} of {total:,} records")
    walk.records = done


def _record(walk: Walk, name: str, key: str, cells: tuple[Any, ...], seal: Any) -> None:
    where = f"{name} {key}"
    if seal is None or not seal[0]:
        walk.find(
            "record", where, "A record was put in without the log." if seal is None else
            f"A record is there that was deleted by entry {seal[2]}.", "a row", "no such row",
        )  # fmt: skip
        return
    width, digest, sequence = seal
    if width > len(cells) or walk.chain.seal(name, *cells[:width]).encode() != digest:
        walk.find(
            "record", where, "A record was changed without the log.",
            "a row that does not fit its seal", f"the row as entry {sequence} sealed it "
            f"({', '.join(columns_of(name, width)[len(TABLES[name].keys):])})",
        )  # fmt: skip


def find_missing(walk: Walk) -> None:
    """Name the rows whose newest seal says that they are there, and that are not."""
    for name, table in TABLES.items():
        keys = " AND ".join(
            f"t.{column} = json_extract(s.key, '$[{place}]')" for place, column in enumerate(table.keys)
        )
        rows = walk.db.execute(
            f"""SELECT s.key, s.sequence FROM seals s WHERE s.record = ? AND s.width > 0
            AND s.sequence = (SELECT max(n.sequence) FROM seals n WHERE n.record = s.record AND n.key = s.key)
            AND json_valid(s.key) AND NOT EXISTS (SELECT 1 FROM {name} t WHERE {keys})""",  # noqa: S608 - constants
            (name,),
        )
        for key, sequence in rows:
            walk.find(
                "record", f"{name} {text(key)}", "A record was deleted without the log.", "no such row",
                f"the row as entry {sequence} sealed it",
            )  # fmt: skip


def compare_files(walk: Walk) -> None:
    """Read the files that records name, and compare each with its name."""
    named = [
        joined.from_iterable(_manifest(walk, row[0]) for row in walk.db.execute("SELECT manifest FROM versions")),
        (raw for (raw,) in walk.db.execute("SELECT raw FROM annotations WHERE raw <> ''")),
    ]
    for table, column in (("annotations", "answers"), ("predictions", "results"), ("reference_labels", "value"),
                          ("consensus", "value")):  # fmt: skip
        rows = walk.db.execute(f"SELECT {column} FROM {table} WHERE instr({column}, 'masks')")  # noqa: S608
        named.append(name for (said,) in rows for name in _NAME.findall(said))
    for raw in joined.from_iterable(named):
        _file(walk, text(raw), read=True)
    for (raw,) in walk.db.execute("SELECT pixels FROM series"):
        _file(walk, text(raw), read=walk.pixels)


def _manifest(walk: Walk, raw: bytes) -> Iterator[str]:
    """A manifest and the files that it names: weights, and what it learnt from."""
    name = text(raw)
    yield name
    try:
        manifest = json.loads(walk.blobs.get(name))
        stages = manifest.get("stages", {}).values()
        yield from (stage["weights"] for stage in stages if "weights" in stage)
        if learnt_from := manifest.get("data", {}).get("learnt_from"):
            yield str(learnt_from)
    except (BlobError, ValueError, AttributeError, TypeError):
        return  # told of where the manifest itself is read


def _file(walk: Walk, name: str, *, read: bool) -> None:
    walk.files += 1
    if walk.files % 50 == 0:
        walk.tell(0.9, f"{walk.files:,} files")
    try:
        if read:
            walk.blobs.check(name)
        elif name not in walk.blobs:
            raise BlobError("A kept file is missing.", given=name, expected="the file as it was kept", do=RESTORE)
    except BlobError as error:
        walk.find("file", name, error.message, error.given, error.expected, error.do)
