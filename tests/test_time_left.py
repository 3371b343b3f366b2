"""The time that a training of several networks still takes: measured, guessed, or not told."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.blobs import Blobs
from data.home import Home
from data.store import Store
from models import versions
from models.course import Course, Network, read_course
from models.pace import Pace, Planned, Spent, planned
from models.task import Trained, discover
from models.time_left import Left, time_left
from models.watching import Journal, followed, watched
from workbench.views.parts.loop_train import how_far

PLAN = (Planned("a-net", "net", 4), Planned("b-net", "net", 8), Planned("c-other", "other", 2))
EARLIER = Pace(
    [
        Spent("a-net", "net", 4, 4, 40.0, 5.0),
        Spent("b-net", "net", 8, 8, 100.0, 2.0),
        Spent("c-other", "other", 2, 2, 60.0, 3.0),
    ],
    closing_s=10.0,
)
AT = 1000.0


class Clocks:
    """Both clocks of a training, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("models.watching.time.monotonic", lambda: self.now)
        monkeypatch.setattr("models.watching.time.time", lambda: self.now)

    def train(self, journal: Journal, name: str, *, epochs: int, steps: int, step_s: float) -> None:
        """A whole network of one epoch after the other, each step taking as long."""
        journal.network(name, epochs=epochs, steps=steps)
        for step in range(1, steps + 1):
            self.now += step_s
            journal.step(0.5)
            if step % (steps // epochs) == 0:
                epoch = step * epochs // steps
                journal.epoch({"epoch": epoch, "training_loss": 0.5}, done=epoch == epochs)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def net(name: str = "a-net", kind: str = "net", **changes: object) -> Network:
    """The first network, a quarter done at two seconds a step."""
    known = {"epochs": 4, "steps": 40, "epoch": 1, "step": 10, "seconds": 20.0}
    return Network(name, kind=kind, **(known | changes))  # type: ignore[arg-type]


def test_without_a_basis_nothing_is_said_of_the_whole() -> None:
    assert time_left(Course([], PLAN), AT) == Left(None, None)
    assert time_left(Course([net()], PLAN), AT) == Left(60.0, None)  # nothing is known of `other`
    assert time_left(Course([net(step=2)], PLAN), AT) == Left(None, None)  # nor of the pace after two steps
    assert "all" not in how_far(Course([net()], PLAN), AT)
    assert how_far(Course([net(step=2)], PLAN), AT) == "network 1 of 3 (a-net) · epoch 2 of 4 · step 2 of 40"
    assert how_far(Course([], PLAN), AT) == ""


def test_networks_of_a_kind_are_guessed_from_those_of_this_training() -> None:
    plan = PLAN[:2]
    first = net(done=True, epoch=4, step=40, seconds=80.0, prepared_s=30.0)
    # twice the epochs of the first: 160 s; its own preparation is no measure of the next one's
    assert time_left(Course([net()], plan), AT) == Left(60.0, 60.0 + 160.0)
    assert time_left(Course([first], plan), AT) == Left(None, 160.0)
    third = (*plan, Planned("d-net", "net", 4))
    second = net("b-net", epochs=8, steps=80, epoch=2, step=20, seconds=20.0, prepared_s=7.0)
    # the mean of 80 s for four epochs and 80 s for eight; the second one's preparation
    assert time_left(Course([first, second], third), AT) == Left(60.0, 60.0 + 7.0 + 60.0)


def test_what_an_earlier_training_took_is_stretched_by_the_pace_of_this_one() -> None:
    assert time_left(Course([], PLAN, EARLIER), AT) == Left(None, 5 + 40 + 2 + 100 + 3 + 60 + 10)
    assert how_far(Course([], PLAN, EARLIER), AT) == "preparing · about 4 min left in all"
    # 20 s an epoch where it was 10: all that is to come takes twice as long
    slow = time_left(Course([net()], PLAN, EARLIER), AT)
    assert slow == Left(60.0, pytest.approx(60.0 + 2 * (2 + 100 + 3 + 60 + 10)))
    # the network that begins is guessed, too, until its own pace is known
    begins = Course([net(step=0, seconds=0.0, epoch=0)], PLAN, EARLIER)
    assert time_left(begins, AT) == Left(None, 40.0 + 2 + 100 + 3 + 60 + 10)


def test_another_number_of_epochs_and_another_kind_count() -> None:
    longer = (Planned("b-net", "net", 16),)
    assert time_left(Course([], longer, EARLIER), AT).whole_s == 2 + 200 + 10
    larger = (Planned("b-net", "net at twice the size", 8),)
    assert time_left(Course([], larger, EARLIER), AT).whole_s is None
    renamed = (Planned("new-other", "other", 4),)  # the earlier training had one of its kind
    assert time_left(Course([], renamed, EARLIER), AT).whole_s == 3 + 120 + 10


def test_a_network_that_was_left_out_is_not_waited_for() -> None:
    course = Course([net(), net("c-other", "other", epochs=2, steps=20)], PLAN, EARLIER)
    assert course.to_come == ()
    assert course.total == 2
    left = time_left(course, AT)
    assert left.network_s == 20.0
    assert left.whole_s is not None
    assert left.whole_s - 20.0 == pytest.approx(10.0 * (20 * 4 + 20 * 2) / (40 + 60))


def test_between_networks_the_time_goes_down_by_the_preparation_at_the_most() -> None:
    done = net(done=True, epoch=4, step=40, seconds=40.0)
    course = Course([done], PLAN, EARLIER, updated_at=AT)
    whole = 2 + 100 + 3 + 60 + 10
    assert time_left(course, AT).whole_s == whole
    assert time_left(course, AT + 1.5).whole_s == whole - 1.5
    assert time_left(course, AT + 9000).whole_s == whole - 2
    assert how_far(course, AT) == "network 1 of 3 (a-net) · trained · about 3 min left in all"


def test_the_last_network_has_one_time(clocks: Clocks) -> None:
    last = net("c-other", "other", epochs=2, steps=20)
    said = how_far(Course([net(done=True, epoch=4), last], PLAN[::2], None), AT)
    assert said == "network 2 of 2 (c-other) · epoch 2 of 2 · step 10 of 20 · about 20 s left in all"
    said = how_far(Course([net()], PLAN[:2], None), AT)
    assert said == (
        "network 1 of 2 (a-net) · epoch 2 of 4 · step 10 of 40 · about 60 s left for it at most"
        " · about 4 min left in all"
    )


def test_a_training_is_foretold_from_the_one_before(tmp_path: Path, clocks: Clocks) -> None:
    with watched(tmp_path / "first.json"), followed(PLAN[:2], None) as first:
        clocks.now += 5
        clocks.train(first, "a-net", epochs=4, steps=40, step_s=1.0)
        clocks.now += 2
        clocks.train(first, "b-net", epochs=8, steps=80, step_s=0.5)
        clocks.now += 3
        pace = Pace.from_dict(first.pace().as_dict())
    assert pace == Pace(
        [Spent("a-net", "net", 4, 4, 40.0, 5.0), Spent("b-net", "net", 8, 8, 40.0, 2.0)], closing_s=3.0
    )
    with watched(tmp_path / "second.json"), followed(PLAN[:2], pace) as second:
        course = read_course(tmp_path / "second.json")
        assert course is not None
        assert time_left(course, clocks.now).whole_s == 90.0
        clocks.now += 5
        clocks.train(second, "a-net", epochs=4, steps=40, step_s=3.0)
        course = read_course(tmp_path / "second.json")
        assert course is not None
        assert time_left(course, clocks.now) == Left(None, 3 * (2.0 + 40.0 + 3.0))
        clocks.now += 6
        second.network("b-net", epochs=8, steps=80)
        for _step in range(20):
            clocks.now += 1.5
            second.step(0.5)
        course = read_course(tmp_path / "second.json")
        assert course is not None
        assert time_left(course, clocks.now) == Left(90.0, 90.0 + 3 * 3.0)


def test_a_training_nobody_watches_is_timed_and_writes_nothing(tmp_path: Path, clocks: Clocks) -> None:
    with followed(PLAN[:1], None) as journal:
        clocks.train(journal, "a-net", epochs=4, steps=40, step_s=1.0)
    assert journal.pace().networks[0].seconds == 40.0
    assert not list(tmp_path.iterdir())


def test_an_ended_course_gives_way_and_a_stopped_one_stays(tmp_path: Path, clocks: Clocks) -> None:
    path = tmp_path / "course.json"
    with watched(path) as journal:
        clocks.train(journal, "a-net", epochs=4, steps=40, step_s=1.0)
        journal.network("b-net", epochs=8, steps=80)
    with watched(path), followed(PLAN, None):
        stopped = read_course(path)
    assert stopped is not None
    assert [one.name for one in stopped.networks] == ["a-net", "b-net"]
    with watched(path) as journal:
        clocks.train(journal, "a-net", epochs=4, steps=40, step_s=1.0)
    with watched(path), followed(PLAN, None):
        begun = read_course(path)
    assert begun is not None
    assert begun.networks == []
    assert begun.total == 3


def test_the_newest_version_like_it_is_asked(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").prepare()
    store, blobs = Store.of(home), Blobs.of(home)

    def add(profile: str, steps: int | None, device: str, seconds: float | None) -> None:
        pace = {} if seconds is None else {"pace": Pace([Spent("a", "n", 1, 1, seconds, 0.0)], 0.0).as_dict()}
        manifest = versions.save(
            blobs, "cxr_quality", Trained({}, {}, ()), max_steps=steps, environment={"device": device}, **pace
        )
        store.versions.add(task="cxr_quality", profile=profile, manifest=manifest)

    def seconds(profile: str = "demo", steps: int | None = None) -> float | None:
        found = versions.pace_before(store, blobs, "cxr_quality", profile, steps, {"device": "cpu"})
        return found and found.networks[0].seconds

    assert seconds() is None
    for profile, steps, device, took in (
        ("demo", None, "cpu", 1.0), ("demo", None, "cpu", 2.0), ("demo", 5, "cpu", 3.0),
        ("demo", None, "cuda", 4.0), ("tiny", None, "cpu", 5.0), ("demo", None, "cpu", None),
    ):  # fmt: skip
        add(profile, steps, device, took)
    assert seconds() == 2.0
    assert seconds(steps=5) == 3.0
    assert seconds("tiny") == 5.0
    assert seconds("paper") is None
    newest = store.versions.all("cxr_quality")[0]
    blobs.path(newest.manifest).write_bytes(b"{}")  # a damaged manifest tells nothing, and stops nothing
    assert seconds() == 2.0
    store.close()


def test_the_networks_of_every_profile_are_planned_in_order() -> None:
    names = {name: [one.name for one in task.planned(task.profile("tiny"))] for name, task in discover().items()}
    assert names == {
        "adrenal_ct": ["segmenter-yolo11n-seg", "phenotype-small_resnet3d"],
        "chest_ct_norm": [
            "simclr-small_resnet", "autoencoder-dense_autoencoder", "classifier-small_resnet",
            "pathology-yolo11n_cls",
        ],
        "cxr_findings": ["findings-small_resnet"],
        "cxr_quality": [
            "projection-small_resnet", "borders_frontal-small_resnet", "borders_lateral-small_resnet",
            "rotation_lateral-small_resnet",
        ],
        "lumbar_stenosis": [
            "sagittal-small_unet", "structures-small_unet", "presence-small_resnet",
            "severity_central-small_resnet", "severity_recess-small_resnet", "severity_foraminal-small_resnet",
        ],
    }  # fmt: skip
    tasks = discover()
    assert len(tasks["adrenal_ct"].planned(tasks["adrenal_ct"].profile("paper"))) == 5 + 8
    apart = tasks["cxr_findings"].planned(tasks["cxr_findings"].profile("paper"))
    assert [one.name for one in apart][:2] == [
        "enlarged_heart-efficientnet_b4",
        "enlarged_heart_shadow-efficientnet_b4",
    ]
    assert len({one.kind for one in apart}) == 1
    stages = tasks["cxr_quality"].profile("tiny").stages
    wider = {"projection": stages["projection"].model_copy(update={"size_px": (64, 64)})}
    assert planned(wider)[0].kind != planned({"projection": stages["projection"]})[0].kind
