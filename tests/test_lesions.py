"""Linking, measuring and matching of lesions."""

import numpy as np
import pytest

from data.answers import STUDY, Answer, Choice, Mask, MaskValue, Question, Site, lesion_sites
from data.blobs import Blobs
from data.pixels import Pixels
from data.records import Layout, Measured, Part, Patient, Prediction, QuestionPrediction, Series, Study
from models.changes import NONE, by_side
from models.clips import Stack
from models.lesion_measures import absolute_washout_pct, diameters, measured, relative_washout_pct
from models.lesions import Instance, link, matched, read_lesions, volume_mm3

PAGES, ROWS, COLUMNS = 20, 40, 60
MASK = Question("lesions", "", Mask(tuple(f"lesion_{n}" for n in range(1, 6))))


def matrix(slice_mm=4.0, pixel_mm=2.0):
    found = np.zeros((4, 4))
    found[2, 0], found[1, 1], found[0, 2], found[3, 3] = slice_mm, pixel_mm, pixel_mm, 1
    return found


@pytest.fixture
def seen():
    series = Series("s-0", "study", "CT", Layout.VOLUME, (PAGES, ROWS, COLUMNS), "")
    pages = np.zeros((PAGES, ROWS, COLUMNS), np.uint8)
    return Stack(series, pages, np.arange(PAGES), matrix(), (0, ROWS, 0, COLUMNS))


def disc(row, column, radius):
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def found(**tracks):
    """By page: a disc of each track (pages, row, column, radius, confidence)."""
    pages = [[] for _ in range(PAGES)]
    for where, row, column, radius, confidence in tracks.values():
        for page in where:
            pages[page].append(Instance(disc(row, column, radius), confidence))
    return pages


def test_lesions_apart_are_numbered_head_to_feet_then_right_to_left(seen):
    given = found(
        low=(range(2, 6), 10, 10, 4, 0.9),
        left=(range(12, 16), 20, 50, 4, 0.8),
        right=(range(12, 16), 20, 10, 4, 0.7),
    )
    first, second, third = link(given, seen)
    assert [first.confidence, second.confidence, third.confidence] == pytest.approx([0.7, 0.8, 0.9])
    assert np.flatnonzero(first.mask.any(axis=(1, 2))).tolist() == [12, 13, 14, 15]
    assert first.volume_mm3 == pytest.approx(4 * disc(20, 10, 4).sum() * 16)


def test_one_empty_page_is_bridged_and_two_are_not(seen):
    (one,) = link(found(a=([3, 4, 6, 7], 20, 20, 5, 0.9)), seen)
    assert one.mask[5].sum() == disc(20, 20, 5).sum()
    assert len(link(found(a=([3, 4, 7, 8], 20, 20, 5, 0.9)), seen)) == 2


def test_two_that_touch_stay_two(seen):
    given = found(a=(range(4, 9), 20, 20, 5, 0.9), b=(range(5, 10), 20, 30, 4, 0.6))
    lesions = link(given, seen)
    assert len(lesions) == 2
    assert all(lesion.mask.any(axis=(1, 2)).sum() == 5 for lesion in lesions)
    columns = sorted(float(np.nonzero(lesion.mask)[2].mean()) for lesion in lesions)
    assert columns == pytest.approx([20, 30], abs=0.01)


def test_a_lesion_that_wanders_is_one_and_a_far_one_is_another(seen):
    pages = [[] for _ in range(PAGES)]
    for page in range(3, 11):
        pages[page].append(Instance(disc(20, 15 + 3 * page, 3), 0.5))
    assert len(link(pages, seen)) == 1
    pages[11].append(Instance(disc(5, 5, 3), 0.5))
    assert len(link(pages, seen)) == 2


def test_specks_go_and_the_largest_five_stay(seen):
    tracks = {f"t{n}": (range(2 * n, 2 * n + 2), 20, 4 + 8 * n, 2 + n / 4, 0.5) for n in range(6)}
    tracks["speck"] = ([15], 3, 3, 0, 0.9)
    kept = link(found(**tracks), seen, least_mm3=50)
    assert len(kept) == 5
    assert min(lesion.volume_mm3 for lesion in kept) > volume_mm3(kept[0].mask & False, seen)
    assert all(lesion.mask[:2].sum() == 0 for lesion in kept)  # the smallest of six is dropped


