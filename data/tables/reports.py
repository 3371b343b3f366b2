"""The report texts of studies: what curation reads. A text may name a person, so it stays in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from data.seals import RowKey
from data.tables.base import Table, dump


@dataclass(frozen=True, slots=True)
class Report:
    """The text of a study's report; ``source`` names the file that it came in with."""

    study_id: str
    text: str
    source: str


class Reports(Table):
    """Report texts by study."""

    def put(self, reports: Iterable[Report]) -> int:
        """Keep reports; one of the same study is replaced. Returns how many."""
        kept: dict[RowKey, None] = {}
        count = 0
        with self._store.write() as db:
            for report in reports:
                kept[RowKey("reports", (report.study_id,))] = None
                db.execute(
                    "INSERT OR REPLACE INTO reports VALUES (?, ?, ?)",
                    (report.study_id, report.text, report.source),
                )
                count += 1
            if count:
                self._store.log.add("reports.imported", "report", kept, count=count)
        return count

    def texts(self, *, study_ids: Collection[str] | None = None) -> dict[str, str]:
        """The texts by study; of these studies, or of all that have one."""
        sql = "SELECT study_id, text FROM reports"
        if study_ids is not None:
            sql += " WHERE study_id IN (SELECT value FROM json_each(:ids))"
        rows = self._rows(f"{sql} ORDER BY study_id", {"ids": dump(sorted(study_ids or ()))})
        return {row["study_id"]: row["text"] for row in rows}
