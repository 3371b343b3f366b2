import json
from dataclasses import replace

import pytest
import torch

from data.blobs import Blobs
from data.errors import PartError, TrainingError, VersionError
from data.pixels import Pixels
from data.records import Part
from models import versions
from models.config import ProfileName
from models.task import StageReport, Trained, get_task
from models.training import examples, train_version
from tests.radiographs import TASK, add_study, fill

ALL = {Part.TRAIN: 36, Part.VALIDATION: 12, Part.TEST: 6, Part.CALIBRATION: 6}


@pytest.fixture
def blobs(home):
    return Blobs.of(home)


def some_training():
    return Trained(
        {"a": {"w": torch.arange(6.0).reshape(2, 3)}},
        {"a": {"network": "n"}, "b": {"left_out": "too few"}},
        (StageReport("a", "n", 6, (1, 32, 32), 3, 1.5, {"best_epoch": 2}),),
    )


def test_what_is_saved_comes_back(store, blobs):
    manifest = versions.save(blobs, TASK, some_training(), seed=3)
    record = store.versions.add(task=TASK, profile="tiny", manifest=manifest)
    back = versions.read(blobs, record)
    assert torch.equal(back.weights["a"]["w"], torch.arange(6.0).reshape(2, 3))
    assert back.settings == {"a": {"network": "n"}, "b": {"left_out": "too few"}}
    assert back.stages == some_training().stages
    kept = versions.read_manifest(blobs, record)
    assert (kept["task"], kept["seed"], kept["format"]) == (TASK, 3, 1)
    assert versions.save(blobs, TASK, some_training(), seed=3) == manifest


def test_weights_are_plain_tensors(blobs):
    manifest = json.loads(blobs.get(versions.save(blobs, TASK, some_training())))
    content = blobs.get(manifest["stages"]["a"]["weights"])
    length = int.from_bytes(content[:8], "little")
    assert json.loads(content[8 : 8 + length])["w"]["shape"] == [2, 3]


def test_damaged_missing_and_foreign_files_are_refused(store, blobs):
    manifest = versions.save(blobs, TASK, some_training())
    record = store.versions.add(task=TASK, profile="tiny", manifest=manifest)
    with pytest.raises(VersionError, match="another clinical task"):
        versions.read(blobs, replace(record, task="other"))
    with pytest.raises(VersionError, match="no such model version"):
        versions.load(store, blobs, "cxr_quality-v9")
    weights = blobs.path(json.loads(blobs.get(manifest))["stages"]["a"]["weights"])
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"x")
    with pytest.raises(VersionError, match="weights of a"):
        versions.read(blobs, record)
    weights.unlink()
    with pytest.raises(VersionError, match="missing"):
        versions.load(store, blobs, record.version)
    blobs.path(manifest).write_bytes(b"{}")
    with pytest.raises(VersionError, match="manifest"):
        versions.read(blobs, record)


def test_training_sees_its_own_parts_alone(store, blobs, tmp_path):
    fill(store, blobs, ALL)
    task = get_task(TASK)
    shares = []
    version, trained = train_version(
        store, blobs, task, "tiny", scratch=tmp_path / "s", progress=lambda share, words: shares.append(share)
    )
    manifest = versions.read_manifest(blobs, version)
    assert manifest["data"]["training"]["patients"] == sorted(f"P-TRAIN-{i:03}" for i in range(36))
    assert manifest["data"]["validation"]["patients"] == sorted(f"P-VALIDATION-{i:03}" for i in range(12))
    assert manifest["data"]["training"]["studies_by_question"]["rotation_lateral"] == 24
    assert manifest["data"]["note"] == ""
    assert manifest["profile"] == "tiny"
    assert manifest["environment"]["libraries"]["torch"] == torch.__version__.split("+")[0]
    assert "test:" not in json.dumps(manifest)  # no patient's own id
    assert [report.name for report in trained.stages] == [q.name for q in task.form.questions]
    assert set(manifest["validation"]) == set(trained.weights)
    assert shares == sorted(shares)
    assert not (tmp_path / "s" / "cxr_quality-tiny").exists()
    for example in examples(store, task, {Part.TRAIN}):
        assert example.study.patient.part is Part.TRAIN
    with pytest.raises(PartError):
        examples(store, task, {Part.TRAIN, Part.TEST})


def test_a_round_is_trained_once(store, blobs, tmp_path):
    fill(store, blobs, {Part.TRAIN: 24, Part.VALIDATION: 12})
    task = get_task(TASK)
    first, trained = train_version(
        store, blobs, task, ProfileName.TINY, round_id="r1", parent="cxr_quality-v0", scratch=tmp_path, max_steps=1
    )
    again, kept = train_version(store, blobs, task, "tiny", round_id="r1", scratch=tmp_path)
    assert again == first
    assert first.parent == "cxr_quality-v0"
    assert all(
        torch.equal(kept.weights[s][k], t) for s, tensors in trained.weights.items() for k, t in tensors.items()
    )
    assert [v.version for v in store.versions.all(TASK)] == [first.version]


def test_an_interrupted_training_ends_with_the_same_weights(store, blobs, tmp_path):
    fill(store, blobs, {Part.TRAIN: 24, Part.VALIDATION: 12}, questions=("projection",))
    task = get_task(TASK)
    steps = []

    def kill(share, words):
        steps.append(words)
        if len(steps) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_version(store, blobs, task, "tiny", scratch=tmp_path / "a", progress=kill)
    assert store.versions.all(TASK) == []
    _, resumed = train_version(store, blobs, task, "tiny", scratch=tmp_path / "a")
    _, whole = train_version(store, blobs, task, "tiny", scratch=tmp_path / "b")
    pairs = zip(resumed.weights["projection"].values(), whole.weights["projection"].values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_without_validation_patients_training_patients_are_held_out(store, blobs, tmp_path):
    fill(store, blobs, {Part.TRAIN: 24}, questions=("projection",))
    version, _ = train_version(store, blobs, get_task(TASK), "tiny", scratch=tmp_path, max_steps=1)
    data = versions.read_manifest(blobs, version)["data"]
    assert "held out" in data["note"]
    taken = set(data["validation"]["patients"])
    assert len(taken) == 5
    assert not taken & set(data["training"]["patients"])
    assert len(taken | set(data["training"]["patients"])) == 24


def test_nothing_to_train_on_is_said(store, blobs, tmp_path):
    fill(store, blobs, {Part.TEST: 6})
    with pytest.raises(TrainingError, match="no reference standard"):
        train_version(store, blobs, get_task(TASK), "tiny", scratch=tmp_path)
    add_study(store, blobs, 1, {"projection": "frontal"}, Part.TRAIN)
    with pytest.raises(TrainingError, match="one patient"):
        train_version(store, blobs, get_task(TASK), "tiny", scratch=tmp_path)


def test_a_version_is_read_once_and_anew_when_its_file_changes(store, blobs, tmp_path):
    fill(store, blobs, {Part.TRAIN: 24, Part.VALIDATION: 12}, questions=("projection",))
    version, _ = train_version(store, blobs, get_task(TASK), "tiny", scratch=tmp_path, max_steps=1)
    model = versions.load(store, blobs, version.version)
    assert versions.load(store, blobs, version.version) is model
    study = store.studies.find()[0]
    (prediction,) = model.predict([study], Pixels(blobs))
    assert (prediction.version, prediction.study_id) == (version.version, study.study_id)
    manifest = versions.read_manifest(blobs, version)
    path = blobs.path(manifest["stages"]["projection"]["weights"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(VersionError, match="weights of projection"):
        versions.load(store, blobs, version.version)
