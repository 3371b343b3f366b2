"""How what was measured has changed since an earlier study of the same patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.answers import Site
from data.records import Measured

OFF_MIDLINE = "off_midline"
"""Name of the quantity that says on which side a lesion lies, in mm: above 0 to the patient's left."""
GROWING = ("volume", "long_diameter", "short_diameter")
"""Quantities that are compared."""


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity then and now.

    Parameters
    ----------
    name, site, unit:
        Of the measured quantity; the site is that of the newer study.
    """

    name: str
    site: Site
    earlier: float
    now: float
    unit: str

    @property
    def pct(self) -> float | None:
        """By how much it grew, in percent of what it was; None where it was nothing."""
        return 100 * (self.now - self.earlier) / self.earlier if self.earlier > 0 else None


@dataclass(frozen=True, slots=True)
class Changes:
    """What could be compared, and in words what could not."""

    found: tuple[Change, ...]
    left_out: tuple[str, ...] = ()


NONE = Changes(())


def by_side(now: Sequence[Measured], earlier: Sequence[Measured]) -> Changes:
    """Growth of lesions, where one lies on a side in both studies.

    The two studies are not brought into register: a lesion is known again by its side alone, so that a side with
    several lesions is not compared.
    """
    newer, older = _sides(now), _sides(earlier)
    found: list[Change] = []
    left_out = []
    for side in ("left", "right"):
        ours, theirs = newer.get(side, {}), older.get(side, {})
        if len(ours) == len(theirs) == 1:
            (site, values), (known,) = next(iter(ours.items())), theirs.values()
            found += [
                Change(name, site, known[name].value, values[name].value, values[name].unit)
                for name in GROWING
                if name in values and name in known
            ]
        elif ours or theirs:
            left_out.append(f"{side}: {_counted(len(theirs))} then, {_counted(len(ours))} now")
    return Changes(tuple(found), tuple(left_out))


def _sides(measured: Sequence[Measured]) -> Mapping[str, Mapping[Site, Mapping[str, Measured]]]:
    """What was measured, by side, lesion and name."""
    lesions: dict[Site, dict[str, Measured]] = {}
    for one in measured:
        lesions.setdefault(one.site, {})[one.name] = one
    sides: dict[str, dict[Site, Mapping[str, Measured]]] = {}
    for site, values in lesions.items():
        if OFF_MIDLINE in values:
            sides.setdefault("left" if values[OFF_MIDLINE].value > 0 else "right", {})[site] = values
    return sides


def _counted(count: int) -> str:
    return {0: "no lesion", 1: "1 lesion"}.get(count, f"{count} lesions")
