"""Whether a promise holds in each subgroup of the patients: sex, age, view, device, site.

The promise is one of all patients together. In a subgroup with too few pathological patients nothing can be said,
and it is said so; the others stand with an exact bound each, at the promise's own confidence and not corrected for
their number: they show where to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from active_learning.risk_control import needed, two_sided, upper_bound
from active_learning.subgroups import subgroups
from data.records import CalibrationCase, Study, TriagePolicy


class Holds(StrEnum):
    """What can be said of a promise in a subgroup."""

    YES = "holds"
    """The upper bound of the miss rate is no larger than promised."""
    NO = "exceeded"
    """Even the lower bound is larger than promised."""
    OPEN = "open"
    """The bounds lie on both sides of it."""
    FEW = "not assessable"
    """There are fewer pathological patients than the promise needs without a miss."""


@dataclass(frozen=True, slots=True)
class SubgroupMiss:
    """The miss rate in one subgroup.

    Parameters
    ----------
    patients, missed:
        Calibration patients with pathology, and how many of them would be cleared.
    bound:
        The exact upper limit of the miss rate at the promise's confidence; None where it is not assessable.
    cleared:
        Share of the subgroup's calibration patients who would be cleared, 0 to 1.
    """

    kind: str
    value: str
    patients: int
    missed: int
    bound: float | None
    cleared: float
    holds: Holds


def by_subgroup(
    policy: TriagePolicy, cases: Sequence[CalibrationCase], studies: Mapping[str, Study], kinds: Iterable[str]
) -> list[SubgroupMiss]:
    """The miss rate in each subgroup that there is.

    A patient belongs to a subgroup with the studies that do. An unsettled case that would be cleared counts as
    missed.

    Parameters
    ----------
    cases, studies:
        The policy's calibration cases, and their studies by id; cases without a study are left out.
    kinds:
        See :func:`active_learning.subgroups.subgroups`.
    """
    known = [case for case in cases if case.study_id in studies]
    found = []
    for group in subgroups([studies[case.study_id] for case in known], list(kinds)):
        own = [case for case in known if case.study_id in group.studies]
        found.append(_measured(policy, own, studies, group.kind, group.value))
    return found


def _measured(
    policy: TriagePolicy, cases: Sequence[CalibrationCase], studies: Mapping[str, Study], kind: str, value: str
) -> SubgroupMiss:
    def patients(wanted: Iterable[CalibrationCase]) -> set[str]:
        return {studies[case.study_id].patient.patient_id for case in wanted}

    below = [case for case in cases if case.score < policy.threshold]
    missed = len(patients(case for case in below if case.positive is not False))
    of = len(patients(case for case in cases if case.positive or (case.positive is None and case in below)))
    cleared = len(patients(below)) / len(patients(cases))
    if of < needed(policy.miss, policy.confidence):
        return SubgroupMiss(kind, value, of, missed, None, cleared, Holds.FEW)
    bound = upper_bound(missed, of, policy.confidence)
    low, _ = two_sided(missed, of, 2 * policy.confidence - 1)
    verdict = Holds.YES if bound <= policy.miss else Holds.NO if low > policy.miss else Holds.OPEN
    return SubgroupMiss(kind, value, of, missed, bound, cleared, verdict)
