import numpy as np
import pytest
import torch

from models.batches import Labelled, balanced_order, held_out
from models.checkpoints import State, read_state, save_state
from models.classifier import (
    Classifier,
    ClassifierSettings,
    decide,
    full_logits,
    normalised_entropy,
    probabilities,
)
from models.config import Augment, Stage
from models.explain import grad_cam, overlay
from models.fitting import fit
from models.images import augment, augmented, overlapped, prepare
from models.loop import one_cycle
from models.networks import pretrained
from models.networks.registry import architecture
from models.stages import calibrated, train_stage

STAGE = Stage(
    networks=("small_resnet",),
    size_px=(32, 32),
    dropout=0.2,
    epochs=3,
    batch_size=8,
    learning_rate=3e-3,
    augment=Augment(flip_vertical=True, rotate_deg=3, brightness=0.1, crop=0.05),
)


def labelled(count=48, options=2, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, options, count)
    images = rng.integers(0, 100, (count, 32, 32)).astype(np.uint8)
    for image, target in zip(images, targets, strict=True):
        image[4:12, 8 * target : 8 * target + 8] += 120
    return Labelled(images, targets, tuple(f"p{i // 2}" for i in range(count)))


def trained(tmp_path, name="question", **options):
    return fit(
        name, "small_resnet", STAGE, ("a", "b"), labelled(), labelled(20, seed=1), scratch=tmp_path, **options
    )


def same(first, second):
    return all(torch.equal(first.weights[key], tensor) for key, tensor in second.weights.items())


def test_the_same_seed_gives_the_same_weights(tmp_path):
    first = trained(tmp_path / "a")
    assert same(first, trained(tmp_path / "b"))
    assert not same(first, trained(tmp_path / "c", seed=1))
    assert first.report.steps == 18
    assert [c["epoch"] for c in first.report.detail["curve"]] == [1, 2, 3]
    assert first.loss == min(c["validation_loss"] for c in first.report.detail["curve"])


def test_the_callers_random_numbers_are_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(tmp_path, max_steps=1)
    assert torch.equal(torch.rand(3), expected)


class KilledError(Exception):
    pass


def test_a_killed_training_is_taken_up_and_ends_alike(tmp_path):
    steps = []

    def kill(share, words):
        steps.append(share)
        if len(steps) == 9:
            raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path / "killed", progress=kill)
    assert [p.name for p in (tmp_path / "killed").iterdir()] == ["question-small_resnet.checkpoint"]
    steps_again = []
    resumed = trained(tmp_path / "killed", progress=lambda share, words: steps_again.append(share))
    assert len(steps_again) == 12  # the first of three epochs is not trained again
    assert same(resumed, trained(tmp_path / "whole"))


def test_a_finished_training_is_not_repeated(tmp_path):
    first = trained(tmp_path)

    def never(share, words):
        raise KilledError

    assert same(first, trained(tmp_path, progress=never))


def test_checkpoints_of_other_trainings_and_damaged_ones_are_left(tmp_path):
    path = tmp_path / "a.checkpoint"
    save_state(path, "mine", State(epoch=2, weights={"w": torch.ones(2)}))
    kept = read_state(path, "mine")
    assert kept is not None
    assert (kept.epoch, kept.weights["w"].tolist()) == (2, [1.0, 1.0])
    assert read_state(path, "another") is None
    path.write_bytes(path.read_bytes()[:100])
    assert read_state(path, "mine") is None
    assert read_state(tmp_path / "missing", "mine") is None


def test_steps_can_be_bounded(tmp_path):
    assert trained(tmp_path, max_steps=2).report.steps == 2


def test_it_learns_what_is_there(tmp_path):
    stage = STAGE.model_copy(update={"epochs": 8, "augment": Augment()})
    result = train_stage("q", stage, ("a", "b", "c"), labelled(90, 3), labelled(30, 3, seed=1), scratch=tmp_path)
    assert result.report.detail["validation"]["auc"] > 0.95
    assert result.report.detail["counts"]["validation"]["patients"] == 15
    test = labelled(60, 3, seed=2)
    given = Classifier.restore(result.settings, result.weights).probabilities(test.images)
    assert np.allclose(given.sum(axis=1), 1)
    assert np.mean(given.argmax(axis=1) == test.targets) > 0.9


