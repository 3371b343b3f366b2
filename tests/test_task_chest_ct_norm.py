import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from data.answers import STUDY, Answer, Site
from data.blobs import Blobs
from data.errors import TaskError, TrainingError, VersionError
from data.ingest import ingest, read_labels
from data.phantoms.chest_ct_norm import OPTIONS
from data.pixels import Pixels
from data.records import Layout, Part, Patient, Series, Study
from models.chest.settings import ChestProfile
from models.chest.slices import page_slices
from models.task import Example, TrainingRun, get_task
from tests.test_chest_lungs import body

LESION = slice(30, 40), slice(38, 48)


@pytest.fixture
def pixels(home):
    return Pixels(Blobs.of(home))


@pytest.fixture
def task():
    return get_task("chest_ct_norm")


def example(pixels, number, *, norm=None, pathology=""):
    """A small chest; with pathology, something as dense as blood in a lung, high up or low down by its kind."""
    rng = np.random.default_rng(number)
    hu = body() + rng.normal(0, 25, (12, 64, 64)).astype(np.int16)
    sick = number % 2 == 1
    norm = norm if norm is not None else ("pathology" if sick else "normal")
    if norm == "pathology":
        hu[(slice(3, 5) if pathology == "atelectasis" else slice(7, 9)), *LESION] = 40
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    affine[2, 0], affine[1, 1], affine[0, 2] = 8.0, 5.0, 5.0
    name = f"study-{number}"
    series = Series(
        f"{name}-1", name, "CT", Layout.VOLUME, hu.shape, pixels.blobs.put_array(hu), (8.0, 5.0, 5.0),
        tuple(affine.ravel().tolist()),
    )  # fmt: skip
    answers = [Answer("norm", STUDY, norm)]
    if pathology:
        answers.append(Answer("pathology", STUDY, pathology))
    return Example(Study(name, Patient(f"t:{number}", f"P-{number}", Part.TRAIN), "CT", (series,)), tuple(answers))


