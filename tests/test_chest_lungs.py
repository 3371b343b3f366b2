import numpy as np
import pytest

from data.blobs import Blobs
from data.ingest import ingest
from data.phantoms.chest_ct_norm import study
from data.pixels import Pixels
from models.chest.lungs import lung_extent, lung_mask, picture_lungs
from models.chest.slices import chosen, slabs_of, to_levels


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def body(shape=(12, 64, 64), lung_hu=-850.0):
    """A body with two lungs, a vessel in one, and gas in the stomach; 3 mm voxels of 8 mm slices."""
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[:, 8:56, 4:60] = 40
    hu[2:10, 14:50, 8:28] = hu[2:10, 14:50, 36:56] = lung_hu
    hu[2:10, 30:32, 16:18] = 40
    hu[0, 20:24, 30:34] = -950
    return hu


def test_lungs_are_the_air_within_the_body():
    mask = lung_mask(body(), (8.0, 5.0, 5.0))
    wanted = np.zeros_like(mask)
    wanted[2:10, 14:50, 8:28] = wanted[2:10, 14:50, 36:56] = True
    assert dice(mask, wanted) > 0.99
    assert mask[5, 31, 17]  # the vessel belongs to the lung
    assert not mask[0].any()  # the stomach's gas does not
    assert lung_extent(mask) == (2, 10)


def test_no_lungs_are_no_mask():
    hu = np.full((3, 40, 40), 40, dtype=np.int16)
    mask = lung_mask(hu, (5.0, 2.0, 2.0))
    assert mask.shape == hu.shape
    assert not mask.any()
    assert lung_extent(mask) == (0, 3)


def test_lungs_of_phantoms_are_found():
    for number, pathology in ((3, ""), (3, "emphysema"), (8, "lung_nodule")):
        made = study(number, instead=pathology)
        series = made.study.series[0]
        spacing = tuple(np.linalg.norm(np.asarray(series.affine)[:3, :3], axis=0))
        mask = lung_mask(series.pixels, spacing)
        assert dice(mask, made.lungs) > 0.93
        assert 2000 < mask.sum() * np.prod(spacing) / 1000 < 8000


def test_lungs_of_a_picture_are_its_dark_places_within():
    grey = np.where(body()[5] < -400, 30, 200).astype(np.uint8)
    mask = picture_lungs(grey)
    assert dice(mask, lung_mask(body()[5:6], (8.0, 5.0, 5.0))[0]) > 0.95


@pytest.mark.real
def test_lungs_of_a_real_ct(home, store, real_data):
    ingest(home, [real_data / "C_chestct" / "nlst"], workers=1)
    pixels = Pixels(Blobs.of(home))
    (found,) = store.studies.find()
    series = chosen(found)
    array = pixels.array(series)[:, ::3, ::3]
    spacing = series.spacing_mm[0], 3 * series.spacing_mm[1], 3 * series.spacing_mm[2]
    mask = lung_mask(array, spacing)
    assert 2000 < mask.sum() * np.prod(spacing) / 1000 < 8000
    assert -960 < np.median(array[mask]) < -800
    middle = mask[len(mask) // 2]
    left, right = middle[:, : middle.shape[1] // 2].sum(), middle[:, middle.shape[1] // 2 :].sum()
    assert 0.5 < left / right < 2.0
    slabs = slabs_of(found, pixels, 12, 96)
    assert slabs.images.shape == (12, 3, 96, 96)
    assert slabs.lungs.reshape(12, -1).mean(axis=1).max() > 0.2
    shown = slabs.images[:, 1][slabs.lungs]
    assert int(to_levels(np.array(-960))) < np.median(shown) < int(to_levels(np.array(-800)))