def test_findings_have_an_output_each_and_may_be_unknown(tmp_path):
    data = labelled(48)
    targets = np.stack([data.targets, 1 - data.targets, data.targets], axis=1).astype(np.float32)
    targets[::5, 2] = np.nan
    both = Labelled(data.images, targets, data.patients)
    stage = STAGE.model_copy(update={"epochs": 6, "augment": Augment()})
    result = train_stage("f", stage, ("x", "y", "z"), both, both, scratch=tmp_path, exclusive=False)
    given = Classifier.restore(result.settings, result.weights).probabilities(data.images)
    assert given.shape == (48, 3)
    assert np.mean((given[:, 0] > 0.5) == (data.targets == 1)) > 0.9
    assert len(result.settings["temperature"]) == len(result.settings["operating_point"]) == 3


def test_several_networks_are_compared_and_the_best_is_kept(tmp_path):
    stage = STAGE.model_copy(update={"networks": ("small_resnet", "vgg19"), "hidden": (8, 4), "batch_size": 2})
    result = train_stage("q", stage, ("a", "b"), labelled(8), labelled(8, seed=1), scratch=tmp_path, max_steps=1)
    both = {result.report.network, *(other["network"] for other in result.report.detail["compared_with"])}
    assert both == {"small_resnet", "vgg19"}
    (other,) = result.report.detail["compared_with"]
    assert result.report.detail["validation"]["auc"] >= other["validation"]["auc"]
    assert result.settings["network"] == result.report.network


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_backbone_is_frozen_only_with_pretrained_weights(tmp_path, monkeypatch, at_hand):
    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path))
    before = architecture("vgg19").builder(3).module.state_dict()
    if at_hand:
        torch.save({f"features.{k}": v for k, v in before.items()}, tmp_path / "vgg19-dcbb9e9d.pth")
    stage = STAGE.model_copy(
        update={"weights": "imagenet", "freeze_backbone": True, "hidden": (8, 4), "batch_size": 2}
    )
    data = labelled(4)
    result = fit("q", "vgg19", stage, ("a", "b"), data, data, scratch=tmp_path, max_steps=1)
    assert result.report.detail["frozen"] is at_hand
    after = {k.removeprefix("features."): v for k, v in result.weights.items() if k.startswith("features.")}
    if at_hand:
        assert all(torch.equal(after[k], v) for k, v in before.items())
        assert result.settings.channels == 3
        assert result.settings.mean == (0.485, 0.456, 0.406)
        assert len(result.report.detail["weights_sha256"]) == 64
        assert result.report.detail["trained_parameters"] == 512 * 8 + 8 + 8 * 4 + 4 + 4 + 1
    else:
        assert result.settings.channels == 1
        assert result.report.detail["weights"] == "none"
        assert "vgg19-dcbb9e9d.pth" in result.report.detail["note"]
        assert result.report.detail["trained_parameters"] == result.report.parameters


def test_one_cycle_rises_and_falls():
    rates = [one_cycle(step, 100) for step in range(100)]
    assert max(rates) == rates[25] == 1.0
    assert rates[:25] == sorted(rates[:25])
    assert rates[25:] == sorted(rates[25:], reverse=True)
    assert rates[-1] < 0.01
    assert one_cycle(0, 1) > 0


def test_batches_hold_the_options_equally():
    targets = np.array([0] * 40 + [1] * 5)
    order = balanced_order(targets, 9, np.random.default_rng(0))
    assert len(order) == 45
    assert abs(np.sum(targets[order] == 1) - 22.5) <= 0.5
    assert set(order[targets[order] == 1]) == set(range(40, 45))
    assert len(set(order[targets[order] == 0].tolist())) == np.sum(targets[order] == 0)


def test_whole_patients_are_held_out_of_every_option():
    patients = [f"p{i % 12}" for i in range(36)]
    targets = np.array([int(i % 12 < 3) for i in range(36)])
    out = held_out(patients, targets, share=0.25)
    chosen = {p for p, o in zip(patients, out, strict=True) if o}
    assert sum(out) == 3 * len(chosen)
    assert {int(p[1:]) < 3 for p in chosen} == {True, False}
    assert {int(p[1:]) < 3 for p in set(patients) - chosen} == {True, False}
    assert np.array_equal(out, held_out(patients, targets, share=0.25))
    assert not held_out(["p", "p"], np.array([0, 0])).any()


def test_the_frequencies_of_the_options_come_back():
    # Equal evidence on an option that is one in four: its probability is 1 / 4.
    settings = ClassifierSettings(
        network="small_resnet", options=("a", "b"), size_px=(32, 32), shift=(np.log(1 / 3),)
    )
    given = probabilities(full_logits(np.zeros((1, 1)), settings), settings)
    assert given[0] == pytest.approx([0.75, 0.25])


