"""Segmenters, and SPIDER's outlines that they can be trained on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data.datasets.spider import KNOWN, masks_of, read_slices
from data.errors import ConfigError, UnsupportedFileError, VersionError
from models.config import Augment
from models.images import draw_change
from models.segmenter import Segmenter, build_segmenter, fitted_shape, framed, unframed
from models.segmenter_data import Outlined, OutlinedPage, unpacked
from models.segmenter_fitting import SegmentObjective, fit_segmenter, segmentation_loss
from models.segmenter_settings import SegmenterSettings, SegmentStage

LABELS = ("disc", "ring", "left", "right")
STAGE = SegmentStage(network="small_unet", size_px=(48, 64), epochs=12, batch_size=4, learning_rate=8e-3)


def page(number, known=LABELS):
    """A bright disc within a grey ring; a bar at each side of the picture."""
    rng = np.random.default_rng(number)
    rows, columns = np.indices((40, 56))
    far = np.hypot(rows - rng.uniform(15, 25), columns - rng.uniform(22, 34))
    masks = {"disc": far < 6, "ring": far < 11, "left": columns < 5, "right": columns >= 52}
    picture = np.full((40, 56), 30.0)
    picture[masks["ring"]], picture[masks["disc"]] = 120, 230
    picture[masks["left"]], picture[masks["right"]] = 180, 80
    picture += rng.normal(0, 6, picture.shape)
    known = frozenset(known)
    shown = {label: mask for label, mask in masks.items() if label in known}
    return OutlinedPage(np.clip(picture, 0, 255).astype(np.uint8), shown, known, f"P{number}")


def fit(name, stage, labels, training, validation, **options):
    sets = (Outlined.of(pages, labels, stage.size_px) for pages in (training, validation))
    return fit_segmenter(name, stage, labels, *sets, **options)


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_it_outlines_what_it_has_learnt(tmp_path):
    training, validation = [page(i) for i in range(16)], [page(i) for i in range(20, 24)]
    result = fit("shapes", STAGE, LABELS, training, validation, scratch=tmp_path)
    assert result.report.steps == 48
    assert result.report.input == (1, 48, 64)
    segmenter = Segmenter.restore(result.settings, result.weights)
    for number in (30, 31):
        wanted = page(number)
        (maps,) = segmenter.probabilities([wanted.page])
        assert maps.shape == (4, 40, 56)
        assert 0 <= maps.min() <= maps.max() <= 1
        found = segmenter.outlined(maps)
        for label in ("disc", "ring", "left"):
            assert dice(found[label], wanted.masks[label]) > 0.8, label
        assert (found["disc"] & found["ring"]).sum() > 0.9 * found["disc"].sum()  # one lies within the other
    assert result.report.detail["validation"]["dice"]["ring"] > 0.85


def test_a_killed_training_ends_with_the_same_weights(tmp_path):
    stage = STAGE.model_copy(update={"epochs": 3, "augment": Augment(rotate_deg=5, flip_horizontal=True)})
    pages, cut = [page(i) for i in range(9)], tmp_path / "cut"
    whole = fit("s", stage, LABELS, pages[:7], pages[7:], scratch=tmp_path / "whole", seed=3)

    def stopping(share, words):
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit("s", stage, LABELS, pages[:7], pages[7:], scratch=cut, seed=3, progress=stopping)
    assert list((tmp_path / "cut").iterdir())
    taken_up = fit("s", stage, LABELS, pages[:7], pages[7:], scratch=cut, seed=3)
    assert all(torch.equal(whole.weights[name], tensor) for name, tensor in taken_up.weights.items())
    bounded = fit("s", stage, LABELS, pages[:7], pages[7:], scratch=tmp_path / "b", max_steps=2)
    assert bounded.report.steps == 2


def test_labels_that_nobody_outlined_are_never_given(tmp_path):
    stage = STAGE.model_copy(update={"epochs": 1})
    pages = [page(i, known=("disc", "ring")) for i in range(6)]
    result = fit("s", stage, LABELS, pages[:4], pages[4:], scratch=tmp_path)
    assert list(result.settings["unknown"]) == ["left", "right"]
    segmenter = Segmenter.restore(result.settings, result.weights)
    (maps,) = segmenter.probabilities([pages[0].page])
    assert maps[2:].max() == 0
    assert not {"left", "right"} & set(segmenter.outlined(maps))


def test_the_loss_passes_over_what_is_not_known():
    logits = torch.zeros(2, 3, 4, 4)
    targets = torch.zeros(2, 3, 4, 4)
    targets[:, 0, :2] = 1
    known = torch.tensor([[1.0, 0, 1], [1, 0, 0]])
    changed = targets.clone()
    changed[:, 1] = 1
    changed[1, 2] = 1
    assert segmentation_loss(logits, changed, known) == segmentation_loss(logits, targets, known)
    # half of 32 pixels, probability 0.5 everywhere: dice (2 * 8 + 1) / (16 + 16 + 1)
    expected = np.log(2) + 1 - 17 / 33
    assert float(segmentation_loss(logits, targets, known)) == pytest.approx(expected, abs=1e-5)


def test_image_and_outlines_change_together_and_sides_swap():
    stage = STAGE.model_copy(update={"augment": Augment(flip_horizontal=True, rotate_deg=8)})
    data = Outlined.of([page(i) for i in range(3)], LABELS, stage.size_px)
    plain = Outlined.of([page(i, known=("disc", "left")) for i in range(3)], LABELS, stage.size_px)
    objective = SegmentObjective(stage, data, data, 0, [(2, 3)])
    images, masks, known = objective.batch(np.array([0, 1, 2] * 4), 0, 0)
    assert images.shape == (12, 48, 64)
    assert masks.shape == (12, 4, 48, 64)
    assert known.all()
    mirrored = 0
    for offset in range(12):
        inside = images[offset][masks[offset, 0] > 0]
        around = images[offset][(masks[offset, 1] > 0) & (masks[offset, 0] == 0)]
        assert np.median(inside) > np.median(around) + 40
        change = draw_change(stage.size_px, stage.augment, np.random.default_rng([0, 0, offset]))
        mirrored += change.left_right
        columns = [np.nonzero(masks[offset, label])[1].mean() for label in (2, 3)]
        assert columns[0] < columns[1]  # `left` is always on the left of the picture
    assert 0 < mirrored < 12
    _, _, known = SegmentObjective(stage, plain, plain, 0, [(2, 3)]).batch(np.arange(3), 0, 0)
    assert known[:, 0].all()
    assert (known[:, 2] ^ known[:, 3]).all()


def test_every_page_is_seen_in_an_epoch():
    data = Outlined.of([page(i) for i in range(5)], LABELS, STAGE.size_px)
    objective = SegmentObjective(STAGE, data, data, 7)
    order = objective.order(0, 4)
    assert len(order) == 8
    assert set(order) == set(range(5))
    assert not np.array_equal(order, objective.order(1, 4))


def test_outlines_are_packed_eight_a_byte():
    labels = tuple("abcdefghij")
    masks = {label: np.random.default_rng(i).random((16, 16)) < 0.3 for i, label in enumerate(labels)}
    one = OutlinedPage(np.zeros((16, 16), np.uint8), masks, frozenset(labels), "P")
    data = Outlined.of([one], labels, (16, 16))
    assert data.packed.shape == (1, 2, 16, 16)
    back = unpacked(data.packed, 10)[0]
    assert all(np.array_equal(back[i] > 0, masks[label]) for i, label in enumerate(labels))


def test_a_page_keeps_its_aspect_and_comes_back_to_its_pixels():
    assert fitted_shape((100, 50), (64, 64)) == (64, 32)
    picture = np.zeros((100, 50), np.uint8)
    picture[40:60, 10:20] = 1
    small = framed(picture, (64, 64), nearest=True)
    rows, columns = np.nonzero(small)
    assert (rows.min(), rows.max()) == (26, 37)
    assert columns.min() == 16 + round(10 * 0.64)
    back = unframed(small[None].astype(np.float32), (100, 50))[0] >= 0.5
    assert dice(back, picture > 0) > 0.9
    assert np.array_equal(unframed(framed(picture, (100, 50))[None].astype(np.float32), (100, 50))[0], picture)


def test_settings_and_weights_must_fit():
    settings = SegmenterSettings(network="small_unet", labels=("a", "b"), size_px=(32, 32))
    weights = build_segmenter(settings).state_dict()
    assert Segmenter.restore(settings.model_dump(), weights).settings.labels == ("a", "b")
    with pytest.raises(VersionError, match="cannot be built"):
        Segmenter.restore({**settings.model_dump(), "labels": ("a",)}, weights)
    with pytest.raises(ConfigError):
        build_segmenter(settings.model_copy(update={"network": "nobodys"}))
    with pytest.raises(ValueError, match="multiples of 16"):
        SegmentStage(size_px=(50, 64))


def test_spiders_values_are_labels():
    values = np.array([[0, 1, 25, 100], [101, 125, 201, 225]])
    masks = masks_of(values)
    assert set(masks) == KNOWN
    assert masks["vertebra"].sum() == 4
    assert masks["disc"].tolist() == [[False] * 4, [False, False, True, True]]
    assert masks["canal"].sum() == 1
    assert set(masks_of(np.array([0, 29, 76]))) == {"disc", "vertebra"}
    with pytest.raises(UnsupportedFileError, match="no mask of SPIDER"):
        masks_of(np.array([0, 60, 100]))


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(UnsupportedFileError, match="no SPIDER images"):
        next(read_slices(tmp_path))


@pytest.mark.real
def test_a_sagittal_segmenter_learns_from_spider(real_data, tmp_path):
    folder = real_data / "D_lumbar" / "spider_t2space"
    slices = list(read_slices(folder))
    assert len(slices) == 104
    assert len({s.patient for s in slices}) == 26
    assert all(set(s.masks) == KNOWN and s.image.shape == s.masks["disc"].shape for s in slices)
    labels = ("disc", "vertebra", "sacrum", "canal", "cord")
    pages = [OutlinedPage(s.image, s.masks, KNOWN, s.patient) for s in slices]
    held = {s.patient for s in slices[-8:]}
    stage = STAGE.model_copy(update={"size_px": (80, 64), "epochs": 5, "batch_size": 8})
    training, validation = ([p for p in pages if (p.patient in held) == out] for out in (False, True))
    result = fit("sagittal", stage, labels, training[::2], validation, scratch=tmp_path)
    assert set(result.settings["unknown"]) == {"sacrum", "cord"}
    found = result.report.detail["validation"]["dice"]
    assert found["vertebra"] > 0.6
    assert found["canal"] > 0.4
    assert found["sacrum"] is None


def test_pages_may_differ_in_size(tmp_path):
    small = page(1)
    large = replace(small, page=np.zeros((90, 90), np.uint8), masks={"disc": np.ones((90, 90), bool)})
    data = Outlined.of([small, large], LABELS, (48, 64))
    assert data.images.shape == (2, 48, 64)
    assert data.packed[1, 0, :, 8:56].min() == 0x80  # 90 x 90 is 48 x 48 in the middle
    assert data.packed[1, 0, :, :8].max() == 0
