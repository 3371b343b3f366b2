"""A threshold on a binary question: its figures by hand, the way into and out of the store, and the page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics import precision_score
from streamlit.testing.v1 import AppTest

from active_learning.rounds import Loop
from data.errors import VersionError
from data.home import HOME_VARIABLE, Home
from data.records import JobState, Part
from data.store import Store
from models.curves import Curves, binary_curves
from models.evaluation import Evaluation
from models.task import get_task
from models.thresholds import best_youden, both_classes, for_sensitivity, read_at, share
from tests.compared_home import TASK, calibration_patients, many_patients, trained_round, version
from tests.test_faces import show, words
from workbench import jobs
from workbench.threshold_readings import EVENT, kept_readings, save_reading
from workbench.views.parts import score_plot

TOPIC = "borders_frontal"
OPTIONS = ("complete", "cut_off")


def made(scores: list[float], positive: list[bool], patients: list[str] | None = None) -> Curves:
    given = np.array(scores), np.array(positive)
    return binary_curves(OPTIONS, *given, given[0] >= 0.5, patients)


def test_a_reading_counts_patients_by_hand() -> None:
    curves = made([0.1, 0.2, 0.3, 0.6, 0.7, 0.9], [False, False, True, False, True, True])
    read = read_at(curves, 0.3)
    assert (read.hits, read.misses, read.alarms, read.passed) == (3, 0, 1, 2)
    assert read.ppv is not None
    assert (read.ppv.value, read.ppv.n) == (0.75, 4)
    assert read.flagged is not None
    assert (read.flagged.value, read.flagged.n) == (4 / 6, 6)
    higher = read_at(curves, 0.301)
    assert (higher.hits, higher.misses) == (2, 1)


def test_nobody_flagged_has_no_predictive_value() -> None:
    read = read_at(made([0.1, 0.2], [False, True]), 1.0)
    assert read.ppv is None
    assert read.npv is not None
    assert read.npv.value == 0.5


def test_wilsons_interval_is_the_published_one() -> None:
    """81 of 263 has 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 17 (1998), table I, method 3)."""
    found = share(81, 263)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    assert share(0, 0) is None


def test_a_patient_counts_once_by_the_largest_probability() -> None:
    curves = made([0.2, 0.8, 0.4, 0.1], [False, False, False, True], ["a", "a", "b", "b"])
    assert curves.scores == (0.4, 0.8)
    assert curves.positive == (True, False)
    assert sum(map(sum, curves.confusion)) == 4


def test_thresholds_are_chosen_with_what_they_promise() -> None:
    rng = np.random.default_rng(5)
    positive = rng.random(400) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(size=400) + 1.5 * positive)))
    curves = made(list(scores), list(positive))
    at = for_sensitivity(curves, 0.95)
    reached, above = read_at(curves, at), read_at(curves, at + 0.004)
    assert reached.misses <= 0.05 * positive.sum() < above.misses + 1
    gains = {n / 1000: (scores >= n / 1000)[positive].mean() - (scores >= n / 1000)[~positive].mean()
             for n in range(1001)}  # fmt: skip
    assert gains[best_youden(curves)] == pytest.approx(max(gains.values()), abs=0.01)


def test_precision_over_recall_holds_at_its_ends() -> None:
    rng = np.random.default_rng(6)
    positive = rng.random(300) < 0.4
    scores = rng.random(300) * 0.6 + 0.3 * positive
    curves = made(list(scores), list(positive))
    best = max(precision for recall, precision in curves.precision_recall if recall == 1)
    assert best == pytest.approx(precision_score(positive, scores >= scores[positive].min()))
    assert curves.precision_recall[-1] == (1.0, positive.mean())
    recalls = [recall for recall, precision in curves.precision_recall]
    assert recalls == sorted(recalls)
    assert len(recalls) <= 200


def test_curves_that_were_kept_before_have_no_scores() -> None:
    curves = made([0.1, 0.9], [False, True])
    raw = curves.as_dict()
    assert Curves.from_dict(raw) == curves
    for name in ("scores", "positive", "precision_recall"):
        del raw[name]
    before = Curves.from_dict(raw)
    assert (before.scores, before.precision_recall) == ((), ())
    assert before.roc == curves.roc
    assert not both_classes(before)


def test_the_distribution_counts_every_patient_once() -> None:
    curves = made([0.0, 0.049, 0.05, 1.0], [False, True, False, True])
    rows = score_plot.score_rows(curves)
    assert rows[0] == (0.0, 0.05, 1, 1)
    assert rows[1][2:] == (1, 0)
    assert rows[-1] == (0.95, 1.0, 0, 1)
    assert sum(negatives + positives for low, high, negatives, positives in rows) == 4


# -- the page ----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A candidate better than the champion, both measured on test and calibration patients."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    opened = Store.of(home)
    studies = [*many_patients(home, 80), *calibration_patients(home, 60)]
    champion = version(home, studies, 0.5, seed=1)
    opened.versions.crown(TASK, champion.version, "the first one")
    waiting = trained_round(home, studies, champion.version, 1.2, seed=2)
    Loop(home, get_task(TASK)).compare(waiting.round_id)
    yield opened
    opened.close()


def curves_of(store: Store, name: str, part: Part) -> Curves:
    raw = store.versions.evaluation(name, part)
    assert raw is not None
    return Evaluation.from_dict(raw).curves[TOPIC]


def opened(**query: str) -> AppTest:
    page = show("models", task=TASK, question=TOPIC, **query)
    assert not page.exception
    return page


def test_the_slider_starts_where_the_calibration_patients_say(store: Store) -> None:
    page = opened()
    for name in (f"{TASK}-v1", f"{TASK}-v2"):
        chosen = best_youden(curves_of(store, name, Part.CALIBRATION))
        assert page.slider(key=f"at-{name}-{TOPIC}").value == chosen
        read = read_at(curves_of(store, name, Part.TEST), chosen)
        assert read.sensitivity is not None
        assert f"{read.sensitivity.value:.1%}" in words(page)
        assert f"{read.hits} of {read.hits + read.misses}" in words(page)
    assert "60 calibration patients" in words(page)
    assert "80 test patients" in words(page)


def test_a_moved_threshold_is_read_off_and_saved_and_changes_no_answer(store: Store) -> None:
    name = f"{TASK}-v2"
    before = store.versions.predictions(name)
    page = opened(**{f"at-{name}-{TOPIC}": "0.25"})
    assert page.slider(key=f"at-{name}-{TOPIC}").value == 0.25
    page.slider(key=f"at-{name}-{TOPIC}").set_value(0.6).run()
    read = read_at(curves_of(store, name, Part.TEST), 0.6)
    assert read.specificity is not None
    assert f"{read.specificity.value:.1%}" in words(page)
    save = next(b for b in page.button if b.label == "Save this reading" and name in b.form_id)
    save.click().run()
    assert "Saving a reading needs a reason." in words(page)
    assert kept_readings(store, name, TOPIC) == []
    page.text_input(key=f"why {name} {TOPIC}").input("for the night shift")
    next(b for b in page.button if b.label == "Save this reading" and name in b.form_id).click().run()
    (kept,) = kept_readings(store, name, TOPIC)
    assert (kept.threshold, kept.why, kept.who) == (0.6, "for the night shift", "curator")
    assert kept.test == read.as_dict()
    assert kept.calibration == read_at(curves_of(store, name, Part.CALIBRATION), 0.6).as_dict()
    said = words(opened())
    assert "for the night shift" in said
    assert f"It changes nothing of what {name} answers" in said
    assert store.versions.predictions(name) == before
    assert kept_readings(store, name, "projection") == []


def test_a_button_asks_for_a_sensitivity(store: Store) -> None:
    name = f"{TASK}-v2"
    page = opened()
    page.button(key=f"at-{name}-{TOPIC} 1").click().run()
    chosen_on = curves_of(store, name, Part.CALIBRATION)
    at = page.slider(key=f"at-{name}-{TOPIC}").value
    assert at == for_sensitivity(chosen_on, 0.95)
    reached = read_at(chosen_on, at).sensitivity
    assert reached is not None
    assert reached.value >= 0.95


def test_an_evaluation_from_before_is_measured_again(store: Store) -> None:
    name = f"{TASK}-v1"
    raw = store.versions.evaluation(name, Part.TEST)
    assert raw is not None
    for curves in raw["curves"].values():
        for added in ("scores", "positive", "precision_recall"):
            del curves[added]
    store.versions.put_evaluation(name, Part.TEST, raw)
    page = opened()
    assert f"consilium evaluate {TASK} --version {name}" in words(page)
    assert not [one for one in page.slider if one.key == f"at-{name}-{TOPIC}"]
    page.button(key=f"again {name}").click().run()
    (job,) = [one for one in store.jobs.all() if one.kind == "evaluate"]
    jobs.run(Home(store.path.parent), job.job_id)
    assert store.jobs.get(job.job_id).state == JobState.DONE
    assert opened().slider(key=f"at-{name}-{TOPIC}").value > 0


def test_without_calibration_patients_no_threshold_is_offered(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    opened_store = Store.of(home)
    studies = many_patients(home, 40)
    champion = version(home, studies, 0.5, seed=1)
    opened_store.versions.crown(TASK, champion.version, "the first one")
    jobs.run(home, jobs.enqueue(home, "evaluate", task=TASK, version=champion.version).job_id)
    page = opened()
    assert "would flatter cxr_quality-v1" in words(page)
    assert not page.slider
    opened_store.close()


def test_a_reading_without_a_reason_is_refused(store: Store) -> None:
    read = read_at(made([0.1, 0.9], [False, True]), 0.5)
    with pytest.raises(VersionError, match="needs a reason"):
        save_reading(store, f"{TASK}-v1", TOPIC, read, read, who="", why="  ")
    assert store.log.entries(event=EVENT) == []
