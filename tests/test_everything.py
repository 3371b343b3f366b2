"""What `consilium run` says once everything is there, and which homes get the embedded demo."""

from __future__ import annotations

import pytest

from data.home import Home
from data.records import Part as PatientPart
from data.records import Patient, Study
from data.store import Store
from workbench.everything import TASK, addresses, ask_for_demos, is_invited, needs_demo
from workbench.welcome import READER


def test_an_empty_home_is_led_to_the_pages_that_fill_it(home: Home) -> None:
    said = addresses(8640, "http://127.0.0.1:8085", fresh=False, invited=is_invited(home))
    assert READER.reader_id not in said
    assert "http://127.0.0.1:8640/data?show=take" in said
    assert "http://127.0.0.1:8640/readers" in said


def test_whoever_has_cases_to_read_is_led_there(home: Home, store: Store) -> None:
    store.reads.add_reader(READER)
    said = addresses(8640, "http://127.0.0.1:8085", fresh=True, invited=is_invited(home))
    assert f"http://127.0.0.1:8640/reading?as={READER.reader_id}" in said


@pytest.mark.parametrize("phantom", [True, False])
def test_a_home_with_studies_of_its_own_gets_no_demo(home: Home, store: Store, phantom: bool) -> None:
    store.studies.add(Study("one", Patient("one", "P-one", PatientPart.TRAIN), "DX", phantom=phantom), {})
    assert needs_demo(home, TASK) is phantom
    assert bool(ask_for_demos(home)) is phantom
