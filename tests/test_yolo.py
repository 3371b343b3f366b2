"""YOLO-seg: data sets in files and back, training that repeats and resumes, and native masks."""

import json
import random

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from data.errors import ConfigError, JobCancelledError, VersionError
from models.adrenal_settings import SegmenterStage
from models.config import Augment
from models.course import read_course
from models.networks import pretrained
from models.watching import watched
from models.yolo import Segmenter, build_yolo
from models.yolo_data import (
    Frame,
    balanced,
    coco_annotation,
    parts,
    read_coco,
    read_yolo,
    run_lengths,
    write_description,
    write_part,
    yolo_rows,
)
from models.yolo_training import fit_yolo

SIZE = (32, 64)


def disc(row, column, radius, shape=SIZE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


RING = disc(16, 30, 12) & ~disc(16, 30, 5)
TWO = disc(8, 10, 5) | disc(22, 50, 7)
SHAPES = {
    "disc": disc(16, 30, 9),
    "ring": RING,
    "two parts": TWO,
    "pixel": disc(4, 4, 0),
    "line": (np.arange(64) == 7) & (np.arange(32) > 20)[:, None],
    "at the border": disc(0, 0, 8) | disc(31, 63, 6),
    "two holes": disc(16, 30, 14) & ~disc(16, 23, 3) & ~disc(16, 38, 3),
    "ragged": np.random.default_rng(0).random(SIZE) > 0.6,
}


@pytest.mark.parametrize("name", SHAPES)
def test_masks_come_back_from_rows_and_from_coco(name):
    mask = SHAPES[name]
    rows = yolo_rows(mask)
    back = np.any(read_yolo("\n".join(rows), SIZE), axis=0)
    assert iou(back, mask) >= 0.95
    assert all(len(row.split()) >= 7 for row in rows)
    assert all(0 <= float(value) <= 1 for row in rows for value in row.split()[1:])
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": SIZE[1], "height": SIZE[0]}],
        "annotations": [coco_annotation(mask, 1, 1)],
    }
    (again,) = read_coco(json.loads(json.dumps(document)))["a.png"]
    assert iou(again, mask) >= 0.95
    assert np.any(parts(mask), axis=0).sum() == mask.sum() == sum(part.sum() for part in parts(mask))


def test_coco_says_box_area_and_shape():
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:10] = True
    known = coco_annotation(mask, 7, 3)
    assert known["bbox"] == [3, 2, 7, 3]
    assert known["area"] == 21
    assert (known["id"], known["image_id"], known["category_id"], known["iscrowd"]) == (7, 3, 1, 0)
    assert isinstance(known["segmentation"], list)
    assert isinstance(coco_annotation(RING, 1, 1)["segmentation"], dict)
    assert len(coco_annotation(TWO, 1, 1)["segmentation"]) == 2
    assert run_lengths(mask)["counts"][:3] == [32, 3, 7]  # down the columns
    assert sum(run_lengths(mask)["counts"]) == mask.size


def test_a_data_set_is_written_and_counted(tmp_path):
    frames = [Frame("a", np.zeros(SIZE, np.uint8), [RING, disc(4, 60, 2)]), Frame("b", np.zeros(SIZE, np.uint8))]
    counts = write_part(tmp_path, "train", frames)
    assert (counts.frames, counts.with_lesion, counts.lesions, counts.rows) == (2, 1, 2, 3)
    assert (counts.split_parts, counts.split_holes) == (1, 1)
    assert "1 rows more" in counts.notes[0]
    assert (tmp_path / "labels/train/b.txt").read_text() == ""
    assert len((tmp_path / "labels/train/a.txt").read_text().splitlines()) == 3
    document = json.loads((tmp_path / "annotations/train.json").read_text())
    masks = read_coco(document)
    assert [iou(a, b) for a, b in zip(masks["a.png"], [RING, disc(4, 60, 2)], strict=True)] == [1.0, 1.0]
    assert masks["b.png"] == []


