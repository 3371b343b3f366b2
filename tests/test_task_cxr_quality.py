import csv
from dataclasses import replace

import numpy as np
import pytest

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.errors import TaskError, TrainingError
from data.ingest import ingest, read_labels
from data.pixels import Pixels
from data.records import Layout, Part
from models import versions
from models.config import Augment
from models.radiographs import gather
from models.references import record_references
from models.simulated import simulators
from models.task import TrainingRun, get_task
from models.training import examples, train_version
from tests.radiographs import BRANCHES, TASK, add_study, fill, picture

QUESTIONS = ("projection", "borders_frontal", "borders_lateral", "rotation_lateral")


@pytest.fixture
def blobs(home):
    return Blobs.of(home)


@pytest.fixture
def task():
    return get_task(TASK)


def training_run(store, blobs, task, tmp_path, **profile):
    """A run with the tiny profile, changed; stages at 40 x 40 pixels that learn for a few epochs."""
    tiny = task.profile("tiny")
    stages = {
        name: stage.model_copy(
            update={"size_px": (40, 40), "epochs": 6, "learning_rate": 4e-3, "batch_size": 8, "augment": Augment()}
        )
        for name, stage in tiny.stages.items()
    }
    return TrainingRun(
        examples(store, task, {Part.TRAIN}),
        examples(store, task, {Part.VALIDATION}),
        Pixels(blobs),
        tiny.model_copy(update={"stages": stages, **profile}),
        tmp_path / "scratch",
    )


def test_the_cascade_answers_what_its_branch_asks(store, blobs, task, tmp_path):
    fill(store, blobs, {Part.TRAIN: 60, Part.VALIDATION: 18, Part.TEST: 40})
    trained = task.train(training_run(store, blobs, task, tmp_path))
    model = task.load("cxr_quality-v1", trained.settings, trained.weights)
    studies = sorted(store.studies.find(parts={Part.TEST}), key=lambda s: s.study_id)
    predictions = list(model.predict(studies, Pixels(blobs)))
    assert [p.study_id for p in predictions] == [s.study_id for s in studies]
    right = 0
    for number, prediction in enumerate(predictions):
        answers = task.form.check([r.answer for r in prediction.results], complete=True)
        right += {a.question: a.value for a in answers} == BRANCHES[number % len(BRANCHES)]
        for result in prediction.results:
            assert sum(result.probabilities.values()) == pytest.approx(1)
            assert 0 <= result.uncertainty <= 1
    assert right >= 36
    alone = list(model.predict(studies[3:4], Pixels(blobs)))
    assert alone[0].results[0].probabilities == pytest.approx(predictions[3].results[0].probabilities, abs=1e-5)


def test_the_projection_alone_can_be_trained(store, blobs, task, tmp_path):
    for number in range(24):  # labels by the header's view alone, as real data have them
        lateral = number % 3 == 0
        study = {"projection": "lateral" if lateral else "frontal"}
        part = Part.VALIDATION if number >= 18 else Part.TRAIN
        made = add_study(store, blobs, number, {}, part, view="LL" if lateral else "PA")
        assert task.references(made) == (Answer("projection", STUDY, study["projection"]),)
    assert record_references(store, task, [s.study_id for s in store.studies.find()]) == 24
    version, trained = train_version(store, blobs, task, "tiny", scratch=tmp_path)
    assert [report.name for report in trained.stages] == ["projection"]
    manifest = versions.read_manifest(blobs, version)
    assert set(manifest["left_out"]) == set(QUESTIONS[1:])
    model = versions.load(store, blobs, version.version)
    (prediction,) = model.predict(store.studies.find()[:1], Pixels(blobs))
    assert [r.question for r in prediction.results] == ["projection"]
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(store.studies.find()[0], "rotation_lateral", Pixels(blobs))


def test_without_a_network_for_the_projection_the_header_decides(store, blobs, task, tmp_path):
    for number in range(16):
        truth = {"projection": "frontal", "borders_frontal": "cut_off" if number % 2 else "complete"}
        add_study(store, blobs, number, truth, Part.TRAIN if number < 12 else Part.VALIDATION)
    trained = task.train(training_run(store, blobs, task, tmp_path))
    assert set(trained.weights) == {"borders_frontal"}
    model = task.load("v", trained.settings, trained.weights)
    known = add_study(store, blobs, 1, BRANCHES[0], Part.TEST, view="AP")
    unknown = add_study(store, blobs, 2, BRANCHES[0], Part.TEST)
    first, second = model.predict([known, unknown], Pixels(blobs))
    assert [r.question for r in first.results] == ["borders_frontal"]
    assert second.results == ()
    assert second.uncertainty == 1


