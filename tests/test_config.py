import shutil

import pytest

from data.answers import Choice, Mask
from data.errors import ConfigError
from models.config import CONFIGS_VARIABLE, ProfileName, Stage, configs_folder, load_config
from models.networks.registry import names
from models.task import discover

SHORT = """
[profiles.paper.stages.s]
networks = ["vgg19"]
size_px = [244, 244]
[profiles.demo.stages.s]
networks = ["small_resnet"]
size_px = [64, 64]
[profiles.tiny.stages.s]
networks = ["small_resnet"]
size_px = [32, 32]
epochs = 2
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.toml").write_text(SHORT)
    return tmp_path


@pytest.mark.parametrize("task", sorted(discover()))
def test_every_task_has_its_three_profiles_with_known_networks(task):
    config = discover()[task].config
    assert set(config.profiles) == set(ProfileName)
    stages = {name: set(profile.stages) for name, profile in config.profiles.items()}
    assert stages[ProfileName.PAPER] == stages[ProfileName.DEMO] == stages[ProfileName.TINY]


def test_cxr_quality_is_as_published():
    config = load_config("cxr_quality")
    for question in ("projection", "borders_frontal", "borders_lateral", "rotation_lateral"):
        stage = config.profiles[ProfileName.PAPER].stages[question]
        assert stage.networks == ("vgg19", "resnetv2_152")
        assert set(stage.networks) <= set(names())
        assert stage.size_px == (244, 244)
        assert (stage.weights, stage.freeze_backbone) == ("imagenet", True)
        assert len(stage.hidden) == 2  # with the output: three dense layers
        assert stage.augment.flip_vertical
        assert 2 <= stage.augment.rotate_deg <= 3


def test_no_crop_cuts_the_borders_that_are_asked_for():
    for profile in load_config("cxr_quality").profiles.values():
        assert profile.stages["borders_frontal"].augment.crop == 0
        assert profile.stages["borders_lateral"].augment.crop == 0


def test_what_is_not_said_has_its_default(folder):
    config = load_config("t", folder=folder)
    assert config.reading.readers == 3
    assert config.profiles[ProfileName.TINY].stages["s"].epochs == 2
    assert config.profiles[ProfileName.DEMO].stages["s"] == Stage(networks=("small_resnet",), size_px=(64, 64))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("epochs = 0", "profiles.tiny.stages.s.epochs"),
        ("epochs = 2\nepoch = 3", "profiles.tiny.stages.s.epoch"),
        ("epochs = 2\ndropout = 1.0", "profiles.tiny.stages.s.dropout"),
        ("epochs = 2\naugment = { crop = 0.7 }", "profiles.tiny.stages.s.augment.crop"),
        ("epochs = 2\n[reading]\nreaders = 0", "reading.readers"),
        ("epochs = 2\n[profiles.huge.stages.s]\nnetworks = ['a']\nsize_px = [32, 32]", "profiles.huge"),
    ],
)
def test_a_field_that_cannot_be_is_named(folder, wrong, field):
    (folder / "t.toml").write_text(SHORT.replace("epochs = 2", wrong))
    with pytest.raises(ConfigError) as raised:
        load_config("t", folder=folder)
    assert field in raised.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHORT.replace("[32, 32]", "[8, 32]"), "at least 16 x 16"),
        (SHORT.split("[profiles.tiny", maxsplit=1)[0], "tiny missing"),
        ("a = [", "no TOML"),
    ],
)
def test_a_file_that_cannot_be_is_refused(folder, text, words):
    (folder / "t.toml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config("t", folder=folder)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(CONFIGS_VARIABLE, str(tmp_path))
    assert configs_folder() == tmp_path
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        load_config("t")
    assert str(tmp_path / "t.toml") in raised.value.given
    monkeypatch.delenv(CONFIGS_VARIABLE)
    shutil.copy(configs_folder() / "cxr_quality.toml", tmp_path / "mine.toml")
    assert load_config("mine", folder=tmp_path) == load_config("cxr_quality")


@pytest.mark.parametrize("task", sorted(discover()))
def test_every_guarded_metric_is_one_of_the_forms(task):
    form = discover()[task].form
    for metric in discover()[task].config.promotion.guarded:
        question, _, name = metric.partition(".")
        kind = type(form[question].kind)
        assert name in {Mask: {"dice"}, Choice: {"auc", "accuracy", "sensitivity", "specificity", "f1"}}[kind]


def test_age_bands_that_do_not_rise_are_refused(folder):
    (folder / "t.toml").write_text("[promotion]\nage_from_y = [60, 40]\n" + SHORT)
    with pytest.raises(ConfigError, match="promotion"):
        load_config("t", folder=folder)
