"""A comparison in words: the sentence above the figures."""

from __future__ import annotations

from collections.abc import Sequence

from active_learning.power import about
from active_learning.promotion_checks import Check, Standing
from active_learning.promotion_evidence import Difference
from active_learning.words import spoken
from models.measures import MEAN_AUC, MEAN_KAPPA

NAMES = {"auc": "AUC", "f1": "F1", "dice": "Dice", MEAN_AUC: "mean AUC", MEAN_KAPPA: "mean kappa"}
NAMED = 2
"""Checks that are named in a sentence; the others are counted."""


def metric_name(metric: str) -> str:
    """A metric as people read it: ``AUC of borders frontal``."""
    if metric in NAMES:
        return NAMES[metric]
    *question, name = metric.split(".")
    of = f" of {' '.join(spoken(part) for part in question)}" if question else ""
    return f"{NAMES.get(name, spoken(name))}{of}"


def gap(found: Difference) -> str:
    """A difference with its interval and patients: ``+0.031 (95.6% CI 0.008 to 0.055) on 612 patients``."""
    if found.low is None or found.high is None:
        return f"{signed(found.value)} (no interval) on {found.n} patients"
    between = f"{percent(found.level)} CI {plain(found.low)} to {plain(found.high)}"
    return f"{signed(found.value)} ({between}) on {found.n} patients"


def percent(level: float) -> str:
    """The coverage of an interval, with as many digits as tell it from the next one."""
    digits = 0 if round(level, 6) == round(level, 2) else 1 if level < 0.9985 else 3
    return f"{100 * level:.{digits}f}%"


def of_better(metric: str, found: Difference, guarded: Sequence[Check], subgroups: Sequence[Check]) -> str:
    """A candidate that passed everything."""
    said = [f"Better: {metric_name(metric)} {gap(found)}"]
    if guarded:
        said.append(f"not worse in {_count(len(guarded), 'guarded metric')}")
    return "; ".join([*said, *_of_subgroups(subgroups)])


def _of_subgroups(subgroups: Sequence[Check]) -> list[str]:
    """How many were judged, and how many were too small."""
    judged = sum(c.standing is Standing.NOT_WORSE for c in subgroups)
    small = len(subgroups) - judged
    if not subgroups:
        return []
    if not small:
        return [f"not worse in any of the {_count(judged, 'subgroup')}"]
    if not judged:
        return [f"{_count(small, 'subgroup')} {_be(small)} too small to be judged"]
    many = _count(judged, "subgroup")
    return [f"not worse in the {many} that can be judged, {small} {_be(small)} too small to say"]


def of_not_better(metric: str, found: Difference, effect: float) -> str:
    """A candidate that looks no better."""
    ruled_out = found.high is not None and found.high < effect
    end = f"; a gain of {effect:g} is ruled out" if ruled_out else ""
    return f"Not better: {metric_name(metric)} {gap(found)}{end}"


def of_shortage(why: str) -> str:
    """Too few patients for anything."""
    return f"Not enough evidence: {why}."


def of_open(metric: str, found: Difference, margin: float, needed: int | None) -> str:
    """A gain that is not shown."""
    asked = f"; the lower bound must exceed {margin:.3f}" if margin else ""
    return f"Not enough evidence: {metric_name(metric)} {gap(found)}{asked}{_settled(needed)}"


def of_held_back(metric: str, found: Difference, checks: Sequence[Check]) -> str:
    """Better, and shown to be worse somewhere."""
    where = [f"in {c.group}" if c.group else f"by {metric_name(c.metric)}" for c in checks]
    return f"Held back: {metric_name(metric)} {gap(found)}, but worse {_listed(where, checks)}"


def of_unproven(metric: str, found: Difference, checks: Sequence[Check], needed: int | None) -> str:
    """Better, and not shown to be no worse somewhere."""
    where = [
        f"{f'in {c.group}' if c.group else f'by {metric_name(c.metric)}'} within {c.margin:g}" for c in checks
    ]
    said = _listed(where, checks)
    return (
        f"Not enough evidence: {metric_name(metric)} {gap(found)}, but not shown to be no worse "
        f"{said}{_settled(needed)}"
    )


def _listed(where: Sequence[str], checks: Sequence[Check]) -> str:
    said = [f"{place}: {c.why or gap(c.difference)}" for place, c in zip(where, checks, strict=True)][:NAMED]
    more = len(checks) - len(said)
    return ", ".join(said) + (f", and {more} more" if more else "")


def _settled(needed: int | None) -> str:
    return f"; {about(needed)} test patients would settle it" if needed is not None else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def signed(value: float) -> str:
    """With its sign, in typographic minus."""
    return f"{value:+.3f}".replace("-", "−")


def plain(value: float) -> str:
    """In typographic minus."""
    return f"{value:.3f}".replace("-", "−")
