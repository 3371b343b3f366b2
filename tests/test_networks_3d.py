"""Networks of clips: shapes, sizes, sources, and places that Grad-CAM can use."""

import pytest
import torch

from models.networks.registry import architecture, build, names

RESNETS = ("resnet18_3d", "resnet34_3d", "resnet50_3d", "resnet101_3d")
EFFICIENTNETS = ("efficientnet_b0_3d", "efficientnet_b3_3d", "efficientnet_b4_3d")
ALL = (*RESNETS, *EFFICIENTNETS, "vivit", "small_resnet3d")


def test_the_registry_finds_them():
    assert set(ALL) <= set(names())


@pytest.mark.parametrize("name", ["resnet18_3d", "efficientnet_b0_3d", "vivit", "small_resnet3d"])
def test_features_keep_places_and_the_head_reads_them(name):
    network = build(name, 1, 3).eval()
    clips = torch.rand(2, 1, 32, 64, 64)  # EfficientNet halves five times
    with torch.inference_mode():
        features = network.features(clips)
        assert features.ndim == 5
        assert features.shape[:2] == (2, network.head.dense[1].in_features)
        assert min(features.shape[2:]) >= 1
        assert torch.allclose(network(clips), network.head(features), atol=1e-5)
        assert network(clips).shape == (2, 3)
        assert not torch.equal(features[0], features[1])


@pytest.mark.parametrize("name", ALL)
def test_each_has_a_source_and_a_stem_of_one_channel(name):
    known = architecture(name)
    backbone = known.builder(1)
    assert known.paper
    assert known.licence
    assert backbone.module.state_dict()[backbone.stem].shape[1] == 1


@pytest.mark.parametrize(
    ("name", "millions"),
    [("resnet18_3d", 33.16), ("resnet50_3d", 46.16), ("efficientnet_b0_3d", 4.69), ("small_resnet3d", 0.23)],
)
def test_sizes(name, millions):
    network = build(name, 1, 2)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def test_vivit_looks_over_time_and_takes_clips_of_any_size():
    network = build("vivit", 1, 2).eval()
    clip = torch.rand(1, 1, 8, 32, 32)
    with torch.inference_mode():
        before = network.features(clip)
        later = clip.clone()
        later[:, :, 6:] = 0
        after = network.features(later)
        assert before.shape == (1, 384, 4, 2, 2)
        assert not torch.allclose(before[:, :, 0], after[:, :, 0], atol=1e-6)  # the first step saw the last
        assert network.features(torch.rand(1, 1, 5, 50, 40)).shape == (1, 384, 2, 3, 2)
