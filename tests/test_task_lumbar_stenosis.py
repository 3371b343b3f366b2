"""The lumbar task on small spines: discs, canal and sac as plain shapes, and a bright patch for each narrowing."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from data.answers import Answer, Mask, MaskValue, Site
from data.blobs import Blobs
from data.errors import TaskError, TrainingError
from data.pixels import Pixels
from data.records import Layout, Part, Patient, ReferenceLabel, Series, Study
from models.spine.outlines import drawn_levels, known_labels
from models.spine.stacks import LEVELS, SIDES, find_stacks, plane
from models.task import Example, TrainingRun, get_task
from models.training import examples

TASK = "lumbar_stenosis"
SAGITTAL = np.array([[-4.0, 0, 0, 8], [0, 0, 2, -64], [0, -2, 0, 140], [0, 0, 0, 1]])
AXIAL = np.array([[0, 0, 1.0, -31.5], [0, 1.0, 0, -12], [5.0, 0, 0, -10], [0, 0, 0, 1]])
HEIGHTS = dict(zip(LEVELS, (120.0, 90.0, 60.0, 30.0, 0.0), strict=True))
SLICES = {level: round((z + 10) / 5) for level, z in HEIGHTS.items()}
LOSS = (0.0, 0.22, 0.5, 0.8)
SAC_MM = 8.0
FIRST_SAGITTAL = 28


@pytest.fixture
def task():
    return get_task(TASK)


@pytest.fixture
def blobs(home):
    return Blobs.of(home)


def grades_of(number):
    """Grades by (question, site key): half of the levels are unaffected, and every grade comes up."""
    rng = np.random.default_rng(number)
    found = {}
    for level in LEVELS:
        sick = rng.random() < 0.5
        found["central", f"level:{level}"] = int(rng.integers(1, 4)) if sick else 0
        for side in SIDES:
            for question in ("recess", "foraminal"):
                found[question, f"level:{level}:{side}"] = int(rng.integers(1, 4)) if rng.random() < 0.5 else 0
    return found


def sagittal(rng):
    """(5, 96, 64) and its masks by label."""
    r, c = np.indices((96, 64))
    z, y = 140 - 2 * r, -64 + 2 * c
    masks = {
        "disc": np.zeros(z.shape, bool),
        "vertebra": (np.abs(y) < 15) & (z > 3),
        "sacrum": (z < -5) & (z > -36) & (np.abs(y) < 15),
        "canal": (y >= 18) & (y < 30),
    }
    for height in HEIGHTS.values():
        masks["disc"] |= (np.abs(z - height) < 5) & (np.abs(y) < 17)
    masks["vertebra"] &= ~masks["disc"]
    picture = np.full(z.shape, 40.0)
    for label, value in (("vertebra", 110), ("sacrum", 150), ("disc", 230), ("canal", 190)):
        picture[masks[label]] = value
    stack = picture[None] + rng.normal(0, 5, (5, *z.shape))
    return np.clip(stack, 0, 255).astype(np.uint8), masks


def axial(grades, rng):
    """(28, 64, 64) and, at each level, its masks by label."""
    r, c = np.indices((64, 64))
    y, x = -12 + r, -31.5 + c
    canal = ((x / 14) ** 2 + ((y - 24) / 11) ** 2) < 1
    base = np.where((np.abs(x) < 18) & (y < 10), 90.0, 40.0)
    base[canal] = 130
    stack, masks = np.repeat(base[None], FIRST_SAGITTAL, axis=0), {}
    for number in range(FIRST_SAGITTAL):
        level = next((name for name, index in SLICES.items() if index == number), None)
        loss = LOSS[grades["central", f"level:{level}"]] if level else 0.0
        sac = np.hypot(x, y - 24) < SAC_MM * np.sqrt(1 - loss)
        stack[number][sac] = 240
        if level:
            masks[level] = {"spinal_canal": canal, "dural_sac": sac, "disc": (np.abs(x) < 18) & (y < 10)}
            for side, sign in (("left", 1), ("right", -1)):
                for question, at in (("recess", (17.5, 14)), ("foraminal", (24.5, 26))):
                    grade = grades[question, f"level:{level}:{side}"]
                    stack[number][np.hypot(x - sign * at[0], y - at[1]) < 3.2] = 40 + 70 * grade
    stack += rng.normal(0, 4, stack.shape)
    return np.clip(stack, 0, 255).astype(np.uint8), masks


def add_study(store, blobs, number, part, *, with_axial=True, spacing=True, labels=True):
    """Keep one such study, with its truth as imported labels."""
    name, rng, grades = f"st-{part}-{number:03}", np.random.default_rng(number), grades_of(number)
    beside, outlines = sagittal(rng)
    stack, by_level = axial(grades, rng)
    series = [
        Series(f"{name}-2", name, "MR", Layout.VOLUME, beside.shape, blobs.put_array(beside), (4.0, 2.0, 2.0),
               tuple(SAGITTAL.ravel()), (127.5, 255.0), "T2 sag"),
        Series(f"{name}-1", name, "MR", Layout.VOLUME, stack.shape, blobs.put_array(stack),
               (5.0, 1.0, 1.0) if spacing else None, tuple(AXIAL.ravel()), (127.5, 255.0), "T2 tra"),
    ]  # fmt: skip
    patient = Patient(f"test:{part}-{number}", f"P-{part.upper()}-{number:03}", part)
    study = Study(name, patient, "MR", tuple(series if with_axial else series[:1]))
    store.studies.add(study, {})
    if labels:
        answers = [Answer(q, Site(site), grade) for (q, site), grade in grades.items()] if with_axial else []
        first = FIRST_SAGITTAL if with_axial else 0
        answers += [mask_answer(blobs, "sagittal", first + k, outlines) for k in range(5)]
        if with_axial:
            answers += [mask_answer(blobs, "structures", SLICES[n], masks) for n, masks in by_level.items()]
        store.labels.add_references(ReferenceLabel(TASK, name, answer, "test") for answer in answers)
    return store.studies.get(name)


def mask_answer(blobs, question, page, masks):
    shape = next(iter(masks.values())).shape
    kept = tuple(sorted((label, blobs.put_mask(mask)) for label, mask in masks.items() if mask.any()))
    return Answer(question, Site.page(page), MaskValue(shape, kept))


def training_run(store, blobs, task, folder, **changes):
    """A run with the tiny profile at sizes that fit the small spines."""
    tiny = task.profile("tiny")
    segment = {"size_px": (96, 64), "pages_per_study": 2, "epochs": 8, "batch_size": 4, "learning_rate": 8e-3}
    grade = {"size_px": (32, 40), "epochs": 6, "batch_size": 16, "learning_rate": 5e-3}
    profile = tiny.model_copy(
        update={
            "sagittal": tiny.sagittal.model_copy(update=segment),
            "structures": tiny.structures.model_copy(
                update={**segment, "size_px": (64, 64), "pages_per_study": 0, "epochs": 4}
            ),
            "stages": {name: stage.model_copy(update=grade) for name, stage in tiny.stages.items()},
            "crop_mm": (44.0, 46.0),
            "beyond_mm": 15.0,
        }
    )
    sets = (examples(store, task, {part}) for part in (Part.TRAIN, Part.VALIDATION))
    return replace(TrainingRun(*sets, Pixels(blobs), profile, folder), **changes)


def test_small_spines_are_read_from_end_to_end(store, blobs, task, tmp_path, caplog):
    for number in range(16):
        add_study(store, blobs, number, Part.TRAIN if number < 13 else Part.VALIDATION)
    trained = task.train(training_run(store, blobs, task, tmp_path))
    assert [report.name for report in trained.stages] == [
        "sagittal", "structures", "presence", "severity_central", "severity_recess", "severity_foraminal"
    ]  # fmt: skip
    model = task.load("lumbar_stenosis-v1", trained.settings, trained.weights)
    pixels = Pixels(blobs)
    studies = [add_study(store, blobs, number, Part.TEST, labels=False) for number in range(100, 104)]
    predictions = list(model.predict(studies, pixels))
    assert [p.study_id for p in predictions] == [s.study_id for s in studies]
    right = gaps = 0
    for number, prediction in zip(range(100, 104), predictions, strict=True):
        task.form.check([r.answer for r in prediction.results], complete=True)
        graded = {(r.question, r.site.key): r for r in prediction.results if "level" in r.site.key}
        assert len(graded) == 25
        for key, grade in grades_of(number).items():
            row = list(graded[key].probabilities.values())
            assert sum(row) == pytest.approx(1)
            assert graded[key].value == int(np.argmax(row))
            assert 0 <= graded[key].uncertainty <= 1
            right += graded[key].value == grade
            gaps += abs(int(graded[key].value) - grade)
        check_measures(prediction, number)
        pages = {r.site.page_index for r in prediction.results if r.question == "structures"}
        assert pages == set(SLICES.values())
    assert right >= 80, (right, gaps)  # of 100; by chance about 50
    check_explanation(model, task, studies[0], pixels, predictions[0])
    check_partial_studies(store, blobs, task, model, caplog)


def check_measures(prediction, number):
    """Areas at the right slices, and the loss against the unaffected neighbours."""
    found = {(m.name, m.site.key): m for m in prediction.measured}
    areas = []
    for level in LEVELS:
        loss = LOSS[grades_of(number)["central", f"level:{level}"]]
        measured = found["sac_area", f"level:{level}"]
        assert measured.page == SLICES[level]
        areas.append(measured.value / (np.pi * SAC_MM**2 * (1 - loss)) - 1)
        assert found["canal_area", f"level:{level}"].value == pytest.approx(np.pi * 14 * 11, rel=0.1)
    assert np.median(np.abs(areas)) < 0.12
    for (name, key), measured in found.items():
        if name == "sac_area_loss":
            grade = grades_of(number)["central", key]
            assert measured.value / 100 == pytest.approx(LOSS[grade], abs=0.25)
            assert "unaffected" in measured.note
            assert "L" in measured.note
        assert "schizas" not in measured.note.lower()
    assert any(name == "disc_bulge" for name, _ in found)


def check_explanation(model, task, study, pixels, prediction):
    """The heat of a grade lies on its level's page, on its side."""
    shapes = task.page_shapes(study)
    assert shapes == tuple(page.shape for page in task.pages(study, pixels))
    assert len(shapes) == FIRST_SAGITTAL + 5
    present = [r for r in prediction.results if r.question == "foraminal" and r.value]
    for result in present[:3]:
        found = model.explain(study, result.question, pixels, site=result.site)
        _, level, side = result.site.key.split(":")
        assert found.page == SLICES[level]
        assert found.heat.shape == (64, 64)
        assert 0 <= found.heat.min() <= found.heat.max() <= 1
        beyond = found.heat[:, :16] if side == "left" else found.heat[:, -16:]
        assert beyond.max() == 0  # the crop reaches 15 mm to the other side
    central = model.explain(study, "central", pixels, site=Site.level("L4/L5"))
    assert central.page == SLICES["L4/L5"]
    page = model.explain(study, "sagittal", pixels, site=Site.page(FIRST_SAGITTAL + 2))
    assert page.heat.shape == (96, 64)
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(study, "central", pixels, site=Site.level("L9/L9"))


