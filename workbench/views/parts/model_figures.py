"""Figures of versions side by side: names, intervals, the plot of those that share an axis, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.evaluation import Evaluation
from workbench.language import N_, _
from workbench.views.parts import charts, words
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, table, tag, tone
from workbench.views.parts.plot import plot

ON_ONE_AXIS = frozenset({"auc", "mean_auc", "kappa", "dice"})
NAMES: Mapping[str, str] = {
    "auc": N_("AUC"),
    "mean_auc": N_("mean AUC"),
    "mean_kappa": N_("mean kappa"),
    "kappa": N_("kappa"),
    "dice": N_("Dice"),
    "f1": N_("F1"),
    "accuracy": N_("accuracy"),
    "coverage": N_("coverage"),
    "log_loss": N_("log loss"),
    "precision": N_("precision"),
    "recall": N_("recall"),
    "sensitivity": N_("sensitivity"),
    "specificity": N_("specificity"),
    "mean_abs_error": N_("mean absolute error"),
}
"""What figures are called."""

Found = Mapping[str, Evaluation]
"""Version -> how it does; the champion first."""


def name_of(metric: str) -> str:
    """A figure's name as people read it: ``projection · AUC``."""
    return " · ".join(_part(part) for part in metric.split("."))


def _part(part: str) -> str:
    return _(NAMES[part]) if part in NAMES else words.short(part)


def spoken(metric: str) -> str:
    """The same in a sentence: ``AUC of projection``."""
    *question, name = metric.split(".")
    if not question:
        return _part(name)
    return _("{figure} of {question}", figure=_part(name), question=" ".join(map(words.short, question)))


def overall(found: Found) -> None:
    """The figures that share an axis, with their intervals."""
    names = [n for n in _names(found) if n.rsplit(".", 1)[-1] in ON_ONE_AXIS]
    sides = {
        version: {name_of(n): (m.value, m.low, m.high, m.n) for n in names if (m := one.metrics.get(n))}
        for version, one in found.items()
    }
    rows = [(version, name, *figures) for version, side in sides.items() for name, figures in side.items()]
    plot(charts.intervals([name_of(n) for n in names], sides), key="intervals",
         alt=_("Figures on the locked test patients, with intervals"),
         heads=[_("Version"), _("Figure"), _("Value"), _("Low"), _("High"), _("Patients")], rows=rows)  # fmt: skip


def of_question(found: Found, question: str) -> None:
    """Every figure of a question, or of a finding with those of its question."""
    above = question.split(".", 1)[0]
    wanted = [n for n in _names(found) if n.startswith(f"{question}.") or n.rsplit(".", 1)[0] == above]
    if wanted:
        table_of(found, wanted, below=f"{question}.")


def _names(found: Found) -> list[str]:
    return list(dict.fromkeys(name for one in found.values() for name in one.metrics))


def table_of(found: Found, names: Sequence[str], *, below: str = "") -> None:
    """A row a figure, two columns a version.

    Parameters
    ----------
    below:
        What the names start with, and need not say.
    """
    rows = []
    for name in names:
        row: list[object] = [tag("span", name_of(name.removeprefix(below)), cls="c-nowrap")]
        for one in found.values():
            metric = one.metrics.get(name)
            row += [figure(one, name), "—" if metric is None else metric.n]
        rows.append(row)
    heads = [_("Figure"), *(head for version in found for head in (version, _("patients")))]
    show(tag("div", table(heads, rows, numeric=tuple(range(1, len(heads)))), cls="c-narrow"))


def figure(found: Evaluation, name: str) -> Html:
    """A figure with its interval, on one line."""
    metric = found.metrics.get(name)
    if metric is None:
        return tone("—", "faint")
    value = tag("span", f"{metric.value:.3f}", title=found.detail.get(name, ""))
    return tag("span", value, " ", tag("span", f"({interval(found, name)})", cls="c-quiet"), cls="c-nowrap")


def interval(found: Evaluation, name: str) -> str:
    """The interval of a figure in words, without brackets."""
    metric = found.metrics[name]
    if metric.low is None or metric.high is None:
        return _("no interval")
    return f"{metric.low:.3f}–{metric.high:.3f}"
