"""Findings on chest radiographs: who is positive and who negative, what is trained, what a version says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data.answers import STUDY, Answer, Findings, Site
from data.blobs import Blobs
from data.curation.candidates import Candidate
from data.curation.flow import curate
from data.curation.terms import load_terms
from data.errors import ConfigError, TaskError, TrainingError
from data.home import Home
from data.ingest.labels import parse
from data.phantoms.cxr_findings import truth_of
from data.pixels import Pixels
from data.records import Layout, Part, Patient, Series, Study
from data.store import Store
from models.config import CONFIGS_VARIABLE, configs_folder
from models.findings import CuratedExample, FindingsProfile, gather, targets_of
from models.findings_heads import FindingsModel
from models.findings_pictures import Crop, chest_of, field_of
from models.networks.registry import architecture, build
from models.task import Example, TrainingRun
from models.tasks.cxr_findings import CxrFindings
from models.training import examples
from workbench.curating import new_rule

HEART, SPINE = "enlarged_heart", "scoliosis"
NAN = float("nan")


def study(number: int, part: Part = Part.TRAIN, *, series: tuple[Series, ...] = (), view: str = "PA") -> Study:
    name = f"{number:03d}"
    own = series or (Series(f"s{name}", f"study-{name}", "DX", Layout.IMAGE, (4, 4), "none"),)
    return Study(f"study-{name}", Patient(f"x:{name}", f"P-{name}", part), "DX", own, view=view)


def answered(given: Study, *present: str) -> Example:
    return Example(given, (Answer("findings", STUDY, frozenset(present)),))


def picture(present: Sequence[str], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A grey field on which a finding is a bright place of its own."""
    image = rng.normal(90, 12, (64, 64))
    if HEART in present:
        image[34:54, 8:28] += 90
    if SPINE in present:
        image[8:28, 36:56] += 90
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def task() -> CxrFindings:
    return CxrFindings()


@pytest.fixture
def drawn(home: Home) -> tuple[list[Example], list[Example], Pixels]:
    """48 training and 24 validation studies: half normal, a quarter each with a finding."""
    blobs, rng = Blobs.of(home), np.random.default_rng(3)
    sides: list[list[Example]] = [[], []]
    for number in range(72):
        present = ((), (HEART,), (), (SPINE,))[number % 4]
        blob = blobs.put_array(picture(present, rng))
        series = Series(f"s{number}", f"study-{number:03d}", "DX", Layout.IMAGE, (64, 64), blob)
        part = Part.TRAIN if number < 48 else Part.VALIDATION
        sides[part is Part.VALIDATION].append(answered(study(number, part, series=(series,)), *present))
    return sides[0], sides[1], Pixels(blobs)


def run_of(
    drawn: tuple[list[Example], list[Example], Pixels], folder: Path, profile: FindingsProfile
) -> TrainingRun:
    return TrainingRun(*drawn, profile, folder)


def profile_of(task: CxrFindings, **changes: Any) -> FindingsProfile:
    """The profile ``tiny``, for pictures of 32 pixels, with changes; ``epochs`` is the stage's."""
    tiny = task.profile("tiny")
    assert isinstance(tiny, FindingsProfile)
    epochs = changes.pop("epochs", 8)
    stage = tiny.stage.model_copy(update={"epochs": epochs, "learning_rate": 4e-3})
    return tiny.model_copy(update={"stages": {"finding": stage}, "least": 3, **changes})


def test_the_form_asks_for_the_nine_findings_and_those_of_the_real_sets(task: CxrFindings) -> None:
    (question,) = task.form.questions
    assert isinstance(question.kind, Findings)
    assert question.kind.labels[:9] == (
        "enlarged_heart", "enlarged_heart_shadow", "unfolded_aorta", "dense_aorta", "aortic_atherosclerosis",
        "aortic_arch_sclerosis", "diaphragm_relaxation", "scoliosis", "vascular_hila",
    )  # fmt: skip
    assert set(question.kind.labels[9:]) == {
        "smoothed_cardiac_waist", "cardiomegaly", "effusion", "nodule", "pneumothorax"
    }  # fmt: skip
    terms = load_terms()
    assert all(concept in terms for concept in task.config.concepts.values())
    assert task.config.concepts["effusion"] == "pleural_effusion"
    for number in range(40):
        cell = truth_of(number)["findings"]
        assert parse(task.form, "findings", cell) == frozenset(cell.split(";")) - {"none"}