def test_confidence_is_the_mean_of_the_three_surest_frames(seen):
    (alone,) = link(found(a=([4], 20, 20, 5, 0.9)), seen)
    assert alone.confidence == pytest.approx(0.3)


def test_diameters_of_an_ellipse():
    y, x = np.mgrid[:80, :80]
    turned = ((y - 40 + x - 40) / np.sqrt(2), (x - y) / np.sqrt(2))
    mask = (turned[0] / 25) ** 2 + (turned[1] / 12) ** 2 <= 1
    known = diameters(mask, (1.0, 1.0))
    assert known.long_mm == pytest.approx(50, abs=1)
    assert known.short_mm == pytest.approx(24, abs=1)
    (r0, c0), (r1, c1) = known.long_line
    assert np.hypot(r1 - r0, c1 - c0) == pytest.approx(known.long_mm)
    run, across = np.subtract(*known.long_line), np.subtract(*known.short_line)
    assert abs(run @ across) / np.linalg.norm(run) / np.linalg.norm(across) < 0.05
    single = diameters(np.pad([[True]], 3), (2.0, 0.5))
    assert single.long_mm == pytest.approx(2.0)
    assert single.short_mm <= 0.5
    flat = diameters(mask, (2.0, 1.0))
    assert flat.long_mm > 70


def test_measures_come_with_units_and_only_where_they_mean_something(home):
    blobs = Blobs.of(home)
    mask = np.stack([disc(20, 20, 5) & (4 <= page < 9) for page in range(PAGES)])
    hu = {"plain": 12.0, "portal": 82.0, "delayed": 40.0}
    names = {"plain": "unenhanced", "portal": "portal venous", "delayed": "delayed 15 min"}
    several = []
    for number, (phase, value) in enumerate(hu.items()):
        values = np.where(mask, value, -100).astype(np.int16)
        several.append(
            Series(
                f"s-{number}",
                "study",
                "CT",
                Layout.VOLUME,
                mask.shape,
                blobs.put_array(values),
                affine=tuple(matrix().reshape(-1)),
                description=names[phase],
            )
        )
    patient = Patient("t:1", "P", Part.TRAIN)
    study = Study("study", patient, "CT", tuple(several))
    pages = np.zeros(mask.shape, np.uint8)
    seen = Stack(several[0], pages, np.arange(PAGES), matrix(), (0, ROWS, 0, COLUMNS))
    given = {m.name: m for m in measured(mask, seen, study, Pixels(blobs), Site.lesion(1))}
    assert given["mean_hu_unenhanced"].value == pytest.approx(12)
    assert given["absolute_washout"].value == pytest.approx(60)
    assert given["relative_washout"].value == pytest.approx(100 * 42 / 82)
    assert given["volume"].value == pytest.approx(mask.sum() * 16 / 1000)
    assert given["volume"].unit == "ml"
    assert given["long_diameter"].value == pytest.approx(22, abs=1)
    assert given["long_diameter"].page == 4
    assert len(given["long_diameter"].drawn) == 1
    assert given["off_midline"].value == pytest.approx(2 * (20 - 29.5))  # in LPS, columns run to the left
    alone = Study("study", patient, "CT", (several[1],))
    some = {m.name for m in measured(mask, seen, alone, Pixels(blobs), Site.lesion(1))}
    assert some == {"long_diameter", "short_diameter", "volume", "off_midline"}
    flat = Stack(several[0], pages, np.arange(PAGES), None, (0, ROWS, 0, COLUMNS))
    assert not {m.unit for m in measured(mask, flat, alone, Pixels(blobs), Site.lesion(1))} & {"mm", "ml"}


def test_washout_needs_enhancement():
    assert absolute_washout_pct(30, 35, 32) is None
    assert relative_washout_pct(-5, -10) is None


def prediction(blobs, lesions, phenotypes):
    kind = Choice(("malignant", "benign", "indeterminate"))
    results = [QuestionPrediction("finding", STUDY, "lesion", {"no_lesion": 0.1, "lesion": 0.9}, 0.3)]
    for page in range(PAGES):
        drawn = [(label, mask[page]) for label, mask in lesions.items() if mask[page].any()]
        if drawn:
            value = MaskValue((ROWS, COLUMNS), tuple((label, blobs.put_mask(m)) for label, m in drawn))
            results.append(QuestionPrediction("lesions", Site.page(page), value, {d[0]: 0.9 for d in drawn}, 0.2))
    sites = lesion_sites(MASK.kind)
    for number, phenotype in enumerate(phenotypes):
        chances = {option: float(option == phenotype) for option in kind.options}
        results.append(QuestionPrediction("phenotype", sites[number], phenotype, chances, 0.0))
    lines = tuple(Measured("volume", site, float(n), "ml") for n, site in enumerate(sites[: len(phenotypes)]))
    return Prediction("adrenal_ct", "study", "v", tuple(results), "", lines)


