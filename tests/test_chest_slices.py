from dataclasses import replace

import numpy as np
import pytest

from data.blobs import Blobs
from data.errors import TaskError
from data.pixels import Pixels
from data.records import Layout, Part, Patient, Series, Study
from models.chest.slices import (
    LUNG_WINDOW,
    MOST_PAGES,
    as_input,
    axial,
    chosen,
    most_suspicious,
    page_slices,
    slabs_of,
    soft_maximum,
    to_levels,
)
from models.chest.weak import viewed
from models.task import get_task
from tests.test_chest_lungs import body


@pytest.fixture
def pixels(home):
    return Pixels(Blobs.of(home))


@pytest.fixture
def task():
    return get_task("chest_ct_norm")


def series_of(pixels, array, layout=Layout.VOLUME, name="a", axes=(2, 1, 0), spacing=(8.0, 5.0, 5.0)):
    """A series whose slices, rows and columns run along these axes of the patient."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for index, (axis, step) in enumerate(zip(axes, spacing, strict=True)):
        affine[axis, index] = step
    known = tuple(affine.ravel().tolist()) if layout is Layout.VOLUME else None
    return Series(
        name, "s", "CT", layout, array.shape, pixels.blobs.put_array(array),
        spacing[-array.ndim :] if layout is not Layout.FRAMES else None, known,
    )  # fmt: skip


def study_of(*series):
    return Study("s", Patient("test:1", "P-1", Part.TRAIN), "CT", series)


def test_a_slab_is_its_darkest_mean_and_brightest_value(pixels):
    hu = body()
    hu[4, 40, 12], hu[5, 40, 12] = 60, -1000
    slabs = slabs_of(study_of(series_of(pixels, hu)), pixels, 4, 48)
    assert slabs.images.shape == (4, 3, 48, 48)
    assert slabs.centres == (2, 4, 6, 8)  # two slices each, of those that show lungs
    dark, mean, bright = slabs.images[1].astype(int)
    assert (dark <= mean + 1).all()
    assert (mean <= bright + 1).all()
    top, left, side = slabs.box
    row, column = round((40.5 - top) * 48 / side - 0.5), round((12.5 - left) * 48 / side - 0.5)
    assert bright[row, column] > 120
    assert dark[row, column] < 70
    assert slabs.lungs[1].mean() > 0.2
    assert slabs.images[1, 1][slabs.lungs[1]].mean() == pytest.approx(float(to_levels(np.array(-850))), abs=12)


def test_few_slices_are_few_slabs(pixels):
    slabs = slabs_of(study_of(series_of(pixels, body()[4:7])), pixels, 12, 32)
    assert slabs.images.shape == (3, 3, 32, 32)
    assert slabs.centres == (0, 1, 2)
    assert np.array_equal(slabs.images[:, 0], slabs.images[:, 2])


def test_grey_values_grow_with_hu():
    levels = to_levels(np.arange(-2000, 3000))
    assert levels[0] == 0
    assert levels[-1] == 255
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert int(to_levels(np.array(-850))) - int(to_levels(np.array(-950))) == pytest.approx(26, abs=1)


def test_heat_comes_back_to_its_place(pixels):
    slabs = slabs_of(study_of(series_of(pixels, body())), pixels, 4, 64)
    heat = np.zeros((64, 64), dtype=np.float32)
    heat[20:24, 40:44] = 1.0
    native = slabs.native(heat, (64, 64))
    top, left, side = slabs.box
    rows, columns = np.nonzero(native > 0.5)
    assert rows.mean() == pytest.approx(top + 22 * side / 64 - 0.5, abs=1)
    assert columns.mean() == pytest.approx(left + 42 * side / 64 - 0.5, abs=1)
    over = replace(slabs, box=(-10, -10, 84))  # a box over the edge
    assert over.native(np.ones((64, 64), dtype=np.float32), (64, 64)).min() == 1.0


def test_the_axial_volume_with_most_slices_is_looked_at(pixels, task):
    coronal = series_of(pixels, np.zeros((30, 20, 20), np.int16), name="coronal", axes=(1, 2, 0))
    thick, thin = (series_of(pixels, np.zeros((n, 20, 20), np.int16), name=str(n)) for n in (5, 20))
    assert not axial(coronal)
    assert chosen(study_of(coronal, thick, thin)) == thin
    assert task.accepts(study_of(coronal, thick))
    assert not task.accepts(study_of(coronal))
    assert not task.accepts(replace(study_of(thin), modality="MR"))
    with pytest.raises(TaskError, match="no axial slices"):
        chosen(study_of(coronal))


def test_pages_are_native_slices_in_the_lung_window(pixels, task):
    hu = np.zeros((120, 20, 24), dtype=np.int16)
    hu += np.arange(120, dtype=np.int16)[:, None, None] * 10 - 1300
    study = study_of(series_of(pixels, hu))
    pages = task.pages(study, pixels)
    shown = page_slices(study.series[0])
    assert len(pages) == len(shown) == MOST_PAGES
    assert shown[0] == 0
    assert shown[-1] == 119
    assert set(np.diff(shown)) == {2, 3}
    assert task.page_shapes(study) == tuple(p.shape for p in pages)
    centre, width = LUNG_WINDOW
    for index, picture in zip(shown, pages, strict=True):
        wanted = ((index * 10 - 1300 - (centre - 0.5)) / (width - 1) + 0.5) * 255
        assert picture[0, 0] == pytest.approx(np.clip(wanted, 0, 255), abs=0.51)


def test_a_picture_of_a_slice_is_taken_as_it_is(pixels, task):
    grey = np.where(body()[5] < -400, 30, 200).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=2)
    study = study_of(series_of(pixels, colour, Layout.IMAGE))
    assert task.accepts(study)
    (page,) = task.pages(study, pixels)
    assert np.array_equal(page, grey)
    slabs = slabs_of(study, pixels, 12, 64)
    assert slabs.images.shape == (1, 3, 64, 64)
    assert np.array_equal(slabs.images[0, 0], slabs.images[0, 2])
    assert slabs.centres == (0,)
    assert slabs.lungs.mean() > 0.3
    stack = study_of(series_of(pixels, np.stack([grey] * 20), Layout.FRAMES))
    assert slabs_of(stack, pixels, 4, 64).centres == (0, 6, 13, 19)


def test_a_single_slice_in_hu_is_no_picture(pixels):
    hu = body()[5]
    single = slabs_of(study_of(series_of(pixels, hu, Layout.IMAGE)), pixels, 12, 64)
    volume = slabs_of(study_of(series_of(pixels, hu[None])), pixels, 12, 64)
    assert single.images.shape == (1, 3, 64, 64)
    assert np.array_equal(single.images, volume.images)


def test_the_study_is_the_mean_of_its_most_suspicious_slabs():
    values = np.array([[1.0, 0.0], [5.0, 2.0], [3.0, 9.0]])
    assert most_suspicious(values, 2).tolist() == [4.0, 5.5]
    assert most_suspicious(values[:, 0], 8) == 3.0


def test_the_soft_maximum_lies_between_mean_and_maximum():
    logits = np.array([[0.0, 700.0], [2.0, 1400.0], [-2.0, 0.0]])
    assert soft_maximum(logits, 1.0)[0] == pytest.approx(np.log((1 + np.exp(2.0) + np.exp(-2.0)) / 3))
    assert soft_maximum(logits, 1.0)[1] == pytest.approx(1400 - np.log(3))  # without an overflow
    assert soft_maximum(logits[:, 0], 1e-4) == pytest.approx(0.0, abs=1e-3)
    assert soft_maximum(logits[:, 0], 1e3) == pytest.approx(2.0, abs=2e-3)


def test_views_and_input():
    image = np.arange(2 * 3 * 40 * 40, dtype=np.uint32).reshape(2, 3, 40, 40).astype(np.uint8)
    assert np.array_equal(viewed(image, True, 0.0), image[..., ::-1])
    assert viewed(image, False, 0.05).shape == (2, 3, 36, 36)
    import torch

    tensor = as_input(image[..., ::-1], torch.device("cpu"))
    assert tensor.shape == (2, 3, 40, 40)
    assert tensor[0, 0, 0, 0] == pytest.approx((39 / 255 - 0.5) / 0.289)