def test_frames_without_a_lesion_are_balanced():
    held = np.arange(100) % 10 == 0
    kept = balanced(held.tolist(), np.random.default_rng(0))
    assert held[kept].sum() == 10
    assert (~held[kept]).sum() == 10
    assert kept.tolist() == sorted(kept)
    assert len(balanced([False] * 5, np.random.default_rng(0))) == 1


def stage(**changes):
    known = {"networks": ("yolo11n-seg",), "size_px": SIZE, "epochs": 1, "batch_size": 4, "validate_epochs": False}
    return SegmenterStage(**(known | changes))


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 4)):
        frames = []
        for number in range(count):
            mask = disc(10 + number, 16 + 4 * number, 6)
            picture = np.where(mask, 200, rng.integers(20, 60, SIZE)).astype(np.uint8)
            frames.append(Frame(f"{number:02}", picture, [mask] if number % 2 else []))
        write_part(folder, part, frames)
    return write_description(folder)


def test_training_repeats_resumes_and_leaves_nothing_behind(description, tmp_path):
    steps = []
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = random.getstate(), torch.get_rng_state()
    first = fit_yolo(
        "yolo11n-seg", stage(dropout=0.2), description, scratch=tmp_path / "a", seed=3, max_steps=1,
        told=lambda step, of, words: steps.append((step, of, words)),
    )  # fmt: skip
    assert before[0] == random.getstate()
    assert torch.equal(before[1], torch.get_rng_state())
    assert first.steps == 1
    assert steps == [(1, 1, "segmenter: yolo11n-seg, epoch 1 of 1")]
    assert {p.name for p in (tmp_path / "a").iterdir()} == {"segmenter-yolo11n-seg.checkpoint"}
    assert set(first.metrics) == {
        f"{kind}_{name}" for kind in ("box", "mask") for name in ("precision", "recall", "map50", "map50_95")
    }
    again = fit_yolo("yolo11n-seg", stage(dropout=0.2), description, scratch=tmp_path / "b", seed=3, max_steps=1)
    assert all(torch.equal(first.weights[k], again.weights[k]) for k in first.weights)
    taken_up = fit_yolo(
        "yolo11n-seg", stage(dropout=0.2), description, scratch=tmp_path / "a", seed=3, max_steps=1,
        told=lambda *_: pytest.fail("trained again"),
    )  # fmt: skip
    assert taken_up.seconds == first.seconds
    fresh = build_yolo("yolo11n-seg").state_dict()
    assert any(not torch.equal(fresh[k], first.weights[k]) for k in fresh)
    segmenter = Segmenter.restore(first.settings.model_dump(mode="json"), first.weights)
    assert len(list(segmenter.instances(np.zeros((3, *SIZE), np.uint8), (50, 70)))) == 3


LONG = {
    "epochs": 5, "batch_size": 3, "validate_epochs": True, "patience": 3, "dropout": 0.2, "scale": 0.2,
    "augment": Augment(flip_horizontal=True, rotate_deg=8.0, brightness=0.2), "learning_rate": 5e-3,
}  # fmt: skip
"""Five epochs of three steps, with all that draws at random."""


def stopped(description, scratch, at):
    """A training that is called off at its step number ``at``."""

    def told(step, of, words):
        if step == at:
            raise JobCancelledError("The job was called off.", given="job")

    with pytest.raises(JobCancelledError):
        fit_yolo("yolo11n-seg", stage(**LONG), description, scratch=scratch, seed=5, told=told)


