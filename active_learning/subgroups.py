"""Which studies belong together for a comparison by subgroup: sex, age, view, device, site.

A subgroup is of studies, since a view or device belongs to a study; whether it has the patients to be judged is
the comparison's question. What is not known of a study puts it in no subgroup of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from data.records import Study

AGE_FROM_Y = (40.0, 60.0, 80.0)
"""Years at which one age band ends and the next begins."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Studies that share something.

    Parameters
    ----------
    kind, value:
        What they share: ``sex`` and ``F``.
    """

    kind: str
    value: str
    studies: frozenset[str]

    @property
    def name(self) -> str:
        """As it is spoken of: ``sex F``."""
        return f"{self.kind} {self.value}"


def subgroups(
    studies: Iterable[Study], kinds: Sequence[str], *, age_from_y: Sequence[float] = AGE_FROM_Y
) -> tuple[Subgroup, ...]:
    """The subgroups of studies, in the order of the kinds; a kind of which there is one value only makes none.

    Parameters
    ----------
    kinds:
        ``sex``, ``age``, ``view``, ``modality``, ``source`` (the set or site that the patient came from), or an
        attribute of the series such as ``manufacturer``.
    age_from_y:
        In rising order, the ages in years at which a new band begins.
    """
    listed = list(studies)
    found = []
    for kind in kinds:
        told = _FIELDS.get(kind) or _attribute(kind)
        by_value: dict[str, set[str]] = {}
        for study in listed:
            value = age_band(study.age_y, age_from_y) if kind == "age" else told(study)
            if value:
                by_value.setdefault(value, set()).add(study.study_id)
        if len(by_value) > 1:
            order = _bands(age_from_y) if kind == "age" else sorted(by_value)
            found += [Subgroup(kind, value, frozenset(by_value[value])) for value in order if value in by_value]
    return tuple(found)


def age_band(age_y: float | None, age_from_y: Sequence[float]) -> str:
    """The band of an age in years, such as ``40 to 59``; empty where the age is not known."""
    if age_y is None:
        return ""
    return _bands(age_from_y)[sum(age_y >= start for start in age_from_y)]


def _bands(age_from_y: Sequence[float]) -> list[str]:
    middle = [f"{low:g} to {high - 1:g}" for low, high in pairwise(age_from_y)]
    return [f"under {age_from_y[0]:g}", *middle, f"{age_from_y[-1]:g} and over"] if age_from_y else ["all ages"]


def _attribute(name: str) -> Callable[[Study], str]:
    def told(study: Study) -> str:
        return next((s.attributes[name].strip() for s in study.series if s.attributes.get(name, "").strip()), "")

    return told


_FIELDS: Mapping[str, Callable[[Study], str]] = {
    "sex": lambda study: study.sex,
    "view": lambda study: study.view,
    "modality": lambda study: study.modality,
    "source": lambda study: study.patient.patient_id.partition(":")[0],
}