def check_partial_studies(store, blobs, task, model, caplog):
    """Without axial slices only outlines come; without sagittal ones no level is known; without spacing no mm."""
    pixels = Pixels(blobs)
    flat = add_study(store, blobs, 200, Part.TEST, with_axial=False, labels=False)
    whole = add_study(store, blobs, 201, Part.TEST, labels=False)
    alone = replace(whole, series=tuple(s for s in whole.series if plane(s) == "axial"))
    bare = add_study(store, blobs, 202, Part.TEST, spacing=False, labels=False)
    with caplog.at_level(logging.WARNING):
        first, second, third = model.predict([flat, alone, bare], pixels)
    assert {r.question for r in first.results} == {"sagittal"}
    assert {r.site.page_index for r in first.results} == set(range(5))
    assert {r.question for r in second.results} == {"structures"}
    assert second.measured == ()
    assert "there is no sagittal series" in caplog.text
    assert sum("level" in r.site.key for r in third.results) == 25
    assert not any(m.name.startswith(("sac", "canal")) for m in third.measured)
    assert "pixel spacing is not known" in caplog.text


def test_outlines_alone_can_be_trained(store, blobs, task, tmp_path):
    for number in range(5):  # as SPIDER has them: sagittal slices without grades
        add_study(store, blobs, number, Part.TRAIN if number < 4 else Part.VALIDATION, with_axial=False)
    run = training_run(store, blobs, task, tmp_path, max_steps=3)
    trained = task.train(run)
    assert [report.name for report in trained.stages] == ["sagittal"]
    assert trained.stages[0].steps == 3
    assert "too few outlined pages" in trained.settings["structures"]["left_out"]
    assert "left_out" in trained.settings["presence"]
    assert set(trained.settings["sagittal"]["unknown"]) == {
        "cord",
        "posterior_longitudinal_ligament",
        "spinous_process",
    }
    model = task.load("v", trained.settings, trained.weights)
    (prediction,) = model.predict([add_study(store, blobs, 9, Part.TEST)], Pixels(blobs))
    assert {r.question for r in prediction.results} <= {"sagittal"}
    with pytest.raises(TrainingError, match="No stage"):
        task.train(replace(run, training=[], validation=[]))


