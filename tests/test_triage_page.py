"""The page Triage: the promise, how it comes, what stops it; and what a study's page says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from active_learning.triage_plan import plan
from data.home import Home
from data.records import JobState, Part, Watched
from data.store import Store
from models.task import get_task
from tests import triage_home
from tests.triage_home import TASK
from workbench import jobs
from workbench.views.parts.context import TASK as CHOSEN
from workbench.views.parts.triage_plot import log_odds, scores

APP = Path(__file__).parent.parent / "workbench" / "app.py"


def opened(place: str = "triage", **query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash(place)
    for key, value in {CHOSEN: TASK, **query}.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return unescape(re.sub(r"\\+([\"'])", r"\1", "\n".join(_deep(page.main))))


def _deep(block: object) -> Iterator[str]:
    for child in getattr(block, "children", {}).values():
        if hasattr(child, "children"):
            yield from _deep(child)
        else:
            yield str(child.proto)


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception


def work(home: Home, store: Store) -> None:
    """What a worker would do."""
    for job in store.jobs.all(states={JobState.WAITING}):
        jobs.run(home, job.job_id)


def test_without_a_champion_it_says_how_to_get_one(home: Home) -> None:
    Store.of(home)
    said = words(opened())
    assert "No model yet" in said
    assert f"consilium train {TASK}" in said


def test_a_small_calibration_set_says_how_many_more_it_takes(home: Home) -> None:
    triage_home.fill(home, calibration=100, train=4)
    said = words(opened())
    assert "109 more patients with pathology are needed: 40 of the 100 calibration patients show it" in said
    assert f"consilium triage plan {TASK} --miss 0.02" in said


def test_a_promise_is_made_kept_and_shown(home: Home) -> None:
    store = triage_home.fill(home, calibration=200, train=60)
    page = opened()
    assert next(b for b in page.button if b.label == "Decide on the unread studies").disabled
    page.number_input(key="triage miss").set_value(10.0)
    press(page, "Make the operating point")
    work(home, store)
    policy = store.triage.policies(TASK)[0]
    assert (policy.miss, policy.confidence) == (0.1, 0.95)
    page = opened()
    said = words(page)
    assert "Of the patients with pathology at most 10.0% are cleared, with 95% confidence" in said
    assert f"P(pathology) {policy.threshold:.4f}" in said
    assert f"{policy.missed} of 80" in said
    assert "sex: F" in said
    press(page, "Decide on the unread studies")
    work(home, store)
    cleared = len(store.triage.clearances(policy.policy_id))
    assert f"{cleared} cleared for the first time" in words(opened())
    in_russian = words(opened(lang="ru"))
    assert ">прочитать<" in in_russian  # what is to be done with a study
    assert ">прочитано<" not in in_russian


def test_a_refusal_is_shown_with_what_to_do(home: Home) -> None:
    store = triage_home.fill(home, calibration=100, train=4)
    press(opened(), "Make the operating point")
    work(home, store)
    said = words(opened())
    assert "There are too few pathological calibration patients for this promise: 109 more are needed." in said


def test_an_alarm_is_lifted_with_a_reason_alone(home: Home) -> None:
    store = triage_home.fill(home, calibration=200, train=20)
    policy = plan(home, get_task(TASK), miss=0.1)
    store.triage.alarm(policy, Watched.SCORES, "The scores of 80 new patients are others.")
    page = opened()
    assert "Automatic clearing is stopped." in words(page)
    press(page, "Lift the alarm")
    assert "Lifting an alarm needs a reason." in words(page)
    assert store.triage.alarms(TASK, standing=True)
    page.text_input[0].set_value("a new device; its pictures were looked at")
    press(page, "Lift the alarm")
    assert store.triage.alarms(TASK, standing=True) == []
    said = words(opened())
    assert "Automatic clearing is stopped." not in said
    assert "a new device; its pictures were looked at" in said


def test_a_studys_page_says_what_becomes_of_it(home: Home) -> None:
    store = triage_home.fill(home, calibration=200, train=20)
    assert "Prediction sets" not in words(opened("study", study="study-train-0002"))
    policy = plan(home, get_task(TASK), miss=0.1)
    low = triage_home.add(home, store, "low", Part.TRAIN)
    store.versions.put_predictions([triage_home.predicted(low.study_id, policy.version, policy.threshold / 2)])
    said = words(opened("study", study=low.study_id))
    assert "its probability of pathology lies below the operating point" in said
    assert "Prediction sets, which hold the right option of 95% of the patients with each" in said
    triage_home.agree(store, low.study_id, False)
    assert "Prediction sets" not in words(opened("study", study=low.study_id))


def test_the_plot_stacks_the_scores_and_marks_the_operating_point(home: Home) -> None:
    store = triage_home.fill(home, calibration=200, train=4)
    policy = plan(home, get_task(TASK), miss=0.1)
    figure = scores(policy, store.triage.cases(policy.policy_id))
    assert {trace.name: len(trace.x) for trace in figure.data} == {
        "without pathology (120)": 120, "with pathology (80)": 80,
    }  # fmt: skip
    line = log_odds(policy.threshold)
    assert figure.layout.shapes[0].x0 == line
    for trace in figure.data:
        bars = (line - trace.xbins.start) / trace.xbins.size
        assert abs(bars - round(bars)) < 1e-9  # a bar lies on one side of it
    below = sum(x < line for trace in figure.data if "with pathology" in trace.name for x in trace.x)
    assert below == policy.missed