def test_a_finding_more_is_a_table_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (configs_folder() / "cxr_findings.toml").read_text(encoding="utf-8")
    changed = tmp_path / "cxr_findings.toml"
    changed.write_text(f'{text}\n[findings.kyphosis]\ntitle = "Kyphosis"\n', encoding="utf-8")
    monkeypatch.setenv(CONFIGS_VARIABLE, str(tmp_path))
    assert CxrFindings().labels == (*CxrFindings().labels[:14], "kyphosis")
    assert CxrFindings().form.check([Answer("findings", STUDY, frozenset({"kyphosis", HEART}))])
    changed.write_text(f'{text}\n[findings."Bad name"]\ntitle = "?"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be"):
        CxrFindings().form  # noqa: B018


def test_only_frontal_views_are_taken_where_the_view_is_known(task: CxrFindings) -> None:
    taken = {view: task.accepts(study(1, view=view)) for view in ("PA", "AP", "AP SUPINE", "", "LL", "LATERAL")}
    assert taken == {"PA": True, "AP": True, "AP SUPINE": True, "": True, "LL": False, "LATERAL": False}


def test_positive_negative_and_neither() -> None:
    given = [
        answered(study(1), HEART),
        answered(study(2)),
        answered(study(3), SPINE),
        answered(study(4), HEART, SPINE),
        Example(study(5), ()),
        CuratedExample(
            study(6), (Answer("findings", STUDY, frozenset({SPINE})),), {HEART: False}, {HEART: "hearts"}
        ),
        CuratedExample(study(7), (Answer("findings", STUDY, frozenset()),), {}, {HEART: "hearts"}),
    ]
    normal = [[1, NAN], [0, 0], [NAN, 1], [1, 1], [NAN, NAN], [0, 1], [NAN, 0]]
    absent = [[1, 0], [0, 0], [0, 1], [1, 1], [NAN, NAN], [0, 1], [NAN, 0]]
    np.testing.assert_array_equal(targets_of(given, (HEART, SPINE), "normal"), np.array(normal, dtype=np.float32))
    np.testing.assert_array_equal(targets_of(given, (HEART, SPINE), "absent"), np.array(absent, dtype=np.float32))


def test_a_curated_set_decides_for_its_finding(store: Store, task: CxrFindings) -> None:
    parts = [Part.TRAIN] * 6 + [Part.TEST] * 2
    studies = [study(number, part) for number, part in enumerate(parts)]
    for given in studies:
        store.studies.add(given, {})
    reports = {0: frozenset({HEART}), 1: frozenset(), 2: frozenset({HEART, "pneumonia"}), 6: frozenset({HEART}),
               7: frozenset()}  # fmt: skip
    candidates = [Candidate(studies[n].study_id, f"P-{n:03d}", labels=said) for n, said in reports.items()]
    rule = new_rule("hearts", HEART, load_terms())
    drawn = curate(candidates, rule, load_terms(), {f"P-{n:03d}": parts[n] for n in reports})
    known = [answered(studies[3], HEART), answered(studies[4])]
    assert task.select(store, known, {Part.TRAIN}) == known
    store.curations.put(task.name, drawn)
    chosen = task.select(store, known, {Part.TRAIN})
    assert [e.study.study_id for e in chosen] == ["study-000", "study-001", "study-003", "study-004"]
    assert isinstance(chosen[0], CuratedExample)
    assert chosen[0].curated == {HEART: f"hearts, rule {rule.digest[:12]}"}
    table = targets_of(chosen, (HEART, SPINE), "normal")
    np.testing.assert_array_equal(table, np.array([[1, NAN], [0, NAN], [NAN, NAN], [NAN, 0]], dtype=np.float32))
    assert {e.study.study_id for e in examples(store, task, {Part.TRAIN})} == {"study-000", "study-001"}


def test_a_finding_that_validation_does_not_show_is_held_out_of_training(
    drawn: tuple[list[Example], list[Example], Pixels], task: CxrFindings, tmp_path: Path
) -> None:
    training, validation, pixels = drawn
    lacking = [e for e in validation if SPINE not in e.value("findings")]  # type: ignore[operator]
    data = gather(
        run_of((training, lacking, pixels), tmp_path, profile_of(task)), (HEART, SPINE), profile_of(task)
    )
    assert not set(data.training.patients) & set(data.validation.patients)
    assert len(data.training.patients) + len(data.validation.patients) == len(training) + len(lacking)
    assert np.nansum(data.validation.targets, axis=0).tolist() == [6, 2]
    assert np.nansum(data.training.targets, axis=0).tolist() == [12, 10]
    assert "2 training patients" in data.notes[0]
    whole = gather(run_of(drawn, tmp_path, profile_of(task)), (HEART, SPINE), profile_of(task))
    assert whole.notes == ()
    assert len(whole.training.patients) == 48


@pytest.mark.parametrize("shared", [True, False])
def test_a_version_tells_findings_from_one_another(
    shared: bool, drawn: tuple[list[Example], list[Example], Pixels], task: CxrFindings, tmp_path: Path
) -> None:
    profile = profile_of(task, shared=shared)
    trained = task.train(run_of(drawn, tmp_path / "scratch", profile))
    names = ["findings"] if shared else [HEART, SPINE]
    assert [report.name for report in trained.stages] == names
    assert set(trained.weights) == set(names)
    assert trained.settings["nodule"]["left_out"].startswith("too few training studies: 0 present, 48 absent")
    model = task.load("v1", trained.settings, trained.weights)
    validation, pixels = drawn[1], drawn[2]
    predicted = list(model.predict([e.study for e in validation], pixels))
    for name in (HEART, SPINE):
        scores = np.array([p.results[0].probabilities[name] for p in predicted])
        truth = np.array([name in e.value("findings") for e in validation])  # type: ignore[operator]
        assert (scores[truth][:, None] > scores[~truth][None]).mean() > 0.95
    for prediction in predicted:
        (result,) = prediction.results
        assert task.form.check([result.answer])
        assert set(result.probabilities) == {HEART, SPINE}
        assert result.value <= {HEART, SPINE}  # type: ignore[operator]
        doubts = [result.probabilities[name] for name in (HEART, SPINE)]
        entropy = [-(p * np.log2(p) + (1 - p) * np.log2(1 - p)) if 0 < p < 1 else 0.0 for p in doubts]
        assert result.uncertainty == pytest.approx(max(entropy), abs=1e-9)
    heart = next(e for e in validation if e.value("findings") == frozenset({HEART}))
    found = model.explain(heart.study, "findings", pixels)
    assert found.heat.shape == (64, 64)
    assert 0.0 <= found.heat.min() <= found.heat.max() <= 1.0
    assert found.heat[34:54, 8:28].mean() > found.heat[8:28, 36:56].mean()
    other = model.explain(heart.study, "findings", pixels, finding=SPINE)
    assert not np.array_equal(other.heat, found.heat)
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(heart.study, "findings", pixels, finding="nodule")
    for question, site in (("projection", STUDY), ("findings", Site.page(0))):
        with pytest.raises(TaskError, match="does not answer"):
            model.explain(heart.study, question, pixels, site=site)


def test_the_same_seed_gives_the_same_weights(
    drawn: tuple[list[Example], list[Example], Pixels], task: CxrFindings, tmp_path: Path
) -> None:
    profile = profile_of(task, epochs=1)
    first, second = (task.train(run_of(drawn, tmp_path / name, profile)).weights["findings"] for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_version_of_fewer_findings_still_answers_the_form(
    drawn: tuple[list[Example], list[Example], Pixels], task: CxrFindings, tmp_path: Path
) -> None:
    trained = task.train(run_of(drawn, tmp_path, profile_of(task, epochs=1)))
    model = task.load("v1", trained.settings, trained.weights)
    assert isinstance(model, FindingsModel)
    grown = FindingsModel(task, (*task.labels, "kyphosis"), "v1", trained.settings, trained.weights)
    result = grown.result(np.array([0.2, 0.4]))
    assert "kyphosis" not in result.probabilities
    assert "kyphosis" not in result.value  # type: ignore[operator]


def test_nothing_to_train_on_is_said(
    drawn: tuple[list[Example], list[Example], Pixels], task: CxrFindings, tmp_path: Path
) -> None:
    normal = [e for e in drawn[0] if not e.value("findings")]
    with pytest.raises(TrainingError, match="No finding") as raised:
        task.train(run_of((normal, drawn[1], drawn[2]), tmp_path, profile_of(task)))
    assert "0 present, 24 absent" in raised.value.given


def test_the_chest_is_found_within_its_frame() -> None:
    rng = np.random.default_rng(0)
    framed = np.full((200, 160), 40, dtype=np.uint8)
    framed[30:180, 20:150] = rng.integers(0, 255, (150, 130))
    found = field_of(framed)
    assert [found.top, found.left, found.bottom, found.right] == pytest.approx([30, 20, 180, 150], abs=3)
    assert field_of(np.full((50, 40), 7, dtype=np.uint8)) == Crop(0, 0, 50, 40)
    assert chest_of(framed) == found  # noise shows no lungs
    heat = Crop(1, 2, 3, 5).back(np.ones((2, 3), dtype=np.float32), (4, 6))
    assert heat.sum() == 6
    assert heat[1:3, 2:5].all()


@pytest.mark.parametrize(
    ("name", "millions", "side"),
    [("efficientnet_b0", 4.008, 7), ("efficientnet_b4", 17.549, 12), ("densenet121", 6.954, 11),
     ("se_resnet50", 26.039, 12), ("se_resnext101_32x4d", 46.906, 12), ("senet154", 113.040, 12)],
)  # fmt: skip
def test_published_networks(name: str, millions: float, side: int) -> None:
    pixels = 224 if name == "efficientnet_b0" else 380
    with torch.device("meta"):
        network = build(name, 3, 2).eval()
        features = network.features(torch.zeros(1, 3, pixels, pixels))
    known = architecture(name)
    assert tuple(features.shape[2:]) == (side, side)
    assert sum(p.numel() for p in network.features.parameters()) / 1e6 == pytest.approx(millions, abs=0.001)
    assert network.features.state_dict()[known.builder(1).stem].shape[1] == 3
    assert known.pretrained is not None
    assert known.pretrained.mean == (0.485, 0.456, 0.406)
