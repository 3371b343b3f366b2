"""Scenes: what the viewer is told of a study, by whoever may see it; nothing of the pixels is read for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.answers import STUDY, Answer, MaskValue, Site
from data.blobs import Blobs
from data.errors import BlobError
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Consensus,
    ConsensusState,
    JobState,
    Layout,
    Measured,
    Mode,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReadRequest,
    RequestState,
    RoundState,
    Series,
    Study,
)
from data.splits import patient
from data.store import Store
from models.task import get_task
from workbench import jobs
from workbench.blindness import Sight
from workbench.theme import MODEL, READERS, SHAPES
from workbench.viewer.hands import compared, hands_of
from workbench.viewer.kept_slabs import KeptSlabs
from workbench.viewer.routes import mask_bytes
from workbench.viewer.scenes import Explained, Scenes
from workbench.viewer.shown import NOTHING, Shown, may_see, seen
from workbench.viewer.slabs import voxels_of
from workbench.viewer.tickets import PREFIX, HeatMap, Masks, Tickets, Voxels
from workbench.views.parts.viewer import panes_of

AXIAL = (0.0, 0.0, 0.7, 0.0, 0.0, 0.7, 0.0, 0.0, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
KNOWN = (Reader("ann", "Dr Ahn"), Reader("ben", "Dr Berg"), Reader("cem", "Dr Cem"))
TASK = "adrenal_ct"
SHAPE = (12, 40, 32)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


@pytest.fixture
def blobs(home: Home) -> Blobs:
    return Blobs.of(home)


def stack(blobs: Blobs, name: str, seed: int, shape: tuple[int, ...] = SHAPE, **more: object) -> Series:
    array = np.random.default_rng(seed).integers(-1000, 1500, shape).astype(np.int16)
    settings = {
        "modality": "CT", "layout": Layout.VOLUME, "spacing_mm": (2.5, 0.7, 0.7), "affine": AXIAL, **more,
    }  # fmt: skip
    return Series(f"series-{name}", "study", shape=shape, pixels=blobs.put_array(array), **settings)  # type: ignore[arg-type]


def ct(home: Home, *series: Series) -> Study:
    return Study("study", patient(home.secret("key"), "a:1"), "CT", series)


def disc(row: int, column: int, radius: int = 5) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def masks(blobs: Blobs, pages: Mapping[int, Mapping[str, NDArray[np.bool_]]]) -> tuple[Answer, ...]:
    return tuple(
        Answer("lesions", Site.page(page),
               MaskValue(SHAPE[1:], tuple(sorted((label, blobs.put_mask(m)) for label, m in of.items()))))
        for page, of in pages.items()
    )  # fmt: skip


def predicted(version: str, answers: tuple[Answer, ...], measured: tuple[Measured, ...] = ()) -> Prediction:
    results = tuple(QuestionPrediction(a.question, a.site, a.value, {}, 0.1) for a in answers)
    return Prediction(TASK, "study", version, results, measured=measured)


def read(reader: str, answers: tuple[Answer, ...], **more: object) -> Annotation:
    return Annotation(f"an-{reader}", TASK, "study", reader, Mode.INDEPENDENT, answers, **more)  # type: ignore[arg-type]


def named(home: Home, address: str) -> object:
    return Tickets.of(home).named(address.removeprefix(PREFIX + "/").rstrip("/"))


def scenes(home: Home, task: str = TASK) -> Scenes:
    return Scenes(home, get_task(task), KNOWN)


def test_the_pictures_are_those_of_the_pages_and_then_the_others(home: Home, blobs: Blobs) -> None:
    other = stack(blobs, "b", 2, description="Portal venous", attributes={"contrast": "iodine"})
    first = stack(blobs, "a", 1, description="Unenhanced")
    pane = scenes(home).pane(ct(home, first, other), NOTHING)
    assert [p.title for p in pane.pictures] == ["Unenhanced", "Portal venous"]
    shown = pane.pictures[0]
    assert (shown.shape, shown.dtype, shown.unit, shown.affine) == (SHAPE, "int16", "HU", AXIAL)
    assert (shown.spacing_mm, shown.slabs) == ((2.5, 0.7, 0.7), ((0, 8), (8, 4)))
    assert shown.window == get_task(TASK).window
    assert named(home, shown.address) == Voxels(first.pixels, image=False)
    assert [(p.name, p.centre, p.width) for p in shown.presets[:3]] == [
        ("soft tissue", 40, 400), ("lung", -600, 1500), ("mediastinum", 50, 350),
    ]  # fmt: skip
    assert pane.pages == tuple(("s1", index) for index in range(12))
    assert pane.start == ("s1", 6)
    assert not pane.layers
    assert pane.compare is None


def test_what_the_address_says_identifies_nobody(home: Home, blobs: Blobs) -> None:
    study = ct(home, stack(blobs, "a", 1))
    pane = scenes(home).pane(study, NOTHING)
    said = str([(p.key, p.title, p.address) for p in pane.pictures])
    for secret in (study.series[0].pixels, study.series[0].series_id, study.patient.patient_id, str(home.path)):
        assert secret not in said


def test_masks_become_layers_of_the_slices_that_they_lie_on(home: Home, blobs: Blobs) -> None:
    one, two = disc(20, 10), disc(12, 20)
    answers = masks(blobs, {3: {"lesion_1": one}, 4: {"lesion_1": two, "lesion_2": one}})
    pane = scenes(home).pane(ct(home, stack(blobs, "a", 1)), Shown((predicted("adrenal_ct-v1", answers),)))
    first, second = pane.layers
    assert (first.name, first.slices, second.name, second.slices) == ("lesion 1", (3, 4), "lesion 2", (4,))
    wanted = named(home, first.address)
    assert isinstance(wanted, Masks)
    assert mask_bytes(blobs, wanted) == np.packbits(one).tobytes() + np.packbits(two).tobytes()
    assert first.dashed
    assert first.group == first.who == "adrenal_ct-v1"
    assert first.colour != second.colour  # the model alone: each lesion has its own
    assert pane.start == ("s1", 4)


def test_readers_have_their_own_hue_and_shape_and_the_model_is_white_beside_them(home: Home, blobs: Blobs) -> None:
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}})
    shown = Shown((predicted("adrenal_ct-v1", answers),), (read("ben", answers), read("ann", answers)))
    layers = scenes(home).pane(ct(home, stack(blobs, "a", 1)), shown).layers
    assert [(one.who, one.colour, one.mark, one.dashed) for one in layers] == [
        ("adrenal_ct-v1", MODEL, "◌", True), ("Dr Berg", READERS[1], SHAPES[1], False),
        ("Dr Ahn", READERS[0], SHAPES[0], False),
    ]  # fmt: skip
    nameless = scenes(home).pane(ct(home, stack(blobs, "a", 1)), replace(shown, names=False)).layers
    assert [(one.who, one.colour) for one in nameless[1:]] == [("Reader 1", READERS[0]), ("Reader 2", READERS[1])]
    assert "Berg" not in str(nameless)
    assert "ben" not in str([(one.key, one.group) for one in nameless])


def test_a_reader_who_read_twice_is_two_hands(blobs: Blobs) -> None:
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}})
    second = replace(read("ann", answers, purpose=Purpose.REREAD), annotation_id="again")
    hands = hands_of(get_task(TASK).form, Shown(reads=(read("ann", answers), second)), KNOWN)
    assert len({hand.group for hand in hands}) == 2
    assert len({hand.who for hand in hands}) == 2
    assert all(hand.who.startswith("Dr Ahn, ") for hand in hands)


def test_what_is_compared_first(blobs: Blobs) -> None:
    form = get_task(TASK).form
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}})
    model = (predicted("adrenal_ct-v2", answers), predicted("adrenal_ct-v1", answers))
    reads = (read("ann", answers), read("ben", answers))
    value = answers[0].value
    agreed = (Consensus(TASK, "study", "r", "lesions", Site.page(3), ConsensusState.AGREED, value, "m", 1.0, ()),)
    pairs = [
        (Shown(model[:1]), None),
        (Shown(model), ("adrenal_ct-v2", "adrenal_ct-v1")),
        (Shown(model, reads), ("reader 1", "adrenal_ct-v2")),
        (Shown(model, reads, agreed), ("consensus", "adrenal_ct-v2")),
        (Shown((), reads), ("reader 1", "reader 2")),
        (Shown((), reads[:1], agreed), ("reader 1", "consensus")),
    ]
    for shown, wanted in pairs:
        assert compared(hands_of(form, shown, KNOWN)) == wanted
    assert [hand.shown for hand in hands_of(form, Shown(model), KNOWN)] == [True, False]


def test_what_is_about_to_be_decided_is_a_hand_of_its_own(home: Home, blobs: Blobs) -> None:
    answers = masks(blobs, {5: {"lesion_1": disc(20, 10)}})
    value = answers[0].value
    assert isinstance(value, MaskValue)
    shown = Shown(chosen={Site.page(5): value}, page=2)
    pane = scenes(home).pane(ct(home, stack(blobs, "a", 1)), shown)
    (layer,) = pane.layers
    assert (layer.group, layer.who, layer.slices, layer.dashed) == ("chosen", "Your choice", (5,), False)
    assert pane.start == ("s1", 2)


def test_masks_that_are_gone_or_of_another_size_are_left_out(home: Home, blobs: Blobs) -> None:
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}, 4: {"lesion_1": disc(9, 9)}})
    value = answers[0].value
    assert isinstance(value, MaskValue)
    blobs.remove(value.masks[0][1])
    other = Answer("lesions", Site.page(5), MaskValue((8, 8), (("lesion_1", blobs.put_mask(np.ones((8, 8)))),)))
    far = masks(blobs, {99: {"lesion_1": disc(20, 10, 3)}})
    shown = Shown((predicted("adrenal_ct-v1", (*answers, other, *far)),))
    (layer,) = scenes(home).pane(ct(home, stack(blobs, "a", 1)), shown).layers
    assert layer.slices == (4,)


def test_measures_stand_where_they_were_taken_with_value_and_unit(home: Home, blobs: Blobs) -> None:
    ends = ((3.0, 4.0), (10.0, 12.0))
    measured = (
        Measured("long_diameter", Site.lesion(1), 23.44, "mm", 7, (ends, ((0.0, 0.0), (1.0, 1.0)))),
        Measured("volume", STUDY, 3.2, "ml"),
    )
    shown = Shown((predicted("adrenal_ct-v1", (), measured),))
    pane = scenes(home).pane(ct(home, stack(blobs, "a", 1)), shown)
    assert [(one.picture, one.slice, one.text) for one in pane.lines] == [
        ("s1", 7, "long diameter 23.4 mm"), ("s1", 7, ""),
    ]  # fmt: skip
    assert pane.lines[0].ends == ends
    assert pane.start == ("s1", 7)


def test_a_heat_map_lies_on_the_page_that_it_explains(home: Home, blobs: Blobs) -> None:
    blob = blobs.put_array(np.full((20, 16), 9, dtype=np.uint8))
    found = (Explained("phenotype lesion 1", 4, blob), Explained("far", 50, blob), Explained("gone", 1, "0" * 64))
    pane = scenes(home).pane(ct(home, stack(blobs, "a", 1)), NOTHING, heats=found)
    (heat,) = pane.heats
    assert (heat.name, heat.picture, heat.slice, heat.shape) == ("phenotype lesion 1", "s1", 4, (20, 16))
    assert named(home, heat.address) == HeatMap(blob)


def test_pages_of_two_series_and_windows_of_magnetic_resonance(home: Home, blobs: Blobs) -> None:
    sagittal = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7, 0.0, 0.0, -0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    sagittal = (4.0, *sagittal[1:])
    made = [
        stack(blobs, "axial", 1, (10, 32, 32), modality="MR", window=(300.0, 600.0)),
        stack(blobs, "sagittal", 2, (7, 48, 32), modality="MR", affine=sagittal, window=(300.0, 600.0)),
    ]
    study = Study("study", patient(home.secret("key"), "a:1"), "MR", tuple(made))
    pages = get_task("lumbar_stenosis").sources(study)
    assert len(pages) == 17
    pane = scenes(home, "lumbar_stenosis").pane(study, NOTHING)
    assert [p.title for p in pane.pictures] == ["MR axial", "MR sagittal"]
    assert [where for where, _ in pane.pages] == ["s1"] * 10 + ["s2"] * 7
    first = pane.pictures[0]
    assert (first.unit, first.window) == ("", (300.0, 600.0))
    assert [(p.name, p.centre, p.width) for p in first.presets] == [
        ("more contrast", 300, 360), ("less contrast", 300, 960), ("brighter", 180, 600), ("darker", 420, 600),
    ]  # fmt: skip


def test_a_study_that_the_task_does_not_take_is_shown_without_pages(home: Home, blobs: Blobs) -> None:
    array = np.random.default_rng(1).integers(0, 4096, (30, 20)).astype(np.uint16)
    series = Series("x", "study", "DX", Layout.IMAGE, (30, 20), blobs.put_array(array), (0.2, 0.1),
                    attributes={"patient_orientation": "L\\F"})  # fmt: skip
    study = Study("study", patient(home.secret("key"), "a:1"), "DX", (series,))
    pane = scenes(home).pane(study, NOTHING)
    (shown,) = pane.pictures
    assert pane.pages == ()
    assert pane.start == ("s1", 0)
    assert (shown.shape, shown.spacing_mm, shown.affine) == ((1, 30, 20), (0.0, 0.2, 0.1), None)
    assert (shown.orientation, shown.unit, shown.slabs) == ("L\\F", "", ((0, 1),))
    low, high = np.percentile(array, (0.5, 99.5))
    assert shown.window == pytest.approx(((low + high) / 2 + 0.5, high - low + 1))


def test_pixels_that_are_gone_say_so_and_other_series_that_are_gone_are_left_out(home: Home, blobs: Blobs) -> None:
    first, other = stack(blobs, "a", 1), stack(blobs, "b", 2, attributes={"contrast": "iodine"})
    blobs.remove(other.pixels)
    assert len(scenes(home).pane(ct(home, first, other), NOTHING).pictures) == 1
    blobs.remove(first.pixels)
    with pytest.raises(BlobError, match="missing"):
        scenes(home).pane(ct(home, first, other), NOTHING)


def test_what_comes_next_is_fetched_from_its_middle_on(home: Home, blobs: Blobs) -> None:
    series = stack(blobs, "a", 1, (30, 8, 8))
    ahead = scenes(home).ahead(ct(home, series))
    assert [address.rpartition("/")[2] for address in ahead] == ["1", "2", "0", "3"]
    assert named(home, ahead[0].rpartition("/")[0]) == Voxels(series.pixels, image=False)


def test_a_visit_keeps_its_addresses(home: Home, blobs: Blobs) -> None:
    study, now = ct(home, stack(blobs, "a", 1)), time.time()
    one, other = (
        Scenes(home, get_task(TASK), KNOWN, issued_s=now - ago).pane(study, NOTHING).pictures[0].address
        for ago in (0, 7200)
    )
    assert one != other
    again = Scenes(home, get_task(TASK), KNOWN, issued_s=now).pane(study, NOTHING).pictures[0].address
    assert again == one


def test_a_scene_of_120_pages_with_three_hands_takes_less_than_50_ms(
    home: Home, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ct(home, stack(blobs, "a", 1, (120, *SHAPE[1:])))
    monkeypatch.setattr(type(get_task(TASK)), "page_slices", lambda self, count: range(count))
    monkeypatch.setattr("models.tasks.adrenal_ct.page_slices", range)
    answers = masks(blobs, {p: {"lesion_1": disc(p % 30, 10), "lesion_2": disc(9, p % 30)} for p in range(120)})
    shown = Shown((predicted("adrenal_ct-v1", answers),), (read("ann", answers), read("ben", answers)))
    made = scenes(home)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        pane = made.pane(study, shown)
        took.append(time.perf_counter() - start)
    assert len(pane.pages) == 120
    assert sum(len(layer.slices) for layer in pane.layers) == 720
    assert min(took) < 0.05


@pytest.mark.parametrize(
    ("sight", "own", "reader", "round_id", "allowed"),
    [
        (Sight(), "", "ann", "r1", True),
        (Sight(), "ann", "ben", "r1", True),
        (Sight(others=False), "ann", "ben", "r1", False),
        (Sight(others=False), "ann", "ann", "r0", True),
        (Sight(others=False, rounds=frozenset({"r1"})), "ann", "ann", "r0", False),
        (Sight(others=False, rounds=frozenset({"r1"})), "ann", "ann", "r1", True),
    ],
)
def test_whose_read_may_be_shown(sight: Sight, own: str, reader: str, round_id: str, allowed: bool) -> None:
    assert may_see(sight, own, reader, round_id) is allowed


def test_what_may_not_be_seen_is_not_there(home: Home, blobs: Blobs) -> None:
    store = Store.of(home)
    study = ct(home, stack(blobs, "a", 1))
    store.studies.add(study, {})
    for reader in KNOWN:
        store.reads.add_reader(reader)
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}})
    versions = [store.versions.add(task=TASK, profile="demo", manifest=blobs.put(b"{}")).version for _ in "ab"]
    store.versions.put_predictions([predicted(version, answers) for version in versions])
    for reader in ("ann", "ben"):
        store.reads.keep(read(reader, answers))
    store.reads.keep(replace(read("cem", ()), skipped=True))
    every = seen(store, TASK, versions[0], study, Sight())
    assert [p.version for p in every.predictions] == versions
    assert {r.reader_id for r in every.reads} == {"ann", "ben"}
    blind = seen(store, TASK, versions[0], study, Sight(model=False, others=False), own="ann")
    assert blind.predictions == blind.consensus == ()
    assert [r.reader_id for r in blind.reads] == ["ann"]


def test_the_pictures_of_a_batch_are_made_ready_beforehand_and_once(home: Home, blobs: Blobs) -> None:
    store = Store.of(home)
    series = stack(blobs, "a", 1)
    store.studies.add(ct(home, series), {})
    store.reads.add_reader(KNOWN[0])
    item = BatchItem("study", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "")
    current = store.rounds.open(TASK, [item], {}, "")
    request = ReadRequest("rq", current.round_id, TASK, "study", "ann", Purpose.ACQUISITION, Mode.INDEPENDENT)
    store.reads.plan([request])
    store.reads.set_requests([replace(request, state=RequestState.PUSHED, external_project=1, external_task=1)])
    store.rounds.move(current.round_id, RoundState.PUSHED, expected=[RoundState.OPENED])
    kept = KeptSlabs.of(home)
    for _ in range(2):
        job = jobs.enqueue(home, "voxels", round_id=current.round_id)
        jobs.run(home, job.job_id)
        done = store.jobs.get(job.job_id)
        assert done.state == JobState.DONE
        assert done.result == {"round": current.round_id, "studies": 1, "slabs": 2}
        found = [kept.path(series.pixels, first, count) for first, count in ((0, 8), (8, 4))]
        stamps = [path.stat().st_mtime_ns for path in found]
    assert [path.stat().st_mtime_ns for path in found] == stamps
    assert voxels_of(series) == Voxels(series.pixels, image=False)


def test_two_versions_and_an_earlier_study_stand_beside_each_other(home: Home, blobs: Blobs) -> None:
    answers = masks(blobs, {3: {"lesion_1": disc(20, 10)}})
    now, before = (Shown((predicted(f"adrenal_ct-v{n}", answers),)) for n in (2, 1))
    study = replace(ct(home, stack(blobs, "a", 1)), study_date="2026-03-01")
    made = scenes(home)
    panes = panes_of(made, study, now, (study, before), ())
    assert [(p.key, p.title) for p in panes] == [("study", "adrenal_ct-v2"), ("study beside", "adrenal_ct-v1")]
    assert [p.layers[0].group for p in panes] == ["adrenal_ct-v2", "adrenal_ct-v1"]
    earlier = replace(study, study_id="earlier", study_date="2025-01-31")
    panes = panes_of(made, study, now, (earlier, NOTHING), ())
    assert [p.title for p in panes] == [f"{study.label}, 2026-03-01", f"{study.label}, 2025-01-31"]
    assert panes_of(made, study, now, None, ())[0].title == study.label
