import logging

import numpy as np
import pytest

from models.spine.crops import LevelView, Region, crop_matrix, on_page, side_crop
from models.spine.grading import (
    LurieSettings,
    Sac,
    cascade_probabilities,
    ensemble,
    fit_limits,
    lost_share,
    lurie_grade,
    lurie_probabilities,
    normal_size,
    unaffected_by_area,
    usual_profile,
)
from models.spine.measures import disc_bulge_mm, measure_level

SPACING = (0.5, 0.4)


def view(**changes):
    """A slice with a canal of 40 x 60 pixels and a sac of 20 x 30 within it."""
    canal, sac, recess, hernia = (np.zeros((120, 160), bool) for _ in range(4))
    canal[40:80, 50:110] = True
    sac[50:70, 60:90] = True
    recess[60:70, 52:57] = True
    recess[60:70, 95:105] = True
    hernia[44:50, 70:82] = True
    masks = {"spinal_canal": canal, "dural_sac": sac, "lateral_recess": recess, "herniation": hernia}
    picture = np.random.default_rng(0).integers(0, 255, (120, 160)).astype(np.uint8)
    return LevelView(
        **{"level": "L4/L5", "page": 7, "picture": picture, "masks": masks, "spacing_mm": SPACING, **changes}
    )


def test_areas_and_diameters_are_in_mm():
    found = {m.name: m for m in measure_level(view())}
    assert found["canal_area"].value == pytest.approx(40 * 60 * 0.2)
    assert found["sac_area"].value == pytest.approx(20 * 30 * 0.2)
    assert found["canal_ap_diameter"].value == pytest.approx(40 * 0.5)
    assert found["canal_width"].value == pytest.approx(60 * 0.4)
    assert found["sac_ap_diameter"].value == pytest.approx(10)
    assert found["sac_to_canal_area"].value == pytest.approx(0.25)
    assert found["sac_to_canal_ap_diameter"].value == pytest.approx(0.5)
    assert found["herniation_ap"].value == pytest.approx(6 * 0.5)
    assert found["herniation_width"].value == pytest.approx(12 * 0.4)
    assert found["recess_asymmetry"].value == pytest.approx(2.0)  # left, on the higher columns, is twice as large
    ((start, end),) = found["canal_ap_diameter"].drawn
    assert (start[0], end[0]) == (40, 79)
    assert start[1] == end[1] == pytest.approx(79.5, abs=0.5)
    assert {m.site.key for m in found.values()} == {"level:L4/L5"}
    assert {m.page for m in found.values()} == {7}
    assert found["sac_area"].unit == "mm2"


def test_sides_follow_the_geometry():
    found = {m.name: m.value for m in measure_level(view(left_high=False))}
    assert found["recess_asymmetry"] == pytest.approx(0.5)


def test_nothing_is_measured_without_spacing(caplog):
    with caplog.at_level(logging.WARNING):
        assert measure_level(view(spacing_mm=None)) == ()
    assert "pixel spacing is not known" in caplog.text


def test_what_is_not_outlined_is_not_measured():
    assert {m.name for m in measure_level(view(masks={"dural_sac": view().masks["dural_sac"]}))} == {
        "sac_area",
        "sac_ap_diameter",
        "sac_width",
    }


def bulging(behind_px, *, mirrored=False):
    """A disc of 10 rows between two vertebrae whose posterior edges are at column 60."""
    disc, bone = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    bone[10:44, 20:61] = bone[56:90, 20:61] = True
    disc[45:55, 20 : 61 + behind_px] = True
    return (disc[:, ::-1], bone[:, ::-1]) if mirrored else (disc, bone)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_bulge_is_what_lies_behind_the_vertebrae(mirrored):
    disc, bone = bulging(5, mirrored=mirrored)
    found = disc_bulge_mm(disc, bone, (50, 45), (1.0, 0.8), back_high=not mirrored)
    assert found is not None
    assert found[0] == pytest.approx(5 * 0.8)
    column = 99 - 65 if mirrored else 65
    assert found[1][1][1] == pytest.approx(column)
    flat = disc_bulge_mm(*bulging(0), (50, 45), (1.0, 0.8))
    assert flat is not None
    assert flat[0] == pytest.approx(0.0, abs=1e-9)
    assert disc_bulge_mm(disc, np.zeros_like(bone), (50, 45), (1.0, 0.8)) is None
    assert disc_bulge_mm(np.zeros_like(disc), bone, (50, 45), (1.0, 0.8)) is None


REGION = Region((40, 60), (20.0, 24.0), 6.0)


def test_a_crop_shows_its_side_on_the_right():
    picture = np.zeros((120, 160), np.uint8)
    picture[58:62, 100:104] = 255  # 22 pixels, 8.8 mm, to the left of the canal's middle; in its height
    picture[30, 20] = 128
    one = view(picture=picture, masks={"spinal_canal": view().masks["spinal_canal"]})
    left, right = side_crop(one, "left", REGION), side_crop(one, "right", REGION)
    assert left.shape == (40, 60)
    row, column = (float(np.mean(i)) for i in np.nonzero(left > 100))
    assert row == pytest.approx(19.5, abs=1.6)
    assert column == pytest.approx((6.0 + 9.0) / 24 * 60, abs=1.6)
    assert right.max() < 100  # it lies outside the right side's crop
    turned = view(
        picture=picture[:, ::-1], masks={"spinal_canal": one.masks["spinal_canal"][:, ::-1]}, left_high=False
    )
    assert np.abs(side_crop(turned, "left", REGION).astype(int) - left).max() <= 1


