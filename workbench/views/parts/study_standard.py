"""What a study's readers agreed, round by round, the imported labels, and what adjudicators decided."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.records import Consensus, Study
from workbench.language import _, n_, told
from workbench.views.parts import answers, decided, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, chip, table, tag

MANY = 8
"""Answers from which on the settled ones are folded."""


def standard(place: Here, study: Study) -> None:
    """The reference standard: what stands now, below it what earlier rounds came to, then the decisions."""
    formed = place.store.labels.consensus(place.task.name, study_id=study.study_id)
    now, before = newest(formed)
    imported = place.store.labels.references(place.task.name, study_ids=[study.study_id])
    rows = [[answers.where(label.answer.question, words.site(label.answer.site)),
             answers.said(place.task.form, label.answer.question, label.answer.value), chip(_("imported")),
             tag("span", label.source, cls="c-quiet c-small")] for label in imported]  # fmt: skip
    if now or rows:
        section(_("Reference standard"))
        _standing(place, [*(_row(place, record) for record in now), *rows], now)
    if before:
        with st.expander(n_("{n} answer of earlier rounds", "{n} answers of earlier rounds", len(before))):
            heads = [_("Formed"), _("Question"), _("Answer"), "", ""]
            show(table(heads, [[words.day(record.created_at), *_row(place, record)] for record in before]))
    decided.of_study(place, study.study_id)


def newest(records: Sequence[Consensus]) -> tuple[list[Consensus], list[Consensus]]:
    """What stands now, in its order, and what it replaced, the newest first."""
    last: dict[tuple[str, str], Consensus] = {}
    for record in sorted(records, key=lambda one: one.created_at):
        last[record.question, record.site.key] = record
    now = [record for record in records if last[record.question, record.site.key] is record]
    before = [record for record in records if last[record.question, record.site.key] is not record]
    return now, sorted(before, key=lambda one: one.created_at, reverse=True)


def _standing(place: Here, rows: Sequence[Sequence[object]], now: Sequence[Consensus]) -> None:
    heads = [_("Question"), _("Answer"), "", ""]
    if len(rows) < MANY:
        show(table(heads, rows))
        return
    open_ = [_row(place, record) for record in now if record.value is None]
    if open_:
        show(table(heads, open_))
    with st.expander(n_("{n} answer in all", "{n} answers in all", len(rows))):
        show(table(heads, rows))


def _row(place: Here, record: Consensus) -> list[object]:
    said = "—"
    if record.value is not None:
        said = answers.said(place.task.form, record.question, record.value)
    support = _(
        "{share:.0%} of the readers, {method}", share=record.support, method=told(record.method.replace("_", " "))
    )
    sure = "" if record.probability is None else _(", P = {p:.2f}", p=record.probability)
    about: Html = tag("span", support + sure, cls="c-quiet c-small")
    return [answers.where(record.question, words.site(record.site)), said, answers.consensus_chip(record), about]
