"""Settings, tasks: what a task asks, its knobs as configured, and its guideline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st
from pydantic import BaseModel

from data.answers import Choice, Findings, Grade, Kind, Mask, Question
from models.config import ProfileName, configs_folder
from models.task import ClinicalTask, discover
from workbench.knobs import TABLES, meanings
from workbench.language import N_, _, n_
from workbench.views.parts import words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.guideline import text_of
from workbench.views.parts.markup import Html, facts, table, tag, text, tone
from workbench.views.parts.segments import segments

KNOBS: Mapping[str, str] = {
    **TABLES,
    "profile": N_("Profile"),
}
SIZES: Mapping[ProfileName, str] = {
    ProfileName.PAPER: N_("paper: as published"),
    ProfileName.DEMO: N_("demo: two processor cores, minutes"),
}
"""The profiles that people train; ``tiny`` is for tests."""


def tasks(place: Here) -> None:
    """Show one task with its questions and its configuration."""
    known = dict(discover())
    ordered = {place.task.name: known.pop(place.task.name), **known}
    named = choose(
        _("Clinical task"), {name: _(task.title) for name, task in ordered.items()}, key="of", width=380
    )
    task = ordered[named]
    _about(place, task)
    section(_("What it asks"))
    body = [[_(q.title), tag("span", q.name, cls="c-mono c-faint"), _kind(q.kind), _where(q), _condition(q)]
            for q in task.form.questions]  # fmt: skip
    show(tag("div", table([_("Question"), _("Name"), _("Answers"), _("Where"), _("Asked if")], body),
             cls="c-wide-table"))  # fmt: skip
    section(_("As configured"))
    chosen = segments(_("Part of the configuration"), {key: _(title) for key, title in KNOBS.items()}, key="knobs")
    if chosen == "profile":
        _profile(task)
    else:
        _documented(getattr(task.config, chosen))


def _about(place: Here, task: ClinicalTask) -> None:
    newest = place.store.guidelines.newest(task.name)
    champion = place.store.versions.champion(task.name)
    guideline: object = tone(_("none published yet"), "quiet")
    if newest is not None:
        guideline = _("version {n}, published {day}", n=newest.version, day=words.day(newest.created_at))
    show(tag("p", _(task.description), cls="c-quiet"), facts([
        (_("Modalities"), ", ".join(sorted(task.modalities)) if task.modalities else _("all")),
        (_("Primary metric"), task.primary),
        (_("Guideline"), guideline),
        (_("Champion"), champion.version if champion else _(words.NO_CHAMPION)),
        (_("File"), tag("span", str(configs_folder() / f"{task.name}.toml"), cls="c-mono")),
    ]), tag("p", tone(_("Changed in the file; each process reads it when it starts. To publish a guideline:"),
                      "quiet"), " ", tag("code", f"consilium guideline publish {task.name} FILE"),
            cls="c-small", style="margin-top:8px"))  # fmt: skip
    if newest is not None:
        with st.expander(_("The guideline")):
            st.markdown(text_of(newest))


def _kind(kind: Kind) -> Html:
    if isinstance(kind, Choice):
        return text(_("one of: {options}", options=", ".join(map(words.short, kind.options))))
    if isinstance(kind, Grade):
        return text(_("a grade: {levels}", levels=" < ".join(_(level) for level in kind.levels)))
    if isinstance(kind, Findings):
        return text(_("any of: {labels}", labels=", ".join(map(words.short, kind.labels))))
    if isinstance(kind, Mask):
        return text(_("outlines: {labels}", labels=", ".join(map(words.short, kind.labels))))
    return text(_("a measure in {unit}", unit=_(kind.unit)))


def _where(question: Question) -> str:
    named = [words.site(site) for site in question.sites]
    if named == [""]:
        return _("the study")
    return ", ".join(named) if len(named) <= 3 else n_("{n} site", "{n} sites", len(named))


def _condition(question: Question) -> str:
    if question.asked_if is not None:
        name, option = question.asked_if
        return _("{question}: {answer}", question=words.short(name), answer=words.short(option))
    if question.drawn_in:
        return _("a lesion is drawn in {question}", question=words.short(question.drawn_in))
    return "—"


def _documented(settings: BaseModel) -> None:
    """The knobs of a table of the configuration with what each means."""
    plain = type(settings)
    body = []
    for name, means in meanings(plain):
        value = getattr(settings, name)
        changed = value != plain.model_fields[name].get_default(call_default_factory=True)
        body.append([tag("span", name, cls="c-mono"), _value(value, changed=changed), tone(_(means), "quiet")])
    show(table([_("Knob"), _("Value"), _("What it means")], body))
    show(tag("p", _("In bold: other than by default."), cls="c-small c-quiet"))


def _profile(task: ClinicalTask) -> None:
    names = {name.value: _(title) for name, title in SIZES.items()}
    chosen = choose(_("Profile"), names, key="profile", width=320)
    body = [[tag("span", name, cls="c-mono"), _value(value)] for name, value in flat(task.profile(chosen))]
    show(tag("div", table([_("Knob"), _("Value")], body), cls="c-narrow"))


def flat(value: BaseModel | Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """The knobs of a nested configuration by their whole names, as in ``stages.projection.epochs``."""
    items = (
        value.items() if isinstance(value, Mapping) else ((n, getattr(value, n)) for n in type(value).model_fields)
    )
    for name, inner in items:
        if isinstance(inner, BaseModel | Mapping) and inner:
            yield from flat(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}", inner


def _value(value: object, *, changed: bool = False) -> Html:
    """A value as people read it; how the file has its words stands in the tooltip where they are others."""
    shown, every = said(value), value if isinstance(value, tuple | list) else (value,)
    written = ", ".join(word for word in every if isinstance(word, str))
    title = "" if written == shown else written
    return tag("b" if changed else "span", shown, title=title) if changed or title else text(shown)


def said(value: object) -> str:
    """A value of the configuration as people read it, in the language where it is a word that one chooses."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return "; ".join(f"{_word(str(name))}: {said(inner)}" for name, inner in value.items()) or "—"
    if isinstance(value, tuple | list):
        return ", ".join(map(said, value)) or "—"
    if isinstance(value, float):
        return f"{value:g}"
    return "—" if value in (None, "") else _word(str(value))


def _word(value: str) -> str:
    """A word in the language; names of networks and files stay as they are."""
    known = words.short(value)
    return value if known == value.replace("_", " ") else known