def examples(pixels, numbers, *, named=True):
    kinds = ("atelectasis", "lung_nodule")
    return [example(pixels, n, pathology=kinds[n // 2 % 2] if named and n % 2 else "") for n in numbers]


def training_run(task, pixels, tmp_path, training, validation, **stages):
    tiny = task.profile("tiny")
    own = {name: stage.model_copy(update=stages.get(name, {})) for name, stage in tiny.stages.items()}
    profile = tiny.model_copy(update={"stages": own})
    return TrainingRun(training, validation, pixels, profile, tmp_path / "scratch")


def test_the_options_are_those_of_the_phantoms(task):
    assert set(task.form["pathology"].kind.options) == set(OPTIONS)
    assert len(task.form["pathology"].kind.options) == 16
    assert task.form["norm"].kind.options == ("normal", "pathology")
    assert task.primary == "norm.auc"


def test_four_parts_are_trained_and_join_in_one_answer(task, pixels, tmp_path):
    run = training_run(
        task, pixels, tmp_path, examples(pixels, range(24)), examples(pixels, range(24, 40)),
        classifier={"epochs": 6, "batch_size": 8, "learning_rate": 4e-3},
    )  # fmt: skip
    trained = task.train(run)
    assert [report.name for report in trained.stages] == ["simclr", "autoencoder", "classifier", "pathology"]
    assert [report.network for report in trained.stages][2:] == ["small_resnet", "yolo11n_cls"]
    settings = json.loads(json.dumps(trained.settings))
    assert set(settings["decision"]["recommended_thresholds"]) == {"f1", "youden", "sensitivity", "median"}
    detail = trained.stages[2].detail
    assert sum(detail["score_distributions"]["normal"]) == 8
    assert sum(detail["score_distributions"]["pathology"]) == 8
    assert detail["counts"]["training"] == {"normal": 12, "pathology": 12, "patients": 24}
    assert trained.stages[3].detail["counts"]["atelectasis"] == 6
    assert len(trained.stages[3].detail["without_examples"]) == 14
    model = task.load("v", settings, trained.weights)
    test = examples(pixels, range(40, 56))
    predictions = list(model.predict([e.study for e in test], pixels))
    right = 0
    for known, prediction in zip(test, predictions, strict=True):
        task.form.check([r.answer for r in prediction.results], complete=True)
        norm = prediction.result("norm")
        measured = {m.name: m.value for m in prediction.measured}
        assert measured["decision_score"] == max(measured["anomaly"], measured["suspicion"])
        flagged = measured["decision_score"] >= settings["decision"]["threshold"]
        assert norm.value == ("pathology" if flagged else "normal")
        assert (prediction.result("pathology") is not None) == flagged
        assert sum("gave the decision score" in m.note for m in prediction.measured) == 1
        for result in prediction.results:
            assert sum(result.probabilities.values()) == pytest.approx(1)
            assert set(result.probabilities) == set(task.form[result.question].kind.options)
            assert 0 <= result.uncertainty <= 1
        right += norm.value == known.value("norm")
    assert right >= 13
    by_score = sorted(predictions, key=lambda p: p.measured[2].value)
    shares = [p.result("norm").probabilities["pathology"] for p in by_score]
    assert shares == sorted(shares)
    (alone,) = model.predict([test[3].study], pixels)
    assert alone.measured[1].value == pytest.approx(predictions[3].measured[1].value, abs=1e-4)


def test_the_names_of_pathologies_are_taught_beside_and_the_head_is_thrown_away(task, pixels, tmp_path):
    weights = []
    for named in (True, False):
        learnt = examples(pixels, range(12)), examples(pixels, range(12, 18))
        run = training_run(task, pixels, tmp_path / str(named), *learnt)
        run = replace(run, profile=run.profile.model_copy(update={"named": named}), max_steps=2)
        trained = task.train(run)
        assert task.load("v", trained.settings, trained.weights).classifier.settings.outputs == 1
        weights.append(trained.weights["classifier"])
    with_names, without = weights
    assert with_names.keys() == without.keys()
    assert any(not torch.equal(with_names[name], without[name]) for name in without)


def test_the_heat_is_of_the_part_that_spoke(task, pixels, tmp_path):
    run = training_run(task, pixels, tmp_path, examples(pixels, range(12)), examples(pixels, range(12, 20)))
    trained = task.train(run)
    model = task.load("v", trained.settings, trained.weights)
    known = example(pixels, 21, pathology="lung_nodule")
    for anomaly in (True, False):  # the normaliser decides who speaks
        mean = -50.0 if anomaly else 50.0
        own = model.decision.model_copy(
            update={"normaliser": model.decision.normaliser.model_copy(update={"mean": mean, "sd": 1.0})}
        )
        model.decision = own
        (prediction,) = model.predict([known.study], pixels)
        assert ("gave" in prediction.measured[0].note) == anomaly
        found = model.explain(known.study, "norm", pixels)
        assert found.heat.shape == (64, 64)
        assert found.heat.dtype == np.float32
        assert 0 <= found.heat.min() <= found.heat.max() <= 1
        assert 0 <= found.page < len(task.pages(known.study, pixels))
        if anomaly:
            lungs = np.zeros((64, 64), dtype=bool)
            lungs[12:52, 6:58] = True
            assert found.heat.max() > 0.5
            assert found.heat[~lungs].max() < 0.2
    slabs = model.explain(known.study, "pathology", pixels)
    assert slabs.page in range(len(page_slices(known.study.series[0])))
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(known.study, "norm", pixels, site=Site.page(1))


def test_without_named_pathologies_only_norm_is_answered(task, pixels, tmp_path):
    numbers = examples(pixels, range(12), named=False), examples(pixels, range(12, 18), named=False)
    trained = task.train(training_run(task, pixels, tmp_path, *numbers))
    assert "a single named pathology" in trained.settings["pathology"]["left_out"]
    assert "pathology" not in trained.weights
    model = task.load("v", trained.settings, trained.weights)
    predictions = list(model.predict([e.study for e in numbers[1]], pixels))
    assert all([r.question for r in p.results] == ["norm"] for p in predictions)
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(numbers[1][0].study, "pathology", pixels)
    with pytest.raises(VersionError, match="not whole"):
        task.load("v", {"decision": {}}, trained.weights)


def test_training_patients_are_held_out_where_validation_shows_one_option(task, pixels, tmp_path):
    training = examples(pixels, range(20))
    trained = task.train(
        training_run(task, pixels, tmp_path, training, training[:0], pathology={"networks": ("small_resnet",)})
    )
    assert "4 training patients were held out" in trained.settings["decision"]["validation"]
    assert trained.stages[2].detail["counts"]["training"]["patients"] == 16
    assert "held-out" in trained.stages[0].detail["validation"]["patients"]


def test_too_few_studies_are_an_error(task, pixels, tmp_path):
    normal = [example(pixels, n, norm="normal") for n in range(5)]
    with pytest.raises(TrainingError, match="cannot be told") as raised:
        task.train(training_run(task, pixels, tmp_path, normal, normal[:0]))
    assert raised.value.given == "5 normal, 0 with pathology"


def test_a_killed_training_prepares_nothing_twice(task, pixels, tmp_path, monkeypatch):
    numbers = examples(pixels, range(10), named=False), examples(pixels, range(10, 14), named=False)
    run = training_run(task, pixels, tmp_path, *numbers)
    first = task.train(run)
    monkeypatch.setattr("models.chest.bags.slabs_of", None)
    seen = []
    again = task.train(replace(run, progress=lambda share, words: seen.append(words)))
    assert seen == []
    assert first.settings == again.settings
    assert all(
        (first.weights[stage][name] == again.weights[stage][name]).all()
        for stage in first.weights
        for name in first.weights[stage]
    )


def test_profiles_that_cannot_be_are_refused(task):
    tiny = task.profile("tiny").model_dump()

    def changed(**update):
        return ChestProfile.model_validate({**tiny, **update})

    with pytest.raises(ValidationError, match="an odd number"):
        changed(blur_px=4)
    with pytest.raises(ValidationError, match="expected simclr"):
        changed(stages={k: v for k, v in tiny["stages"].items() if k != "simclr"})
    with pytest.raises(ValidationError, match="same one"):
        changed(stages={**tiny["stages"], "simclr": {**tiny["stages"]["simclr"], "networks": ["resnet18"]}})
    with pytest.raises(ValidationError, match="not above slab_px"):
        changed(slab_px=40)
    with pytest.raises(ValidationError, match="divisible by 2"):
        changed(autoencoder_widths=[4] * 6)


def test_the_paper_profile_names_the_published_networks(task):
    paper = task.profile("paper")
    assert paper.stages["simclr"].networks == paper.stages["classifier"].networks == ("resnet18",)
    assert paper.stages["pathology"].networks == ("yolo11s_cls",)
    assert {stage.size_px for stage in paper.stages.values()} == {(224, 224)}
    assert not any(p.stages["pathology"].augment.flip_horizontal for p in task.config.profiles.values())


@pytest.mark.real
def test_real_pictures_of_slices_run(home, store, real_data, task, tmp_path):
    folder = real_data / "C_chestct" / "iqoth_nccd"
    rows = [
        {"path": str(path.relative_to(folder)), "modality": "CT", "norm": norm}
        for kind, norm in (("normal", "normal"), ("malignant", "pathology"))
        for path in sorted((folder / kind).iterdir())[:8]
    ]
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    table = read_labels(labels, form=task.form, task=task.name)
    ingest(home, [folder / row["path"] for row in rows], labels=table, workers=1)
    pixels = Pixels(Blobs.of(home))
    studies = store.studies.find()
    assert len(studies) == 16
    assert all(task.accepts(s) for s in studies)
    parts = {Part.TRAIN, Part.VALIDATION}, {Part.TEST, Part.CALIBRATION}
    standard = {k: v for some in parts for k, v in store.labels.standard(task.name, some).items()}
    known = [Example(s, tuple(standard[s.study_id])) for s in studies]
    trained = task.train(training_run(task, pixels, tmp_path, known, known[:0]))
    model = task.load("v", trained.settings, trained.weights)
    for study, prediction in zip(studies, model.predict(studies, pixels), strict=True):
        (page,) = task.pages(study, pixels)
        assert (page.shape,) == task.page_shapes(study)
        assert model.explain(study, "norm", pixels).heat.shape == page.shape
        assert prediction.result("norm") is not None