def test_nothing_to_train_is_an_error(store, blobs, task, tmp_path):
    for number in range(6):
        add_study(store, blobs, number, {"projection": "frontal"}, Part.TRAIN)
    with pytest.raises(TrainingError, match="No question") as raised:
        task.train(training_run(store, blobs, task, tmp_path))
    assert "projection: too few training images: 6 frontal, 0 lateral" in raised.value.given


def test_views_give_the_projection(store, blobs, task):
    study = add_study(store, blobs, 0, {}, Part.TRAIN)
    for view, value in [("PA", "frontal"), ("AP SUPINE", "frontal"), ("RL", "lateral"), ("LATERAL", "lateral")]:
        (answer,) = task.references(replace(study, view=view))
        assert answer == Answer("projection", STUDY, value)
    assert task.references(study) == ()


def test_it_takes_radiographs(store, blobs, task):
    study = add_study(store, blobs, 0, BRANCHES[0], Part.TRAIN)
    assert task.accepts(study)
    assert task.accepts(replace(study, modality="OT"))
    assert not task.accepts(replace(study, modality="CT"))
    assert not task.accepts(replace(study, series=()))
    assert not task.accepts(replace(study, series=(replace(study.series[0], layout=Layout.FRAMES),)))
    (shown,) = task.pages(study, Pixels(blobs))
    assert np.array_equal(shown, picture(BRANCHES[0], 0))


def test_simulated_rotation_comes_with_known_angles(task):
    profile = task.config.profiles["demo"]
    pictures = simulators(profile)["rotation_lateral"]([], None, 4, 0)
    assert sorted(p.target for p in pictures) == [0, 0, 1, 1]
    assert len({p.patient for p in pictures}) == 4
    assert all(p.pixels.dtype == np.uint8 and max(p.pixels.shape) == 256 for p in pictures)
    assert all(p.pixels.max() == 255 for p in pictures)


def test_simulated_images_take_the_place_of_missing_labels(home, store, blobs, task, tmp_path):
    labels = task.write_phantoms(20, tmp_path / "phantoms", seed=5)
    ingest(home, [labels.parent], labels=read_labels(labels, form=task.form, task=task.name), workers=1)
    with labels.open() as stream:
        rows = list(csv.DictReader(stream))
    assert {tuple(sorted(k for k in QUESTIONS if row[k])) for row in rows} == {
        tuple(sorted(QUESTIONS[:2])),
        tuple(sorted((QUESTIONS[0], *QUESTIONS[2:]))),
    }
    run = training_run(store, blobs, task, tmp_path, simulate=12)
    everything = [
        e
        for part in ({Part.TRAIN, Part.VALIDATION}, {Part.TEST, Part.CALIBRATION})
        for e in examples(store, task, part)
    ]
    good = [e for e in everything if e.value("borders_frontal") == "complete"]
    run = replace(run, training=good, validation=())
    question = task.form["borders_frontal"]
    data = gather(question, run.profile.stages["borders_frontal"], run, simulators(run.profile)["borders_frontal"])
    assert data.lacking == ""
    assert data.simulated == 12
    targets = np.concatenate([data.training.targets, data.validation.targets])
    assert np.bincount(targets).tolist() == [6, 6]  # read images, all of one option, do not stay beside them
    assert {*data.training.patients, *data.validation.patients} <= {e.study.patient.pseudonym for e in good}
    assert not set(data.training.patients) & set(data.validation.patients)
    assert any("simulated" in note for note in data.notes)
    report = (
        get_task(TASK)
        .train(
            replace(
                run,
                profile=run.profile.model_copy(
                    update={
                        "stages": {
                            "borders_frontal": run.profile.stages["borders_frontal"].model_copy(
                                update={"epochs": 1}
                            )
                        }
                    }
                ),
            )
        )
        .stages[0]
    )
    assert report.detail["simulated"] == 12


def test_the_explanation_has_native_pixels(store, blobs, task, tmp_path):
    fill(store, blobs, {Part.TRAIN: 24, Part.VALIDATION: 12}, questions=("projection",))
    trained = task.train(training_run(store, blobs, task, tmp_path))
    model = task.load("v", trained.settings, trained.weights)
    study = next(s for s in store.studies.find() if s.study_id == "study-train-001")
    found = model.explain(study, "projection", Pixels(blobs))
    heat = found.heat
    assert found.page == 0
    assert heat.shape == (40, 40)
    assert heat.dtype == np.float32
    assert 0 <= heat.min() <= heat.max() <= 1
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert row <= 20
    assert column <= 20
