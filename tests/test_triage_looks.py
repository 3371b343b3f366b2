"""Studies that look like none of the calibration patients': found, read, and never told from thin air."""

from __future__ import annotations

import numpy as np
import pytest

from active_learning.triage_looks import Looks
from active_learning.triage_plan import plan
from active_learning.triage_run import decision_on, run
from data.home import Home
from data.records import Part, TriagePolicy, Way
from data.store import Store
from models.task import get_task
from tests import triage_home
from tests.triage_home import TASK


def body(seed: int) -> np.ndarray:
    """A bright disc that lies elsewhere in each."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    row, column = draws.normal(0, 0.1, 2)
    disc = np.clip(1.2 - 1.6 * ((rows - row) ** 2 + (columns - column) ** 2), 0, 1)
    return (np.clip(disc + draws.normal(0, 0.03, disc.shape), 0, 1) * 255).astype(np.uint8)


STRIPES = (np.indices((64, 64))[0] // 4 % 2 * 255).astype(np.uint8)


@pytest.fixture
def filled(home: Home) -> tuple[Home, Store, TriagePolicy]:
    """Eighty calibration patients who look alike; one training patient who does too, and one who does not."""
    store = Store.of(home)
    studies = [triage_home.add(home, store, f"c{n}", Part.CALIBRATION, n, picture=body(n)) for n in range(80)]
    for n, study in enumerate(studies):
        triage_home.agree(store, study.study_id, n % 2 == 0)
    studies += [triage_home.add(home, store, "alike", Part.TRAIN, picture=body(99)),
                triage_home.add(home, store, "strange", Part.TRAIN, picture=STRIPES)]  # fmt: skip
    version = triage_home.crown(home, store, studies, [n % 2 == 0 for n in range(82)], seed=1)
    store.versions.put_predictions(triage_home.predicted(s.study_id, version, 1e-9) for s in studies[-2:])
    return home, store, plan(home, get_task(TASK), miss=0.1)


def test_a_strange_picture_is_found_and_an_ordinary_one_is_not(filled: tuple[Home, Store, TriagePolicy]) -> None:
    home, store, policy = filled
    found = Looks(home, get_task(TASK), policy)(store.studies.find(parts=[Part.TRAIN]))
    assert found == {"study-strange": "it looks stranger than every known case of the calibration set"}


def test_calibration_patients_are_held_against_the_others(filled: tuple[Home, Store, TriagePolicy]) -> None:
    """Of patients of one kind about one in a hundred is strange, and not none, as against itself."""
    home, store, policy = filled
    calibration = store.studies.find(parts=[Part.CALIBRATION])
    looks = Looks(home, get_task(TASK), policy)
    assert len(looks(calibration)) <= 5
    odd = triage_home.add(home, store, "odd", Part.CALIBRATION, picture=STRIPES)
    store.versions.put_predictions([triage_home.predicted(odd.study_id, policy.version, 0.9)])
    triage_home.agree(store, odd.study_id, True)
    again = plan(home, get_task(TASK), miss=0.1)
    assert odd.study_id in Looks(home, get_task(TASK), again)([odd])


def test_the_strange_one_is_read_and_its_page_says_why(filled: tuple[Home, Store, TriagePolicy]) -> None:
    home, store, _ = filled
    strange = store.studies.get("study-strange")
    before = decision_on(home, get_task(TASK), strange)
    assert before is not None
    assert before.way == Way.CLEAR  # nobody has looked at it yet
    ways = {d.study_id: (d.way, d.reason) for d in run(home, get_task(TASK)).decisions}
    assert ways["study-alike"][0] == Way.CLEAR
    assert ways["study-strange"] == (Way.READ, "it looks stranger than every known case of the calibration set")
    after = decision_on(home, get_task(TASK), strange)
    assert after is not None
    assert (after.way, after.reason) == ways["study-strange"]


def test_few_calibration_patients_do_not_tell(home: Home) -> None:
    store = Store.of(home)
    studies = [triage_home.add(home, store, f"c{n}", Part.CALIBRATION, n, picture=body(n)) for n in range(15)]
    for n, study in enumerate(studies):
        triage_home.agree(store, study.study_id, n % 2 == 0)
    strange = triage_home.add(home, store, "strange", Part.TRAIN, picture=STRIPES)
    triage_home.crown(home, store, [*studies, strange], [n % 2 == 0 for n in range(16)], seed=1)
    policy = plan(home, get_task(TASK), miss=0.35)
    assert Looks(home, get_task(TASK), policy)([strange]) == {}