def test_the_operating_point_lies_between_the_two_sides():
    settings = ClassifierSettings(network="small_resnet", options=("a", "b"), size_px=(32, 32))
    scores = np.array([0.1, 0.2, 0.6, 0.9])
    logits = np.stack([np.zeros(4), np.log(scores / (1 - scores))], axis=1)
    known = calibrated(settings, logits, np.array([0, 0, 1, 1]))
    assert known.temperature == (1.0,)
    assert known.operating_point == pytest.approx((0.4,))
    assert decide(np.array([0.58, 0.42]), known) == 1
    assert decide(np.array([0.62, 0.38]), known) == 0


def test_entropy():
    assert normalised_entropy(np.array([0.5, 0.5])) == pytest.approx(1)
    assert normalised_entropy(np.array([1.0, 0.0])) == 0
    assert normalised_entropy(np.array([0.25, 0.75])) == pytest.approx(0.811278, abs=1e-6)


def test_preparation_equalises_and_resizes():
    picture = np.tile(np.linspace(100, 140, 200).astype(np.uint8), (300, 1))
    ready = prepare(picture, (30, 20))
    assert ready.shape == (30, 20)
    assert ready.dtype == np.uint8
    assert ready[0, 0] < 10
    assert ready[0, -1] > 245
    assert np.all(np.diff(ready[5].astype(int)) >= 0)
    assert prepare(picture[:10, :10], (30, 20)).shape == (30, 20)


def test_changes_follow_from_seed_epoch_and_place():
    images = labelled(4).images
    changes = Augment(rotate_deg=5, brightness=0.2, contrast=0.2, crop=0.1, flip_horizontal=True)
    first = augmented(images, [0, 1, 0], changes, 3, 1)
    assert np.array_equal(first, augmented(images, [0, 1, 0], changes, 3, 1))
    assert not np.array_equal(first[0], first[2])
    assert not np.array_equal(first, augmented(images, [0, 1, 0], changes, 3, 2))
    assert np.array_equal(first[2:], augmented(images, [0], changes, 3, 1, first=2))
    assert np.array_equal(images, augmented(images, range(4), Augment(), 3, 1))


def test_flips_and_crops_do_what_they_say():
    image = np.zeros((20, 30), np.uint8)
    image[:5, :5] = 200
    seen = {
        tuple(np.argwhere(augment(image, Augment(flip_vertical=True), np.random.default_rng(i)) > 0)[0])
        for i in range(20)
    }
    assert seen == {(0, 0), (15, 0)}
    ramp = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (20, 1))
    for seed in range(10):
        cropped = augment(ramp, Augment(crop=0.2), np.random.default_rng(seed)).astype(int)
        assert np.all(np.diff(cropped[10]) >= 0)
        assert cropped[10, -1] - cropped[10, 0] <= 232
        assert cropped[10, -1] - cropped[10, 0] >= 0.75 * 232


def test_work_ahead_keeps_the_order_and_passes_errors_on():
    assert list(overlapped(lambda x: x * x, range(20), workers=3, ahead=4)) == [x * x for x in range(20)]

    def fail(x):
        if x == 3:
            raise KilledError
        return x

    taken = []
    with pytest.raises(KilledError):
        taken.extend(overlapped(fail, range(9)))
    assert taken == [0, 1, 2]


def test_the_heat_is_where_the_patch_is(tmp_path):
    data = labelled(64)
    data.images[data.targets == 1, 20:30, 20:30] += 100
    stage = STAGE.model_copy(update={"size_px": (64, 64), "epochs": 6, "augment": Augment()})
    big = Labelled(np.repeat(np.repeat(data.images, 2, axis=1), 2, axis=2), data.targets, data.patients)
    big.images[:, 8:24, :32] = 60  # only the patch at the lower right tells the options apart
    result = train_stage("q", stage, ("a", "b"), big, big, scratch=tmp_path)
    classifier = Classifier.restore(result.settings, result.weights)
    image = big.images[np.flatnonzero(data.targets == 1)[0]]
    heat = grad_cam(classifier, image, 1, shape=(128, 192))
    assert heat.shape == (128, 192)
    assert heat.dtype == np.float32
    assert (heat.min(), heat.max()) == (pytest.approx(0, abs=0.2), pytest.approx(1, abs=0.05))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 70 <= row <= 128
    assert 105 <= column <= 192


def test_the_overlay_keeps_cold_places_and_colours_hot_ones():
    picture = np.full((4, 4), 100, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 1
    shown = overlay(picture, heat)
    assert shown.shape == (4, 4, 3)
    assert shown.dtype == np.uint8
    assert shown[0, 0].tolist() == [100, 100, 100]
    red, green, blue = (int(v) for v in shown[1, 2])
    assert red > green > blue  # the yellow end of cividis
