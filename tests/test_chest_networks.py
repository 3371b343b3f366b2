import numpy as np
import pytest
import torch

from models.chest.autoencoder import Anomaly, AutoencoderSettings, SlabAutoencoder
from models.chest.bags import Bags
from models.chest.settings import ChestProfile
from models.chest.simclr import Contrastive, nt_xent, pretrain
from models.chest.weak import fit_weakly
from models.device import seeded
from models.networks.registry import architecture, build
from models.task import get_task


def bags(count=24, slabs=3, size=32, seed=0, options=2):
    """Studies of noise; with pathology, one slab has a bright square whose place says which."""
    rng = np.random.default_rng(seed)
    images = rng.integers(40, 90, (count, slabs, 3, size, size)).astype(np.uint8)
    norm = (np.arange(count) % 2).astype(np.int64)
    pathology = np.where(norm == 1, np.arange(count) // 2 % options, -1).astype(np.int64)
    for index in np.flatnonzero(norm):
        row = 4 + 16 * int(pathology[index])
        images[index, rng.integers(slabs), :, row : row + 8, 8:16] += 120
    lungs = np.ones((count, slabs, size, size), dtype=bool)
    return Bags(
        images, lungs, np.arange(count), tuple(f"P-{i}" for i in range(count)), norm, pathology, f"t{seed}"
    )


def profile(**stages):
    tiny = get_task("chest_ct_norm").profile("tiny")
    assert isinstance(tiny, ChestProfile)
    own = {
        name: stage.model_copy(update={"size_px": (32, 32), "augment": stage.augment, **stages.get(name, {})})
        for name, stage in tiny.stages.items()
    }
    return tiny.model_copy(update={"stages": own})


def test_nt_xent_is_monais():
    from monai.losses import ContrastiveLoss

    first, second = torch.randn(6, 16), torch.randn(6, 16)
    for temperature in (0.1, 0.5):
        wanted = ContrastiveLoss(temperature=temperature)(first, second)
        assert nt_xent(first, second, temperature).item() == pytest.approx(wanted.item(), rel=1e-5)
    same = nt_xent(torch.eye(4), torch.eye(4), 0.01).item()
    assert same == pytest.approx(0.0, abs=1e-6)


def test_contrastive_batches_hold_each_study_once():
    data = bags(8)
    objective = Contrastive(data, data, profile().stages["simclr"], 0.2, 0)
    order = objective.order(0, 8)
    assert sorted(order.tolist()) == list(range(24))
    for batch in order.reshape(-1, 8):
        assert sorted((batch // 3).tolist()) == list(range(8))
    views = objective.batch(order[:8], 0, 0)
    assert views.shape == (16, 3, 32, 32)
    assert not np.array_equal(views[:8], views[8:])
    assert np.array_equal(views, objective.batch(order[:8], 0, 0))


def test_pretraining_gives_the_backbone_of_the_classifier(tmp_path):
    tensors, report = pretrain(bags(), profile(), scratch=tmp_path, max_steps=2)
    assert report.name == "simclr"
    assert report.steps == 2
    assert (tmp_path / "simclr-small_resnet.checkpoint").exists()
    build("small_resnet", 3, 1).features.load_state_dict(tensors)
    again, _ = pretrain(bags(), profile(), scratch=tmp_path / "b", max_steps=2)
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_labels_of_studies_teach_which_slab_shows_it(tmp_path):
    settings = profile(classifier={"epochs": 12, "batch_size": 8, "learning_rate": 5e-3})
    training, validation = bags(32), bags(12, seed=1)
    fitted = fit_weakly(
        "classifier", "small_resnet", settings, ("normal", "pathology"),
        (training, training.norm), (validation, validation.norm), scratch=tmp_path,
    )  # fmt: skip
    chosen = fitted.logits[:, 0] > np.median(fitted.logits[:, 0])
    assert np.mean(chosen == (validation.norm == 1)) > 0.8


def test_a_killed_training_goes_on(tmp_path):
    settings = profile(classifier={"epochs": 3, "batch_size": 8})
    training, validation = bags(16), bags(8, seed=1)
    known = (
        "classifier", "small_resnet", settings, ("normal", "pathology"),
        (training, training.norm), (validation, validation.norm),
    )  # fmt: skip
    whole = fit_weakly(*known, scratch=tmp_path / "whole")
    seen = []

    def stop(share, words):
        seen.append(words)
        if len(seen) == 5:  # in the third epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_weakly(*known, scratch=tmp_path / "cut", progress=stop)
    resumed = []
    again = fit_weakly(*known, scratch=tmp_path / "cut", progress=lambda share, words: resumed.append(words))
    assert len(resumed) == 2
    assert all(torch.equal(whole.weights[name], again.weights[name]) for name in whole.weights)


def test_the_error_lies_where_the_reconstruction_differs_inside_the_lungs():
    settings = AutoencoderSettings(size_px=32, widths=(4, 8), bottleneck=4, blur_px=3, top=2)
    with seeded(0):
        anomaly = Anomaly(settings, SlabAutoencoder(settings))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 3, 32, 32)).astype(np.uint8)
    lungs = np.zeros((3, 32, 32), dtype=bool)
    lungs[0, 4:28, 4:28] = lungs[1, 4:10, 4:10] = True
    maps = anomaly.maps(images, lungs)
    with torch.inference_mode():
        given = torch.from_numpy(images).float() / 255
        gap = (anomaly.module(given) - given).numpy()
    assert maps[0, 15, 15] == pytest.approx((gap[0, :, 14:17, 14:17].mean(axis=(1, 2)) ** 2).mean(), rel=1e-3)
    assert not maps[~lungs].any()
    errors = anomaly.errors(images, lungs)
    assert errors[0] == pytest.approx(maps[0].sum() / (24 * 24))
    assert errors[1] == pytest.approx(maps[1].sum() / (24 * 24))
    assert errors[2] == 0
    assert anomaly.study_error(images, lungs) == pytest.approx((errors[0] + errors[1]) / 2)
    restored = Anomaly.restore(settings.model_dump(mode="json"), anomaly.module.state_dict())
    assert np.array_equal(restored.maps(images, lungs), maps)


@pytest.mark.parametrize(("name", "width", "millions"), [("resnet18", 512, 11.177), ("resnet50", 2048, 23.508)])
def test_resnets_have_their_published_sizes(name, width, millions):
    backbone = architecture(name).builder(3)
    assert backbone.width == width
    assert sum(p.numel() for p in backbone.module.parameters()) / 1e6 == pytest.approx(millions, abs=0.001)
    assert backbone.module(torch.zeros(1, 3, 64, 64)).shape == (1, width, 2, 2)


@pytest.mark.parametrize(("size", "parameters"), [("n", 1_633_584), ("s", 5_545_488)])
def test_yolo_classifiers_are_the_librarys(size, parameters):
    from models.ultralytics_offline import library

    network = build(f"yolo11{size}_cls", 3, 80).eval()
    assert sum(p.numel() for p in network.parameters()) == parameters
    tasks = __import__("ultralytics.nn.tasks", fromlist=["tasks"])
    assert library().__name__ == "ultralytics"
    whole = tasks.ClassificationModel(f"yolo11{size}-cls.yaml", ch=3, nc=80, verbose=False).eval()
    layers = list(whole.model.children())
    network.features.load_state_dict(torch.nn.Sequential(*layers[:-1], layers[-1].conv).state_dict())
    network.head.dense[1].load_state_dict(layers[-1].linear.state_dict())
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(images).softmax(1), whole(images)[0], atol=1e-6)


@pytest.mark.parametrize("name", ["paper", "demo", "tiny"])
def test_every_profiles_autoencoder_gives_back_the_shape(name):
    known = get_task("chest_ct_norm").profile(name)
    size = known.stages["autoencoder"].size_px[0]
    settings = AutoencoderSettings(
        size_px=size, widths=known.autoencoder_widths, bottleneck=known.bottleneck, blur_px=known.blur_px, top=1
    )
    module = SlabAutoencoder(settings).eval()
    with torch.inference_mode():
        found = module(torch.rand(2, 3, size, size))
        assert module.encoder(torch.rand(2, 3, size, size)).shape == (2, known.bottleneck)
    assert found.shape == (2, 3, size, size)
    assert 0 <= found.min() <= found.max() <= 1
