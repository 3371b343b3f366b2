"""The task of adrenal lesions: its form, pages, phantoms, training, prediction and explanation."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from data.answers import STUDY, Answer, MaskValue, Site
from data.blobs import Blobs
from data.errors import TaskError, TrainingError
from data.phantoms.adrenal_ct import study as phantom
from data.phantoms.adrenal_ct import truth_of
from data.pixels import Pixels
from data.records import Layout, Part, Patient, Series, Study
from models.adrenal import AdrenalModel, FindingSettings, lesion_clip, logit
from models.adrenal_training import phenotypes_of
from models.clips import page_slices, stack
from models.config import ProfileName
from models.lesions import Instance, read_lesions
from models.references import labels_of
from models.task import Example, TrainingRun, get_task

SMALL_PX = 64


@pytest.fixture(scope="module")
def task():
    return get_task("adrenal_ct")


def example(blobs, number, part=Part.TRAIN):
    """A phantom at a low resolution, kept without files, with its truth by page."""
    made, name = phantom(number, seed=2, size_px=SMALL_PX), f"study-{number:02}"
    several = tuple(
        Series(
            f"{name}-{index}", name, "CT", Layout.VOLUME, series.pixels.shape, blobs.put_array(series.pixels),
            spacing_mm=tuple(float(v) for v in np.linalg.norm(series.affine[:3, :3], axis=0)),
            affine=tuple(float(v) for v in series.affine.reshape(-1)), description=series.description,
        )
        for index, series in enumerate(made.study.series)
    )  # fmt: skip
    answers = []
    for column, value in made.study.answers.items():
        question, _, site = column.partition("@")
        answers.append(Answer(question, Site(site) if site else STUDY, value))
    for page, index in enumerate(page_slices(several[0].shape[0])):
        masks = {k: m[index] for k, m in made.study.masks.get("lesions", {}).items() if m[index].any()}
        if masks:
            kept = tuple(sorted((label, blobs.put_mask(mask)) for label, mask in masks.items()))
            answers.append(Answer("lesions", Site.page(page), MaskValue((SMALL_PX, SMALL_PX), kept)))
    patient = Patient(f"test:{number}", f"P-{number:02}", part)
    return Example(Study(name, patient, "CT", several, phantom=True), tuple(answers))


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return Blobs(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="module")
def examples(blobs):
    return [example(blobs, number) for number in range(14)]


@pytest.fixture(scope="module")
def trained(task, blobs, examples, tmp_path_factory):
    run = TrainingRun(
        examples[:9], examples[9:], Pixels(blobs), task.profile("tiny"), tmp_path_factory.mktemp("scratch"), 0, 2
    )
    return task.train(run)


def test_the_form_asks_of_drawn_lesions(task):
    page = Answer("lesions", Site.page(4), MaskValue((8, 8), (("lesion_2", "b"),)))
    yes = Answer("finding", STUDY, "lesion")
    assert task.form.unanswered([yes, page]) == {"phenotype": (Site.lesion(2),)}
    assert task.form.is_complete([Answer("finding", STUDY, "no_lesion")])
    assert task.primary == "mean_auc"


def test_truths_fit_the_form(task, examples):
    for one in examples:
        task.form.check(one.answers, complete=True)


def test_pages_are_drawn_from_the_unenhanced_series(task, blobs, examples):
    several = next(e.study for e in examples if len(e.study.series) == 3)
    backwards = replace(several, series=several.series[::-1])
    pages = task.pages(backwards, Pixels(blobs))
    assert np.array_equal(pages, task.pages(several, Pixels(blobs)))
    assert task.page_shapes(several) == tuple(page.shape for page in pages)
    assert len(pages) == min(54, several.series[0].shape[0])
    sources = task.sources(backwards)
    assert {page.series.series_id for page in sources} == {several.series[0].series_id}
    shown = [Pixels(blobs).display8(page.series, page.index, window=task.window) for page in sources]
    assert np.array_equal(shown, pages)
    assert not task.accepts(
        replace(several, series=(replace(several.series[0], attributes={"body_part": "CHEST"}),))
    )
    assert task.accepts(several)
    assert not task.accepts(replace(several, modality="MR"))
    one = replace(several.series[0], layout=Layout.IMAGE, shape=(64, 64))
    assert not task.accepts(replace(several, series=(one,)))


def test_phantoms_come_with_masks_by_page(task, tmp_path, home):
    number = 74  # 55 slices
    labels = task.write_phantoms(1, tmp_path / "images", first=number)
    with labels.open() as stream:
        (row,) = csv.DictReader(stream)
    kept = Blobs.of(home)
    table = labels_of(task, labels, kept)
    assert table.problems == ()
    made = phantom(number)
    shape = made.study.series[0].pixels.shape
    found = read_lesions(table.rows[0].answers, task.form["lesions"], (54, *shape[1:]), kept)
    assert row["finding"] == "lesion"
    assert shape[0] > 54
    for label, mask in made.study.masks["lesions"].items():
        assert np.array_equal(found[label], mask[page_slices(shape[0])])


def test_both_stages_are_trained_and_reported(trained):
    segmenter, phenotype = trained.stages
    assert (segmenter.name, segmenter.network, segmenter.input) == ("segmenter", "yolo11n-seg", (3, 64, 64))
    assert (phenotype.name, phenotype.network, phenotype.input) == ("phenotype", "small_resnet3d", (1, 8, 16, 16))
    assert segmenter.steps <= 2
    assert phenotype.steps <= 2
    assert segmenter.parameters == 2_842_803
    counts = segmenter.detail["counts"]["train"]
    assert counts["frames"] == 2 * counts["with_lesion"]
    assert set(segmenter.detail["validation"]) >= {"mask_map50", "box_map50_95", "finding"}
    assert set(trained.weights) == {"segmenter", "phenotype"}


def test_predictions_fit_the_form(task, blobs, trained, examples):
    model = task.load("v1", trained.settings, trained.weights)
    assert isinstance(model, AdrenalModel)
    model.finding = FindingSettings(operating_point=logit(0.0), field=(0.3, 0.85, 0.1, 0.9))
    predictions = list(model.predict([e.study for e in examples[9:12]], Pixels(blobs)))
    assert [p.study_id for p in predictions] == [e.study.study_id for e in examples[9:12]]
    for prediction in predictions:
        task.form.check((r.answer for r in prediction.results), complete=True)
        for result in prediction.results:
            if result.question != "lesions":
                assert sum(result.probabilities.values()) == pytest.approx(1)
            assert 0 <= result.uncertainty <= 1
    again = next(iter(model.predict([examples[10].study], Pixels(blobs))))
    assert again.results == predictions[1].results


def planted(model, masks):
    """The model, with a segmenter that outlines the given lesions and is sure of them."""

    def instances(frames, shape, *, batch=16):
        for page in range(len(frames)):
            yield [(mask[page], 0.95) for mask in masks if mask[page].any()]

    model.segmenter.instances = instances


def test_lesions_are_answered_measured_and_explained(task, blobs, trained, examples):
    model = task.load("v2", trained.settings, trained.weights)
    one = next(
        e
        for e in examples
        if len({v for a in e.answers if isinstance(a.value, MaskValue) for v, _ in a.value.masks}) == 1
    )
    pages = len(task.page_shapes(one.study))
    (mask,) = read_lesions(one.answers, task.form["lesions"], (pages, SMALL_PX, SMALL_PX), blobs).values()
    model.finding = FindingSettings(operating_point=logit(0.5))
    planted(model, [mask])
    (prediction,) = model.predict([one.study], Pixels(blobs))
    task.form.check((r.answer for r in prediction.results), complete=True)
    answers = [r.answer for r in prediction.results]
    found = read_lesions(answers, task.form["lesions"], mask.shape, blobs)
    assert np.array_equal(found["lesion_1"], mask)
    (truth,) = truth_of(int(one.study.study_id[-2:]), seed=2, size_px=SMALL_PX)
    figures = {m.name: m for m in prediction.measured}
    assert figures["volume"].value == pytest.approx(truth.volume_mm3 / 1000)
    assert figures["long_diameter"].value == pytest.approx(truth.long_mm, abs=7)  # 5 mm pixels
    assert (figures["off_midline"].value > 0) == (truth.side == "left")
    assert figures["mean_hu_unenhanced"].site == Site.lesion(1)
    assert figures["mean_hu_unenhanced"].value == pytest.approx(truth.unenhanced_hu, abs=15)
    heat = model.explain(one.study, "finding", Pixels(blobs))
    assert heat.page == mask.sum(axis=(1, 2)).argmax()
    assert np.array_equal(heat.heat > 0, mask[heat.page])
    cam = model.explain(one.study, "phenotype", Pixels(blobs), site=Site.lesion(1))
    assert cam.page == heat.page
    assert cam.heat.shape == (SMALL_PX, SMALL_PX)
    assert 0 <= cam.heat.min() <= cam.heat.max() <= 1
    with pytest.raises(TaskError, match="does not answer"):
        model.explain(one.study, "phenotype", Pixels(blobs), site=Site.lesion(2))


def test_below_the_operating_point_the_second_stage_is_not_reached(task, blobs, trained, examples, monkeypatch):
    model = task.load("v3", trained.settings, trained.weights)
    mask = np.zeros((60, SMALL_PX, SMALL_PX), bool)
    mask[10:16, 30:36, 20:26] = True
    planted(model, [mask])
    model.finding = FindingSettings(operating_point=logit(0.96))
    monkeypatch.setattr(model.classifier, "probabilities", lambda clips: pytest.fail("asked of the phenotype"))
    (prediction,) = model.predict([examples[0].study], Pixels(blobs))
    (only,) = prediction.results
    assert (only.question, only.value) == ("finding", "no_lesion")
    assert only.probabilities["lesion"] < 0.5
    assert prediction.measured == ()


def test_flags_pass_to_lesions_and_ambiguous_ones_do_not():
    def given(**answers):
        named = [Answer("phenotype", Site(site.replace("_", ":")), value) for site, value in answers.items()]
        return Example(None, tuple(named))

    both = ["lesion_1", "lesion_2"]
    assert phenotypes_of(given(study="benign"), both) == {"lesion_1": "benign", "lesion_2": "benign"}
    assert phenotypes_of(given(lesion_1="benign", lesion_2="malignant"), both) == {
        "lesion_1": "benign",
        "lesion_2": "malignant",
    }
    assert phenotypes_of(given(lesion_4="benign", lesion_5="malignant"), both) == {}
    assert phenotypes_of(given(lesion_1="benign"), both) == {"lesion_1": "benign"}
    assert phenotypes_of(given(), both) == {}


def test_too_few_lesions_are_an_error(task, blobs, examples, tmp_path):
    empty = [e for e in examples if e.value("finding") == "no_lesion"]
    run = TrainingRun(empty, [], Pixels(blobs), task.profile("tiny"), tmp_path)
    with pytest.raises(TrainingError, match="too few studies"):
        task.train(run)


def test_without_phenotypes_the_lesions_are_still_found(task, blobs, examples, tmp_path):
    bare = [replace(e, answers=tuple(a for a in e.answers if a.question != "phenotype")) for e in examples]
    run = TrainingRun(bare[:5], bare[9:12], Pixels(blobs), task.profile("tiny"), tmp_path, 0, 1)
    found = task.train(run)
    assert set(found.weights) == {"segmenter"}
    assert "too few lesions" in found.settings["phenotype"]["left_out"]
    model = task.load("v4", found.settings, found.weights)
    (prediction,) = model.predict([examples[0].study], Pixels(blobs))
    assert not [r for r in prediction.results if r.question == "phenotype"]


def test_the_profiles_say_what_is_trained(task):
    paper = task.profile(ProfileName.PAPER)
    assert paper.segmenter.networks == tuple(f"yolo11{size}-seg" for size in "nsmlx")
    assert paper.segmenter.drop_frames == 10
    assert paper.stages["phenotype"].networks[0] == "resnet50_3d"
    assert (paper.stages["phenotype"].frames, *paper.stages["phenotype"].size_px) == (54, 224, 224)
    assert paper.crop_mm == 0
    for name in ProfileName:
        assert not task.profile(name).segmenter.augment.flip_horizontal
        assert not task.profile(name).segmenter.augment.flip_vertical


def test_an_instance_is_measured_once():
    one = Instance(np.eye(4, dtype=bool), 0.5)
    assert one.area_px == 4
    assert one.middle.tolist() == [1.5, 1.5]


def test_a_lesion_is_seen_alone_and_in_its_window(blobs, examples):
    one = next(e for e in examples if any(a.question == "lesions" for a in e.answers))
    seen = stack(one.study, Pixels(blobs))
    (mask, *_) = read_lesions(
        one.answers, get_task("adrenal_ct").form["lesions"], seen.pages.shape, blobs
    ).values()
    clip, way = lesion_clip(seen, mask, 54, (SMALL_PX, SMALL_PX))
    assert clip.shape == (54, SMALL_PX, SMALL_PX)
    assert np.array_equal(clip[: len(mask)], np.where(mask, seen.pages, 0))
    assert np.array_equal(way.back(way.mask(mask)), mask)
    narrow, _ = lesion_clip(seen, mask, 54, (SMALL_PX, SMALL_PX), window=(20.0, 160.0))
    inside = clip[: len(mask)][mask].astype(float)
    hu = inside * 400 / 255 - 160
    wanted = np.clip((hu - 19.5) * 255 / 159 + 127.5, 0, 255)
    assert np.abs(narrow[: len(mask)][mask] - wanted).max() <= 0.5
    assert not narrow[: len(mask)][~mask].any()
    assert seen.pixel_mm is not None
    margin = 3 * max(seen.pixel_mm)
    wide, _ = lesion_clip(seen, mask, 54, (SMALL_PX, SMALL_PX), margin_mm=margin)
    far = np.stack([ndimage.distance_transform_edt(~page, seen.pixel_mm) for page in mask])
    near = mask | ((far <= margin - max(seen.pixel_mm)) & mask.any(axis=(1, 2))[:, None, None])
    assert np.array_equal(wide[: len(mask)][near], seen.pages[near])
    assert not wide[: len(mask)][~mask & (far > margin + max(seen.pixel_mm))].any()