def test_series_are_chosen_by_geometry_and_description(store, blobs, task):
    study = add_study(store, blobs, 0, Part.TRAIN)
    across, beside = sorted(study.series, key=plane)
    assert (plane(beside), plane(across)) == ("sagittal", "axial")
    other = replace(beside, series_id="x", description="T1 sag", shape=(15, 96, 64))
    fat = replace(across, series_id="y", description="t2_tirm_tra")
    stacks = find_stacks(replace(study, series=(other, fat, across, beside)))
    assert [s.series_id for s in stacks.axial] == [across.series_id]
    assert stacks.sagittal == beside
    assert [p.series.series_id for p in stacks.pages] == [across.series_id] * 28 + [beside.series_id] * 5
    assert task.sources(study) == stacks.pages
    again = replace(across, series_id="a", shape=(20, 64, 64))
    upper = np.array(across.affine).reshape(4, 4).copy()
    upper[2, 3] += 200
    above = replace(across, series_id="b", affine=tuple(upper.ravel()))
    stacks = find_stacks(replace(study, series=(above, again, across, beside)))
    assert [s.series_id for s in stacks.axial] == [across.series_id, "b"]  # from the feet; `again` shows the same
    assert task.accepts(replace(study, series=(beside,)))
    assert not task.accepts(replace(study, series=(other,)))
    assert not task.accepts(replace(study, modality="CT"))


