"""A watched training: its curve in a file, stopped, gone on with, and the weights of one never stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import JobCancelledError
from models.course import read_course
from models.watching import MOST_POINTS, Journal, watched
from tests.test_training import same, trained

EPOCHS, STEPS = 3, 18


def stopped(tmp_path: Path, at: int) -> None:
    """A training that is called off while it tells of its step number ``at``."""
    told = []

    def progress(share: float, words: str) -> None:
        told.append(words)
        if len(told) == at:
            raise JobCancelledError("The job was called off.", given="job")

    with watched(tmp_path / "course.json"), pytest.raises(JobCancelledError):
        trained(tmp_path / "scratch", progress=progress)


def test_stopped_and_gone_on_with_gives_the_weights_of_never_stopped(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    stopped(tmp_path, 9)
    course = read_course(tmp_path / "course.json")
    assert course is not None
    assert course.current is not None
    assert (course.current.epoch, course.current.epochs) == (1, EPOCHS)
    steps: list[str] = []
    with watched(tmp_path / "course.json"):
        again = trained(tmp_path / "scratch", progress=lambda share, words: steps.append(words))
    assert len(steps) == STEPS - STEPS // EPOCHS  # the first epoch is not trained again
    assert same(again, whole)
    assert set(again.weights) == set(whole.weights)
    assert again.logits.tolist() == whole.logits.tolist()
    assert again.report.detail["curve"] == whole.report.detail["curve"]


def test_stopping_twice_changes_nothing_either(tmp_path: Path) -> None:
    stopped(tmp_path, 3)  # before any epoch has ended: nothing is there to take up
    stopped(tmp_path, 14)
    stopped(tmp_path, 2)
    assert same(trained(tmp_path / "scratch"), trained(tmp_path / "whole"))


def test_watching_changes_no_weight(tmp_path: Path) -> None:
    with watched(tmp_path / "course.json"):
        seen = trained(tmp_path / "seen")
    assert same(seen, trained(tmp_path / "unseen"))
    assert [p.name for p in (tmp_path / "seen").iterdir()] == ["question-small_resnet.checkpoint"]


def test_the_file_tells_the_curve_after_the_end(tmp_path: Path) -> None:
    with watched(tmp_path / "course.json"):
        first = trained(tmp_path / "scratch")
        second = trained(tmp_path / "scratch", name="other", max_steps=8)
    course = read_course(tmp_path / "course.json")
    assert course is not None
    assert [n.name for n in course.networks] == ["question-small_resnet", "other-small_resnet"]
    for network, fitted in zip(course.networks, (first, second), strict=True):
        curve = fitted.report.detail["curve"]
        assert [(p["epoch"], p["training"], p["validation"]) for p in network.curve] == [
            (c["epoch"], c["training_loss"], c["validation_loss"]) for c in curve
        ]
        assert network.step == network.steps == fitted.report.steps
        assert [step for step, _ in network.losses] == list(range(1, network.steps + 1))
        assert network.done
        assert network.left_s == 0
    epoch = [loss for step, loss in course.networks[0].losses if step <= STEPS // EPOCHS]
    assert sum(epoch) / len(epoch) == pytest.approx(course.networks[0].curve[0]["training"])


def test_a_course_that_is_gone_on_with_keeps_its_losses(tmp_path: Path) -> None:
    stopped(tmp_path, 9)
    before = read_course(tmp_path / "course.json")
    with watched(tmp_path / "course.json"):
        trained(tmp_path / "scratch")
    after = read_course(tmp_path / "course.json")
    assert before is not None
    assert after is not None
    assert after.networks[0].losses[:6] == before.networks[0].losses[:6]
    assert [step for step, _ in after.networks[0].losses] == list(range(1, STEPS + 1))
    assert len(after.networks[0].curve) == EPOCHS


def test_time_left_follows_the_measured_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("models.watching.time.monotonic", lambda: now[0])
    journal = Journal(tmp_path / "course.json")
    journal.network("n", epochs=4, steps=40, epoch=1, step=10, seconds=30.0)
    assert journal.networks[0].left_s == 90.0  # three seconds a step, as before the stop
    for _step in range(10):
        now[0] += 1.0
        journal.step(0.5)
    assert journal.networks[0].left_s == pytest.approx(20 * 40.0 / 20)
    now[0] += 4.0
    journal.epoch({"epoch": 2, "training_loss": 0.5, "validation_loss": float("nan")})
    assert journal.networks[0].seconds == pytest.approx(44.0)  # the look at the validation examples counts
    assert journal.networks[0].curve == [{"epoch": 2.0, "training": 0.5}]


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.watching.WRITE_S", 1e9)
    journal = Journal(tmp_path / "course.json")
    journal.network("n", epochs=2000, steps=20_000)
    for step in range(20_000):
        journal.step(1 / (step + 1))
    for epoch in range(2 * MOST_POINTS):
        journal.networks[0].curve.append({"epoch": float(epoch + 1), "training": 0.1})
    journal.epoch({"epoch": 2000, "training_loss": 0.1, "validation_loss": 0.2}, done=True)
    course = read_course(tmp_path / "course.json")
    assert course is not None
    points = course.networks[0].losses
    assert MOST_POINTS / 2 <= len(points) <= MOST_POINTS
    assert points[-1] == (20_000, 1 / 20_000)
    assert points == sorted(points)
    assert (tmp_path / "course.json").stat().st_size < 100_000


def test_what_is_no_course_is_none(tmp_path: Path) -> None:
    assert read_course(tmp_path / "none.json") is None
    for text in ("", "[]", "{", '{"networks": [{"name": "n"}], "updated_at": 0}'):
        (tmp_path / "course.json").write_text(text)
        assert read_course(tmp_path / "course.json") is None
