"""Copies on both sides are found, by content and by likeness, and training gives way; others are left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from active_learning.leakage import look
from data.blobs import Blobs
from data.deletion import delete_patient
from data.errors import TrainingError
from data.home import Home
from data.leakage import LARGE_PX, Copy, CopyKind, copies, pages_of
from data.likeness import BOXES, COARSE_LEAST, COPY, SIDE_PX, candidates, coarse, likeness, thumbnail
from data.phantoms.cxr_quality import radiograph
from data.pixels import Pixels, apply_window, robust_window
from data.records import Layout, Part, Series, Study
from data.splits import patient
from data.store import Store
from models.learnt import read_learnt
from models.task import get_task
from models.training import train_version
from models.versions import read_manifest
from tests.radiographs import TASK, fill

Pages = NDArray[np.generic]
KEY = "22" * 32


def scene(seed: int, side: int = 256) -> NDArray[np.uint8]:
    """(side, side) with structures of several sizes, as a picture of a body has them."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((side, side), dtype=np.float64)
    for cells, weight in ((4, 1.0), (12, 0.6), (40, 0.35)):
        whole += weight * cv2.resize(rng.normal(size=(cells, cells)), (side, side), interpolation=cv2.INTER_CUBIC)
    low, high = np.percentile(whole, (1, 99))
    return np.asarray(np.clip(20 + 200 * (whole - low) / (high - low), 0, 255), dtype=np.uint8)


def jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def scaled(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how), dtype=np.uint8)


def cut(picture: NDArray[np.uint8], top: float, bottom: float, left: float, right: float) -> NDArray[np.uint8]:
    rows, columns = picture.shape
    return picture[
        int(top * rows) : rows - int(bottom * rows), int(left * columns) : columns - int(right * columns)
    ]


def lit(picture: NDArray[np.uint8], gain: float, offset: float) -> NDArray[np.uint8]:
    return np.asarray(np.clip(picture * gain + offset, 0, 255), dtype=np.uint8)


NEAR: dict[str, Callable[[NDArray[np.uint8]], Pages]] = {
    "half the size": lambda p: scaled(p, 0.5),
    "twice the size": lambda p: scaled(p, 2.0),
    "JPEG of quality 60": lambda p: jpeg(p, 60),
    "12 bits": lambda p: p.astype(np.uint16) * 16,
    "brighter": lambda p: lit(p, 1.15, 10),
    "darker": lambda p: lit(p, 0.7, -5),
    "inverted": lambda p: 255 - p,
    "cut all around": lambda p: cut(p, 0.04, 0.04, 0.04, 0.04),
    "cut at one corner": lambda p: cut(p, 0.09, 0.0, 0.0, 0.09),
    "all at once": lambda p: jpeg(lit(cut(scaled(p, 0.6), 0.01, 0.04, 0.05, 0.0), 1.1, -8), 70),
}


@pytest.mark.parametrize("how", NEAR)
def test_a_near_copy_is_found_and_nothing_else(store: Store, home: Home, how: str) -> None:
    scenes = [scene(seed) for seed in range(6)]
    learnt = [add(store, home, f"learnt-{n}", [NEAR[how](p)], Part.TRAIN) for n, p in enumerate(scenes[:3])]
    measured = [add(store, home, f"measured-{n}", [p], Part.TEST) for n, p in enumerate(scenes[2:])]
    (found,) = copies(store, Pixels.of(home), learnt, measured)
    assert (found.learnt, found.measured, found.kind) == ("learnt-2", "measured-0", CopyKind.NEAR)
    assert found.likeness >= COPY


def add(store: Store, home: Home, name: str, pages: list[Pages], part: Part) -> Study:
    """Keep a study with a series of these pages, of a patient of its own."""
    array = pages[0] if len(pages) == 1 else np.stack(pages)
    layout = Layout.IMAGE if len(pages) == 1 else Layout.VOLUME
    series = Series(f"se-{name}", name, "DX", layout, array.shape, Blobs.of(home).put_array(array))
    study = Study(name, replace(patient(KEY, f"test:{name}"), part=part), "DX", (series,))
    store.studies.add(study, {})
    return store.studies.get(name)


