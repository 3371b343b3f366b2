"""Quotas of a batch: what holds of every fit, and small cases by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.quotas import Quota, fit, origins
from data.errors import RoundError
from data.records import Layout, Part, Patient, Series, Study

KINDS = ("a=1", "a=2", "b=1", "b=2")
cases = st.lists(st.frozensets(st.sampled_from(KINDS), max_size=2), max_size=14)
bounds = st.builds(
    lambda group, low, high: Quota(group, min(low, high), max(low, high)),
    st.sampled_from(KINDS), st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0.3, 0.5, 1.0]),
)  # fmt: skip


def places(groups: list[frozenset[str]], count: int, *quotas: Quota) -> list[int]:
    return [taken.place for taken in fit(groups, count, quotas)]


def test_without_quotas_the_first_ones_are_taken() -> None:
    assert places([frozenset()] * 5, 3) == [0, 1, 2]
    assert places([frozenset()] * 2, 3) == [0, 1]


def test_a_group_that_must_be_there_takes_the_last_seats() -> None:
    groups = [frozenset({"a=1"})] * 6 + [frozenset({"a=2"})] * 3
    taken = fit(groups, 5, [Quota("a=2", at_least=0.4)])
    assert [t.place for t in taken] == [0, 1, 2, 6, 7]
    assert [t.quota.group if t.quota else "" for t in taken] == ["", "", "", "a=2", "a=2"]


def test_who_would_be_there_anyway_is_there_for_no_quota() -> None:
    groups = [frozenset({"a=2"})] * 3 + [frozenset({"a=1"})] * 3
    assert {t.quota for t in fit(groups, 4, [Quota("a=2", at_least=0.5)])} == {None}


def test_a_full_group_is_passed_over_and_seats_stay_empty_without_others() -> None:
    groups = [frozenset({"b=1"})] * 4 + [frozenset({"b=2"})]
    assert places(groups, 4, Quota("b=1", at_most=0.5)) == [0, 1, 4]


def test_shares_are_taken_as_they_are_written() -> None:
    assert [Quota("a=1", at_least=0.2).least(count) for count in (5, 15, 16)] == [1, 3, 4]
    assert [Quota("a=1", at_most=0.3).most(count) for count in (10, 9)] == [3, 2]


@settings(deadline=None)
@given(cases, st.integers(0, 10), st.lists(bounds, max_size=3))
def test_what_holds_of_every_fit(groups: list[frozenset[str]], count: int, quotas: list[Quota]) -> None:
    taken = places(groups, count, *quotas)
    assert taken == sorted(set(taken))
    assert len(taken) <= count
    for quota in quotas:
        assert sum(quota.group in groups[place] for place in taken) <= quota.most(count)
    for better, worse in itertools.combinations(range(len(groups)), 2):
        if groups[better] == groups[worse] and worse in taken:
            assert better in taken  # of two alike the more wanted one
    if len(taken) < min(count, len(groups)):  # an empty seat: nobody who is left may sit there
        held = {q.group: sum(q.group in groups[place] for place in taken) for q in quotas}
        full = {q.group for q in quotas if held[q.group] >= q.most(count)}
        assert all(groups[place] & full for place in set(range(len(groups))) - set(taken))


@settings(deadline=None)
@given(cases, st.integers(1, 10), bounds)
def test_one_group_gets_what_it_must_have_where_there_are_enough(
    groups: list[frozenset[str]], count: int, quota: Quota
) -> None:
    held = sum(quota.group in groups[place] for place in places(groups, count, quota))
    there = sum(quota.group in of for of in groups)
    assert held >= min(quota.least(count), quota.most(count), there, count)


@pytest.mark.parametrize(
    ("text", "quota", "said"),
    [
        ("site=hospital<=50%", Quota("site=hospital", at_most=0.5), "at most 50% site hospital"),
        (" type_of = mass_big >= 0.2 ", Quota("type_of=mass_big", at_least=0.2), "at least 20% type of mass big"),
        ("manufacturer=GE_Medical>=10%", Quota("manufacturer=GE_Medical", at_least=0.1),
         "at least 10% manufacturer GE_Medical"),
    ],
)  # fmt: skip
def test_quotas_are_read_from_text(text: str, quota: Quota, said: str) -> None:
    assert Quota.parse(text) == quota
    assert quota.said == said


@pytest.mark.parametrize("text", ["", "site<=50%", "site=a", "site=a<=120%", "site=a<50%", "site=a<=half"])
def test_what_is_no_quota_is_refused(text: str) -> None:
    with pytest.raises(RoundError, match="That is no quota"):
        Quota.parse(text)


def test_where_a_study_comes_from() -> None:
    series = tuple(
        Series(f"s{i}", "st", "CT", Layout.IMAGE, (2, 2), "", attributes={"manufacturer": made} if made else {})
        for i, made in enumerate(("Siemens", "", "GE", "GE"))
    )
    study = Study("st", Patient("north:12", "P-1", Part.TRAIN), "CT", series)
    assert origins(study) == ("site=north", "manufacturer=GE", "manufacturer=Siemens")
