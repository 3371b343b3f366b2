"""Which studies belong together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from active_learning.subgroups import age_band, subgroups
from data.records import Layout, Part, Patient, Series, Study


def study(name: str, *, sex: str = "", age_y: float | None = None, view: str = "", by: str = "") -> Study:
    series = Series(name, name, "DX", Layout.IMAGE, (4, 4), "", attributes={"manufacturer": by} if by else {})
    return Study(name, Patient(f"north:{name}", name, Part.TEST), "DX", (series,), view, sex, age_y)


@pytest.mark.parametrize(
    ("age_y", "band"),
    [(None, ""), (0, "under 40"), (39.9, "under 40"), (40, "40 to 59"), (59.9, "40 to 59"), (60, "60 to 79"),
     (80, "80 and over"), (101, "80 and over")],
)  # fmt: skip
def test_a_band_begins_at_its_first_year(age_y: float | None, band: str) -> None:
    assert age_band(age_y, (40, 60, 80)) == band


def test_what_is_shared_makes_a_subgroup_in_the_order_of_kinds_and_bands() -> None:
    listed = [
        study("a", sex="F", age_y=81, view="PA", by="Acme"), study("b", sex="M", age_y=30, view="PA", by="Bolt"),
        study("c", sex="F", age_y=45, view="PA"), study("d", view="PA", by="Acme"),
    ]  # fmt: skip
    found = [(g.name, sorted(g.studies)) for g in subgroups(listed, ("age", "sex", "view", "manufacturer"))]
    assert found == [
        ("age under 40", ["b"]), ("age 40 to 59", ["c"]), ("age 80 and over", ["a"]),
        ("sex F", ["a", "c"]), ("sex M", ["b"]),
        ("manufacturer Acme", ["a", "d"]), ("manufacturer Bolt", ["b"]),
    ]  # fmt: skip


def test_one_value_alone_makes_no_subgroup() -> None:
    assert subgroups([study("a", sex="F"), study("b", sex="F"), study("c")], ("sex", "age", "manufacturer")) == ()


def test_the_source_is_where_the_patient_came_from() -> None:
    there = study("a")
    here = replace(study("b"), patient=Patient("south:b", "b", Part.TEST))
    found = subgroups([there, here], ("source", "modality"))
    assert [(g.value, sorted(g.studies)) for g in found] == [("north", ["a"]), ("south", ["b"])]