def volume_of(row, column, radius, pages):
    return np.stack([disc(row, column, radius) & (page in pages) for page in range(PAGES)])


def references(blobs, lesions):
    return tuple(
        Answer("lesions", Site.page(page), MaskValue((ROWS, COLUMNS), ((label, blobs.put_mask(mask[page])),)))
        for label, mask in lesions.items()
        for page in range(PAGES)
        if mask[page].any()
    )


def test_predicted_lesions_take_the_references_numbers(home):
    blobs = Blobs.of(home)
    right, left, other = (volume_of(20, c, 5, range(5, 9)) for c in (10, 45, 28))
    given = prediction(
        blobs, {"lesion_1": other, "lesion_2": right, "lesion_3": left}, ["benign", "malignant", "indeterminate"]
    )
    wanted = references(blobs, {"lesion_1": np.roll(left, 1, axis=1), "lesion_2": np.roll(right, 1, axis=2)})
    moved = matched(given, wanted, MASK, blobs)
    said = {r.site.key: r.value for r in moved.results if r.question == "phenotype"}
    assert said == {"lesion:1": "indeterminate", "lesion:2": "malignant", "lesion:3": "benign"}
    masks = read_lesions([r.answer for r in moved.results], MASK, (PAGES, ROWS, COLUMNS), blobs)
    assert np.array_equal(masks["lesion_1"], left)
    assert np.array_equal(masks["lesion_3"], other)
    assert {m.site.key: m.value for m in moved.measured} == {"lesion:1": 2.0, "lesion:2": 1.0, "lesion:3": 0.0}
    assert matched(given, (Answer("finding", STUDY, "lesion"),), MASK, blobs) is given


def test_without_a_free_number_an_unmatched_lesion_is_left_out(home):
    blobs = Blobs.of(home)
    wanted = {f"lesion_{n + 1}": volume_of(20, 5 + 11 * n, 4, range(3, 6)) for n in range(5)}
    given = prediction(
        blobs,
        {"lesion_1": wanted["lesion_4"], "lesion_2": volume_of(5, 30, 3, range(12, 15))},
        ["benign", "malignant"],
    )
    moved = matched(given, references(blobs, wanted), MASK, blobs)
    assert [r.site.key for r in moved.results if r.question == "phenotype"] == ["lesion:4"]
    assert {label for r in moved.results if r.question == "lesions" for label, _ in r.value.masks} == {"lesion_4"}


def sized(site, off_mm, volume_ml, long_mm):
    given = (("off_midline", off_mm, "mm"), ("volume", volume_ml, "ml"), ("long_diameter", long_mm, "mm"))
    return [Measured(name, Site.lesion(site), value, unit) for name, value, unit in given]


def test_growth_is_of_a_sides_only_lesion():
    earlier = [*sized(1, 35.0, 2.0, 16.0), *sized(2, -30.0, 4.0, 20.0), *sized(3, -41.0, 1.0, 12.0)]
    now = [*sized(1, -33.0, 5.0, 22.0), *sized(2, 38.0, 3.0, 18.0)]
    changes = by_side(now, earlier)
    assert [(c.name, c.site.key, c.earlier, c.now) for c in changes.found] == [
        ("volume", "lesion:2", 2.0, 3.0),
        ("long_diameter", "lesion:2", 16.0, 18.0),
    ]
    assert changes.found[0].pct == pytest.approx(50.0)
    assert changes.left_out == ("right: 2 lesions then, 1 lesion now",)
    assert by_side(now, []).left_out == (
        "left: no lesion then, 1 lesion now",
        "right: no lesion then, 1 lesion now",
    )
    assert by_side([], []) == NONE


def test_a_lesion_without_geometry_has_no_side():
    flat = [m for m in sized(1, 35.0, 2.0, 16.0) if m.name != "off_midline"]
    assert by_side(flat, flat) == NONE
