import pytest
import torch

from models.networks.registry import architecture, build


@pytest.mark.parametrize(
    ("name", "width", "millions"), [("regnety_008", 768, 5.494), ("regnety_320", 3712, 141.334)]
)
def test_regnets_have_their_published_sizes(name, width, millions):
    known = architecture(name)
    with torch.device("meta"):
        backbone = known.builder(3)
    assert backbone.width == width
    assert backbone.module.state_dict()[backbone.stem].shape[1] == 3
    assert sum(p.numel() for p in backbone.module.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
    assert "2003.13678" in known.paper
    assert known.pretrained is not None
    assert all(file.startswith(name) for file in known.pretrained.files)
    assert not any("swag" in file or "seer" in file for file in known.pretrained.files)


def test_the_smaller_regnet_grades_a_grey_crop():
    network = build("regnety_008", 1, 3, dropout=0.1).eval()
    with torch.inference_mode():
        features = network.features(torch.zeros(1, 1, 64, 64))
        assert features.shape == (1, 768, 2, 2)
        assert torch.equal(network(torch.zeros(1, 1, 64, 64)), network.head(features))


@pytest.mark.parametrize(("name", "width", "shrink"), [("small_unet", 16, 2), ("unet", 64, 1)])
def test_unets_keep_the_place_of_things(name, width, shrink):
    backbone = architecture(name).builder(1)
    assert backbone.width == width
    assert backbone.module.state_dict()[backbone.stem].shape[1] == 1
    backbone.module.eval()
    with torch.inference_mode():
        still = backbone.module(torch.zeros(1, 1, 64, 96))
        spot = torch.zeros(1, 1, 64, 96)
        spot[:, :, 20:28, 60:68] = 5.0
        change = (backbone.module(spot) - still).abs().sum(dim=1)[0]
    assert still.shape == (1, width, 64 // shrink, 96 // shrink)
    row, column = divmod(int(change.argmax()), change.shape[1])
    assert abs(row * shrink - 24) <= 8
    assert abs(column * shrink - 64) <= 8
    size = sum(p.numel() for p in backbone.module.parameters())
    assert (1e5 < size < 5e5) if name == "small_unet" else (2e7 < size < 3e7)