def test_heat_comes_back_to_its_place():
    one = view()
    heat = np.zeros((40, 60), np.float32)
    heat[10:14, 40:44] = 1
    for side in ("left", "right"):
        page = on_page(heat, one, side, REGION)
        assert page.shape == (120, 160)
        column, row = crop_matrix(one, side, REGION) @ (41.5, 11.5, 1.0)
        rows, columns = np.nonzero(page > 0.5)
        assert rows.mean() == pytest.approx(row, abs=0.7)
        assert columns.mean() == pytest.approx(column, abs=0.7)
    assert column < 79  # the right side lies on the lower columns


SACS = (
    Sac("L1/L2", 200.0, 140.0),
    Sac("L2/L3", 190.0, 105.0),
    Sac("L3/L4", 60.0, 70.0),
    Sac("L4/L5", 100.0, 35.0),
    Sac("L5/S1", 150.0, 0.0),
)


def test_normal_is_interpolated_between_unaffected_neighbours():
    settings = LurieSettings()
    free = frozenset({"L1/L2", "L2/L3", "L5/S1"})
    normal = normal_size("L3/L4", SACS, free, settings)
    assert normal is not None
    assert normal.levels == ("L2/L3", "L5/S1")
    assert normal.area_mm2 == pytest.approx(150 + 40 * 70 / 105)
    assert lost_share(SACS[2], normal) == pytest.approx(1 - 60 / normal.area_mm2)
    last = normal_size("L5/S1", SACS, free, settings)
    assert last is not None
    assert last.area_mm2 == pytest.approx(190)
    assert last.levels == ("L2/L3",)
    assert normal_size("L3/L4", SACS, frozenset({"L3/L4"}), settings) is None
    assert normal_size("L3/L4", (), free, settings) is None


def test_usual_sizes_and_lean_are_taken_into_account():
    profile = usual_profile([Sac(s.level, s.area_mm2, 0.0) for s in SACS for _ in range(3)])
    assert np.mean(profile) == pytest.approx(1)
    assert profile[0] / profile[4] == pytest.approx(200 / 150)
    assert usual_profile([]) == (1.0,) * 5
    settings = LurieSettings(profile=(1.0, 1.0, 1.0, 1.0, 0.75))
    normal = normal_size(
        "L5/S1", (Sac("L4/L5", 160.0, 35.0), Sac("L5/S1", 90.0, 0.0, 0.8)), frozenset({"L4/L5"}), settings
    )
    assert normal is not None
    assert normal.area_mm2 == pytest.approx(160 * 0.75 / 0.8)


def test_unaffected_levels_by_area():
    assert unaffected_by_area(SACS, LurieSettings()) == {"L1/L2", "L2/L3"}


@pytest.mark.parametrize(
    ("loss", "grade"), [(-0.2, 0), (0.05, 0), (0.2, 1), (0.33, 1), (0.34, 2), (0.66, 2), (0.67, 3), (1.0, 3)]
)
def test_lurie_grades_by_thirds(loss, grade):
    settings = LurieSettings(none=0.1, softness=0.01)
    assert lurie_grade(loss, settings) == grade
    row = lurie_probabilities(loss, settings)
    assert row.sum() == pytest.approx(1)
    assert row.min() >= 0
    assert row.argmax() == grade


def test_the_limit_of_none_is_fitted_and_the_thirds_stay():
    rng = np.random.default_rng(1)
    losses = np.concatenate([rng.normal(0.0, 0.05, 60), rng.normal(0.25, 0.05, 20), rng.normal(0.5, 0.05, 20)])
    grades = [0] * 60 + [1] * 20 + [2] * 20
    settings, fitted = fit_limits(losses.tolist(), grades, (1.0,) * 5)
    assert fitted
    assert 0.08 <= settings.none <= 0.2
    assert lurie_grade(0.34, settings) == 2
    default, fitted = fit_limits([0.1] * 5, [0] * 5, (1.0,) * 5)
    assert not fitted
    assert default == LurieSettings()


def test_the_ensemble_is_a_weighted_mean():
    row = cascade_probabilities(0.6, (0.5, 0.25, 0.25))
    assert row == pytest.approx([0.4, 0.3, 0.15, 0.15])
    other = np.array([0.0, 0.0, 0.2, 0.8])
    mixed = ensemble(row, other, 0.5)
    assert mixed == pytest.approx([0.2, 0.15, 0.175, 0.475])
    assert ensemble(row, None, 0.5) is row
    assert ensemble(None, other, 0.5) is other
    assert ensemble(None, None, 0.5) is None