def test_the_same_pixels_under_two_names_are_the_same_pixels(store: Store, home: Home) -> None:
    learnt = [add(store, home, "a", [scene(1)], Part.TRAIN), add(store, home, "b", [scene(2)], Part.VALIDATION)]
    measured = [add(store, home, "c", [scene(2)], Part.CALIBRATION)]
    assert copies(store, Pixels.of(home), learnt, measured) == (Copy("b", "c", CopyKind.SAME, 1.0),)
    assert copies(store, Pixels.of(home), learnt, []) == ()


def test_a_volume_is_a_copy_by_most_of_its_pages(store: Store, home: Home) -> None:
    pages: list[Pages] = [scene(seed, 96) for seed in range(20)]
    other: list[Pages] = [scene(100 + seed, 96) for seed in range(20)]
    measured = [add(store, home, "measured", pages, Part.TEST)]
    assert pages_of(measured[0].series[0]) == (2, 6, 10, 14, 18)
    darker: list[Pages] = [lit(np.asarray(page, dtype=np.uint8), 0.8, 0) for page in pages]
    near = add(store, home, "near", darker, Part.TRAIN)
    some = add(store, home, "some", [*darker[:8], *other[8:]], Part.TRAIN)  # two of five pages
    apart = add(store, home, "apart", other, Part.TRAIN)
    found = copies(store, Pixels.of(home), [near, some, apart], measured)
    assert [(c.learnt, c.kind) for c in found] == [("near", CopyKind.NEAR)]


def test_a_page_that_shows_nothing_is_like_no_other(store: Store, home: Home) -> None:
    flat: Pages = np.full((64, 64), 7, dtype=np.uint8)
    learnt = [add(store, home, "a", [flat], Part.TRAIN)]
    assert copies(store, Pixels.of(home), learnt, [add(store, home, "b", [flat + 1], Part.TEST)]) == ()
    assert thumbnail(np.full((9, 9), 3, dtype=np.uint8)) is None


def test_candidates_are_those_of_a_comparison_one_by_one() -> None:
    ones = np.stack([np.asarray(thumbnail(scene(seed))) for seed in range(7)])
    others = np.stack([np.asarray(thumbnail(cut(scene(seed), 0.05, 0, 0, 0.05))) for seed in (5, 2, 9, 30)])
    found = {(c.one, c.other): c.coarse for c in candidates(ones, others, piece=3)}
    expected = {}
    for i, one in enumerate(ones):
        for j, other in enumerate(others):
            pairs = [(one, other, box) for box in BOXES] + [(other, one, box) for box in BOXES]
            best = max(abs(float(coarse(a[None], box)[0] @ coarse(b[None])[0])) for a, b, box in pairs)
            if best >= COARSE_LEAST:
                expected[i, j] = best
    assert found == pytest.approx(expected, abs=1e-5)
    assert set(found) == {(5, 0), (2, 1)}
    first = next(c for c in candidates(ones, others) if (c.one, c.other) == (5, 0))
    assert likeness(ones[5], others[0], first) > 0.9


@pytest.mark.parametrize(("one", "other"), [(479, 2), (467, 299), (606, 69)])
def test_chests_whose_details_agree_once_one_is_turned_and_stretched_are_no_copies(one: int, other: int) -> None:
    pictures = [apply_window(p.pixels, robust_window(p.pixels)) for p in map(radiograph, (one, other))]
    found = list(candidates(*(small(picture) for picture in pictures)))
    assert found  # they are alike at a coarse look
    large = [thumbnail(picture, LARGE_PX) for picture in pictures]
    assert large[0] is not None
    assert large[1] is not None
    assert likeness(large[0], large[1], found[0]) < COPY