def test_what_a_study_does_not_outline_is_not_known(task):
    kind = task.form["structures"].kind
    assert isinstance(kind, Mask)
    assert len(kind.labels) == 16
    whole = set(kind.labels) - {"herniation"}
    assert known_labels(kind, whole) == frozenset(kind.labels)
    assert known_labels(kind, {"disc", "dural_sac"}) == {"disc", "dural_sac"}


def test_the_profiles_name_networks_that_there_are(task):
    from models.networks.registry import names

    for profile in task.config.profiles.values():
        assert set(profile.stages) == {"presence", "severity_central", "severity_recess", "severity_foraminal"}
        assert {profile.structures.network, profile.sagittal.network} <= set(names())
        assert {n for stage in profile.stages.values() for n in stage.networks} <= set(names())
        assert not any(stage.augment.flip_horizontal for stage in profile.stages.values())
    assert task.config.profiles["paper"].stages["presence"].networks == ("regnety_008",)
    assert task.config.profiles["paper"].stages["severity_central"].networks == ("regnety_320",)


def test_an_example_without_grades_is_no_graded_level(store, blobs, task):
    from models.spine.reading import SpineReader
    from models.spine.training import _graded

    study = add_study(store, blobs, 0, Part.TRAIN)
    (example,) = examples(store, task, {Part.TRAIN})
    reader = SpineReader(None, None)
    (graded,) = _graded([example], reader, Pixels(blobs))
    assert {v.level: v.page for v in graded.views} == SLICES  # by the readers' outlines of the discs
    assert graded.grade("central", "L4/L5", "left") == grades_of(0)["central", "level:L4/L5"]
    assert graded.grade("recess", "L4/L5", "left") == grades_of(0)["recess", "level:L4/L5:left"]
    masks_only = Example(study, tuple(a for a in example.answers if a.question == "sagittal"))
    assert len(drawn_levels(masks_only, Pixels(blobs))) == 5
    assert _graded([masks_only], reader, Pixels(blobs)) == []
