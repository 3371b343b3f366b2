"""Masks, reports and MetaImage volumes that come in with the data."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from data.answers import Answer, Choice, Form, Mask, MaskValue, Question, Site, lesion_sites
from data.blobs import Blobs
from data.errors import AnswerError
from data.home import Home
from data.ingest import ingest, read_labels
from data.ingest.masks import read_masks
from data.phantoms.dicom import write_masks
from data.pixels import Pixels
from data.records import Layout, Measured, Part, Prediction
from data.store import Store

OUTLINE = Mask(("organ", "lesion"))
QUESTION = Question("outline", "Outline", OUTLINE)
FORM = Form(
    (QUESTION, Question("kind", "Which kind?", Choice(("a", "b")), lesion_sites(OUTLINE), drawn_in="outline"))
)


@pytest.fixture
def blobs(home: Home) -> Blobs:
    return Blobs.of(home)


def at(value: object, label: str, blobs: Blobs) -> np.ndarray:
    assert isinstance(value, MaskValue)
    name = value.blob(label)
    assert name is not None
    return blobs.get_mask(name, value.shape)


def test_packed_masks_come_back_page_by_page(tmp_path: Path, blobs: Blobs) -> None:
    rng = np.random.default_rng(0)
    organ = rng.random((3, 5, 7)) < 0.5
    organ[1] = False
    lesion = np.zeros((5, 7), dtype=bool)
    lesion[2, 3] = True
    path = write_masks(tmp_path / "m.npz", {"organ": organ, "lesion@2": lesion})
    answers = read_masks(path, QUESTION, blobs)
    assert [a.site for a in answers] == [Site.page(0), Site.page(2)]
    assert np.array_equal(at(answers[0].value, "organ", blobs), organ[0])
    assert np.array_equal(at(answers[1].value, "organ", blobs), organ[2])
    assert np.array_equal(at(answers[1].value, "lesion", blobs), lesion)


@pytest.mark.parametrize("suffix", [".png", ".nii.gz", ".mha"])
def test_label_maps_name_labels_by_number(tmp_path: Path, blobs: Blobs, suffix: str) -> None:
    values = np.zeros((4, 6), dtype=np.uint8)
    values[1, 2:5], values[3, 0] = 1, 2
    path = tmp_path / f"map{suffix}"
    if suffix == ".png":
        Image.fromarray(values).save(path)
    elif suffix == ".mha":
        sitk.WriteImage(sitk.GetImageFromArray(values[None]), str(path))
    else:
        # as an axial file runs: i to the left (LPS), j to the back
        nib.save(nib.Nifti1Image(values.T[..., None], np.diag([-1.0, -1.0, 1.0, 1.0])), path)
    (answer,) = read_masks(path, QUESTION, blobs)
    assert answer.site == Site.page(0)
    assert np.array_equal(at(answer.value, "organ", blobs), values == 1)
    assert np.array_equal(at(answer.value, "lesion", blobs), values == 2)


def test_masks_that_do_not_fit_are_refused_by_what_is_wrong(tmp_path: Path, blobs: Blobs) -> None:
    spine = write_masks(tmp_path / "a.npz", {"spine": np.ones((2, 2), dtype=bool)})
    with pytest.raises(AnswerError, match="spine"):
        read_masks(spine, QUESTION, blobs)
    Image.fromarray(np.full((2, 2), 3, np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(AnswerError, match="organ, lesion"):
        read_masks(tmp_path / "b.png", QUESTION, blobs)
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(AnswerError, match="cannot be read"):
        read_masks(tmp_path / "c.npz", QUESTION, blobs)
    with pytest.raises(AnswerError, match="missing"):
        read_masks(tmp_path / "missing.npz", QUESTION, blobs)


def test_a_table_names_masks_and_reports(home: Home, tmp_path: Path, blobs: Blobs) -> None:
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(images / "x.png")
    lesion = np.eye(8, dtype=bool)
    write_masks(images / "x.npz", {"lesion": lesion})
    table = images / "labels.csv"
    table.write_text("path,outline,kind@lesion:2,report\nx.png,x.npz,b,No effusion.\n", encoding="utf-8")
    labels = read_labels(table, form=FORM, task="t", blobs=blobs)
    assert labels.problems == ()
    report = ingest(home, [images], labels=labels, workers=1)
    assert (report.files, report.ingested) == (2, 1)  # the table itself is no image; the masks are not looked at
    store = Store.of(home)
    (study,) = store.studies.find()
    standard = {(a.question, a.site): a.value for a in (r.answer for r in store.labels.references("t"))}
    assert standard["kind", Site.lesion(2)] == "b"
    assert np.array_equal(at(standard["outline", Site.page(0)], "lesion", blobs), lesion)
    assert store.reports.texts() == {study.study_id: "No effusion."}
    assert store.reports.texts(study_ids=[]) == {}


def test_a_lesion_that_is_drawn_must_be_answered_and_no_other(blobs: Blobs) -> None:
    drawn = Answer("outline", Site.page(3), MaskValue((2, 2), (("lesion", blobs.put_mask(np.ones((2, 2)))),)))
    assert FORM.unanswered(()) == {}
    assert FORM.unanswered([drawn]) == {"kind": (Site.lesion(2),)}
    assert FORM.is_complete([drawn, Answer("kind", Site.lesion(2), "a")])
    with pytest.raises(AnswerError, match="sites"):
        Form((QUESTION, Question("kind", "?", Choice(("a", "b")), drawn_in="outline")))


def test_a_metaimage_volume_lies_where_the_library_says(home: Home, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    image = sitk.GetImageFromArray(rng.integers(-1000, 1000, (3, 4, 5)).astype(np.int16))
    image.SetSpacing((0.8, 0.9, 4.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection((0, 0, -1, 1, 0, 0, 0, -1, 0))  # sagittal
    sitk.WriteImage(image, str(tmp_path / "v.mha"), useCompression=True)
    assert ingest(home, [tmp_path / "v.mha"], workers=1).ingested == 1
    (series,) = Store.of(home).studies.find()[0].series
    assert series.layout is Layout.VOLUME
    volume = Pixels.of(home).volume(series)
    assert volume.orientation in {("R", "F", "P"), ("L", "F", "P")}
    for index in np.ndindex(*volume.array.shape):
        i, j, k = image.TransformPhysicalPointToIndex(volume.to_physical(np.array(index)).tolist())
        assert volume.array[index] == image.GetPixel(i, j, k)


def test_what_a_version_measured_is_kept(home: Home, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "x.png")
    ingest(home, [tmp_path / "x.png"], workers=1)
    store = Store.of(home)
    (study,) = store.studies.find()
    version = store.versions.add(task="t", profile="tiny", manifest="m")
    line = ((1.5, 2.0), (3.25, 4.0))
    measured = Measured("long_diameter", Site.lesion(1), 12.5, "mm", page=3, drawn=(line,), note="axial")
    given = Prediction("t", study.study_id, version.version, (), "2026-01-01", (measured,))
    store.versions.put_predictions([given])
    assert store.versions.predictions(version.version) == {study.study_id: given}
    assert study.patient.part in set(Part)