def small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The thumbnail of one picture, as one of several."""
    found = thumbnail(picture)
    assert found is not None
    return found[None]


def test_what_was_compared_is_kept_and_goes_with_the_patient(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = [add(store, home, "a", [scaled(scene(1), 0.5)], Part.TRAIN)]
    measured = [add(store, home, "b", [scene(1)], Part.TEST), add(store, home, "c", [scene(3)], Part.TEST)]
    first = copies(store, Pixels.of(home), learnt, measured)

    def refuse(*_: object) -> None:
        raise AssertionError("pixels were read again")

    monkeypatch.setattr(Pixels, "array", refuse)
    assert copies(store, Pixels.of(home), learnt, measured) == first
    for study in (*learnt, *measured[:1]):
        delete_patient(store, Blobs.of(home), store.cards.of_patient(study.patient.patient_id).card_id)
    left = [row["pixels"] for row in store.db.query("SELECT pixels FROM thumbnails")]
    assert left == [measured[1].series[0].pixels]
    assert store.db.execute("SELECT count(*) FROM likenesses").fetchone() == (0,)


@pytest.fixture
def leaking(store: Store, home: Home) -> list[str]:
    """Radiographs to train and measure on; two of those to learn from are copies of one to measure on."""
    blobs = Blobs.of(home)
    fill(store, blobs, {Part.TRAIN: 24, Part.VALIDATION: 12, Part.TEST: 6})
    taken = Pixels(blobs).array(store.studies.get("study-test-001").series[0])
    for name, pixels in (("study-train-003", taken), ("study-validation-002", scaled(np.asarray(taken), 2.0))):
        series = store.studies.get(name).series[0]
        store.studies.replace_series(replace(series, pixels=blobs.put_array(pixels), shape=pixels.shape), {})
    return ["study-train-003", "study-validation-002"]


def test_training_leaves_copies_out_and_says_so(store: Store, home: Home, leaking: list[str]) -> None:
    task, blobs = get_task(TASK), Blobs.of(home)
    version, _ = train_version(store, blobs, task, "tiny", scratch=home.path / "scratch", max_steps=2)
    data = read_manifest(blobs, version)["data"]
    assert data["left_out_as_copies"] == 2
    assert "2 studies were left out: copies of studies of test or calibration patients." in data["note"]
    assert (data["training"]["studies"], data["validation"]["studies"]) == (23, 11)
    learnt = read_learnt(blobs, version)
    assert learnt is not None
    assert not {s.study_id for s in learnt.studies} & set(leaking)
    assert [(c.learnt, c.measured) for c in learnt.left_out] == [(name, "study-test-001") for name in leaking]
    assert len(learnt.studies) == 34
    assert {origin.source for s in learnt.studies for origin in s.origins} == {"test"}
    (entry,) = store.log.entries(event="copies.left_out")
    assert (entry.subject, dict(entry.detail)) == (version.version, {"count": 2, "studies": leaking})
    found = look(store, blobs, task)
    assert [(leak.kind, leak.learnt, leak.versions) for leak in found.leaks] == [
        ("same pixels", leaking[0], ()),
        ("nearly the same pixels", leaking[1], ()),
    ]
    assert found.learnt_from == ()


def test_what_a_version_learnt_before_the_copy_came_in_is_named(store: Store, home: Home) -> None:
    task, blobs = get_task(TASK), Blobs.of(home)
    fill(store, blobs, {Part.TRAIN: 18, Part.VALIDATION: 6, Part.TEST: 2})
    version, _ = train_version(store, blobs, task, "tiny", scratch=home.path / "scratch", max_steps=2)
    assert look(store, blobs, task).leaks == ()
    learnt = store.studies.get("study-train-004")
    series = store.studies.get("study-test-000").series[0]
    store.studies.replace_series(replace(series, pixels=learnt.series[0].pixels), {})
    moved = store.studies.get("study-train-007").patient
    with store.write() as db:
        db.execute("UPDATE patients SET part = 'test' WHERE patient_id = ?", [moved.patient_id])
    found = look(store, blobs, task)
    assert [(leak.kind, leak.learnt, leak.measured, leak.versions) for leak in found.leaks] == [
        ("patient", moved.pseudonym, moved.pseudonym, (version.version,)),
        ("same pixels", "study-train-004", "study-test-000", (version.version,)),
    ]
    assert len(found.learnt_from) == 2
    assert "2 leaks (0 kept out of every version)" in found.sentence


def test_training_on_nothing_but_copies_is_refused(store: Store, home: Home) -> None:
    blobs = Blobs.of(home)
    fill(store, blobs, {Part.TRAIN: 1, Part.TEST: 1})
    pixels = store.studies.get("study-test-000").series[0].pixels
    series = store.studies.get("study-train-000").series[0]
    store.studies.replace_series(replace(series, pixels=pixels), {})
    with pytest.raises(TrainingError, match="1 study was left out: copies"):
        train_version(store, blobs, get_task(TASK), "tiny", scratch=home.path / "scratch")


def test_thumbnails_are_of_the_same_size_whatever_the_picture() -> None:
    for shape in ((40, 40), (512, 300), (17, 9)):
        small = thumbnail(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
        assert small is not None
        assert small.shape == (SIDE_PX, SIDE_PX)