def test_stopped_and_gone_on_with_it_ends_with_the_weights_of_never_stopped(description, tmp_path):
    whole = fit_yolo("yolo11n-seg", stage(**LONG), description, scratch=tmp_path / "whole", seed=5)
    stopped(description, tmp_path / "cut", 2)  # no epoch has ended: nothing is there to take up
    assert not list((tmp_path / "cut").glob("*"))
    stopped(description, tmp_path / "cut", 5)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    torch.manual_seed(99)
    stopped(description, tmp_path / "cut", 11)
    steps = []
    with watched(tmp_path / "course.json"):
        again = fit_yolo(
            "yolo11n-seg", stage(**LONG), description, scratch=tmp_path / "cut", seed=5,
            told=lambda step, of, words: steps.append((step, of)),
        )  # fmt: skip
    assert steps[0] == (10, 15)  # three epochs of three steps are not trained again
    assert again.steps == whole.steps == steps[-1][0]
    assert again.curve == whole.curve
    assert again.metrics == whole.metrics
    assert all(torch.equal(again.weights[k], whole.weights[k]) for k in whole.weights)
    assert {p.name for p in (tmp_path / "cut").iterdir()} == {"segmenter-yolo11n-seg.checkpoint"}
    course = read_course(tmp_path / "course.json")
    assert (course.current.done, course.current.resumes, len(course.current.curve)) == (True, True, 5)
    other = fit_yolo("yolo11n-seg", stage(**LONG), description, scratch=tmp_path / "cut", seed=6, max_steps=1)
    assert other.steps == 1  # a checkpoint of another training is left aside


def test_steps_that_span_epochs_are_no_place_to_go_on_from(description, tmp_path):
    """Fewer frames than a batch: steps are gathered from two epochs, and the training begins again."""
    told = []

    def cut(step, of, words):
        told.append(step)
        if step == 2:
            raise JobCancelledError("The job was called off.", given="job")

    small = {**LONG, "batch_size": 16, "validate_epochs": False}
    with watched(tmp_path / "course.json"), pytest.raises(JobCancelledError):
        fit_yolo("yolo11n-seg", stage(**small), description, scratch=tmp_path / "cut", told=cut)
    assert told == [1, 2]
    assert read_course(tmp_path / "course.json").current.resumes is False
    assert not list((tmp_path / "cut").glob("*"))


class _Fixed(torch.nn.Module):
    """Gives one sure box with a prototype that fills its left half."""

    def forward(self, images):
        rows = torch.zeros(len(images), 4 + 1 + 32, 3)
        rows[:, :4, 0] = torch.tensor([32.0, 16.0, 32.0, 16.0])  # middle and size
        rows[:, 4, 0] = 0.9
        rows[:, 5, 0] = 1.0
        protos = torch.full((len(images), 32, SIZE[0] // 4, SIZE[1] // 4), -1.0)
        protos[:, 0, :, :8] = 1.0
        return (rows, protos), None


def test_masks_have_native_pixels():
    from models.yolo import SegmenterSettings

    segmenter = Segmenter(SegmenterSettings(network="yolo11n-seg", size_px=SIZE), _Fixed())
    ((found,),) = list(segmenter.instances(np.zeros((1, *SIZE), np.uint8), (64, 96)))
    mask, confidence = found
    assert confidence == pytest.approx(0.9)
    assert mask.shape == (64, 96)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (16, 47)
    assert columns.min() == 24
    assert columns.max() == pytest.approx(47, abs=1)


def test_missing_weights_are_named_and_files_are_read(tmp_path, monkeypatch, description):
    from models.yolo_training import _start

    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path))
    known, tensors = _start("yolo11s-seg", "coco")
    assert known["weights"] == "none"
    assert "put yolo11s-seg.pt" in known["note"]
    assert str(tmp_path) in known["note"]
    assert tensors == {}
    with pytest.raises(ConfigError, match="missing"):
        _start("yolo11n-seg", str(tmp_path / "mine.pt"))
    (tmp_path / "yolo11n-seg.pt").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="does not fit"):
        _start("yolo11n-seg", "coco")
    save_file(build_yolo("yolo11n-seg", 80).state_dict(), tmp_path / "yolo11n-seg.safetensors")
    known, tensors = _start("yolo11n-seg", "coco")
    assert known["weights"] == "yolo11n-seg.safetensors"
    assert len(known["weights_sha256"]) == 64
    assert "model.0.conv.weight" in tensors


def test_bad_settings_are_refused():
    for changes in ({"networks": ("yolo12-seg",)}, {"size_px": (33, 64)}, {"field": (0.5, 0.4, 0.0, 1.0)}):
        with pytest.raises(ValidationError):
            stage(**changes)
    with pytest.raises(VersionError, match="cannot be built"):
        Segmenter.restore({"network": "yolo11n-seg", "size_px": SIZE}, {"a": torch.zeros(1)})
