"""Guidelines: how a task's questions are to be answered, version by version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from data.answers import Form, Question
from data.errors import NotFoundError
from data.records import Guideline
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now


class Guidelines(Table):
    """What was published. Every read names the version that it followed.

    A question whose wording, options, sites or condition change is another question: what was read of it before is
    kept, and no longer counts as its reference standard.
    """

    def publish(self, task: str, text: str, form: Form) -> Guideline:
        """Publish a guideline; the same text and questions again give the version that stands.

        Returns
        -------
        Guideline
            The newest version.
        """
        with self._store.write() as db:
            newest = self.newest(task)
            questions = fingerprints(form)
            if newest is not None and (newest.text, dict(newest.questions)) == (text, dict(questions)):
                return newest
            version = (newest.version if newest else 0) + 1
            made = Guideline(task, version, text, questions, now())
            db.execute(
                "INSERT INTO guidelines VALUES (?, ?, ?, ?, ?)",
                (task, version, text, dump(dict(questions)), made.created_at),
            )
            changed = sorted(changed_questions(newest, made)) if newest else []
            row = RowKey("guidelines", (task, version))
            self._store.log.add("guideline.published", task, [row], version=version, changed=changed)
            return made

    def newest(self, task: str) -> Guideline | None:
        """The version that stands, or None."""
        found = self.all(task)
        return found[0] if found else None

    def all(self, task: str) -> list[Guideline]:
        """Every version, the newest first."""
        rows = self._rows("SELECT * FROM guidelines WHERE task = ? ORDER BY version DESC", [task])
        return [_guideline(row) for row in rows]

    def get(self, task: str, version: int) -> Guideline:
        """One version.

        Raises
        ------
        NotFoundError
            It was never published.
        """
        row = self._one("SELECT * FROM guidelines WHERE task = ? AND version = ?", [task, version])
        if row is None:
            raise NotFoundError(
                "There is no such version of the guideline.", given=f"{task}, version {version}",
                expected="a version that was published", do=f"see `consilium guideline show {task}`",
            )  # fmt: skip
        return _guideline(row)

    def outdated(self, task: str, version: int) -> frozenset[str]:
        """The questions that have changed since a version; version 0, before any guideline, has none."""
        newest = self.newest(task)
        if newest is None or version in (0, newest.version):
            return frozenset()
        return changed_questions(self.get(task, version), newest)


def fingerprints(form: Form) -> dict[str, str]:
    """What makes each question what it is, by name: 16 hexadecimal digits."""
    return {question.name: _fingerprint(question) for question in form.questions}


def changed_questions(before: Guideline, after: Guideline) -> frozenset[str]:
    """The questions of the earlier version that the later one asks otherwise, or no longer."""
    return frozenset(name for name, print_ in before.questions.items() if after.questions.get(name) != print_)


def _fingerprint(question: Question) -> str:
    parts: Mapping[str, object] = {
        "title": question.title,
        "kind": repr(question.kind),
        "sites": [site.key for site in question.sites],
        "asked_if": question.asked_if,
        "drawn_in": question.drawn_in,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _guideline(row: Row) -> Guideline:
    return Guideline(row["task"], row["version"], row["text"], json.loads(row["questions"]), row["created_at"])
