import hashlib

import pytest
import torch
from safetensors.torch import save_file

from data.errors import ConfigError
from models.networks import pretrained
from models.networks.registry import Backbone, architecture, build, names, register


def test_the_registry_finds_every_family():
    assert {"small_resnet", "vgg19", "resnetv2_152"} <= set(names())


@pytest.mark.parametrize("name", ["small_resnet", "vgg19", "resnetv2_152"])
def test_every_network_has_features_a_head_and_a_source(name):
    network = build(name, 1, 3, hidden=(8, 4), dropout=0.1).eval()
    with torch.inference_mode():
        features = network.features(torch.zeros(2, 1, 64, 64))
        assert features.ndim == 4
        assert features.shape[:2] == (2, network.head.dense[1].in_features)
        assert torch.equal(network(torch.zeros(2, 1, 64, 64)), network.head(features))
        assert network.head(features).shape == (2, 3)
    assert [layer.out_features for layer in network.head.dense if isinstance(layer, torch.nn.Linear)] == [8, 4, 3]
    known = architecture(name)
    assert known.paper
    assert known.licence
    backbone = known.builder(1)
    assert backbone.module.state_dict()[backbone.stem].shape[1] == 1


@pytest.mark.parametrize(("name", "millions"), [("vgg19", 20.024), ("resnetv2_152", 58.188)])
def test_published_sizes(name, millions):
    module = architecture(name).builder(3).module
    assert sum(p.numel() for p in module.parameters()) / 1e6 == pytest.approx(millions, abs=0.001)


def test_small_resnet_is_small():
    assert 1e5 < sum(p.numel() for p in build("small_resnet", 1, 1).parameters()) < 7e5


def test_unknown_and_double_names_are_refused():
    with pytest.raises(ConfigError, match="no such network"):
        build("resnet_of_nobody", 1, 1)
    with pytest.raises(ConfigError, match="one name"):

        @register("vgg19", paper="", licence="")
        def other(in_channels: int) -> Backbone:
            raise AssertionError


def test_missing_weights_are_named_and_never_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path))
    assert pretrained.find("vgg19", "none") is None
    assert pretrained.find("vgg19", "imagenet") is None
    note = pretrained.missing_note("vgg19")
    assert "vgg19-dcbb9e9d.pth" in note
    assert str(tmp_path) in note
    with pytest.raises(ConfigError, match="missing"):
        pretrained.find("vgg19", str(tmp_path / "mine.safetensors"))


def test_weights_lie_in_the_home_unless_a_folder_is_named(home, monkeypatch):
    monkeypatch.delenv(pretrained.WEIGHTS_VARIABLE, raising=False)
    assert pretrained.weights_folder() == home.path / "weights"


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_local_file_is_loaded_and_its_classifier_left(tmp_path, monkeypatch, suffix):
    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path))
    source = architecture("vgg19").builder(3).module
    tensors = {f"features.{k}": v for k, v in source.state_dict().items()} | {"classifier.0.weight": torch.ones(2)}
    path = tmp_path / ("vgg19.safetensors" if suffix == "safetensors" else "vgg19-dcbb9e9d.pth")
    if suffix == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    found = pretrained.find("vgg19", "imagenet")
    assert found is not None
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    read = pretrained.read(found.path)
    target = build("vgg19", 3, 1)
    assert pretrained.channels_of(read, architecture("vgg19"), architecture("vgg19").builder(3)) == 3
    pretrained.load_backbone(architecture("vgg19"), target.features, read, path)
    assert all(torch.equal(target.features.state_dict()[k], v) for k, v in source.state_dict().items())


def test_unfit_weights_are_refused(tmp_path):
    known = architecture("small_resnet")
    network = build("small_resnet", 1, 1)
    with pytest.raises(ConfigError, match="does not fit"):
        pretrained.load_backbone(known, network.features, {"0.weight": torch.zeros(1)}, tmp_path / "a")
    (tmp_path / "a.pth").write_bytes(b"no tensors")
    with pytest.raises(ConfigError, match="does not fit"):
        pretrained.read(tmp_path / "a.pth")
    torch.save({"a": print}, tmp_path / "b.pth")  # a program, where tensors belong
    with pytest.raises(ConfigError, match="does not fit"):
        pretrained.read(tmp_path / "b.pth")
