"""The configuration of clinical tasks: ``configs/tasks/<task>.toml``, with its profiles.

Every field says its unit; a bad value is refused by the name of its field when the file is read.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import ConfigError

CONFIGS_VARIABLE = "CONSILIUM_CONFIGS"


class ProfileName(StrEnum):
    """The sizes in which a task can be trained. The code path is the same; only the configuration differs."""

    PAPER = "paper"
    """The published architectures and sizes."""
    DEMO = "demo"
    """Small networks that train on two processor cores in minutes."""
    TINY = "tiny"
    """Seconds, for tests of the machinery; never shown to people."""


class Settings(BaseModel):
    """A table of a configuration: unknown fields are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Augment(Settings):
    """Random changes of the training images. A change that alters the answer must stay off."""

    flip_horizontal: bool = False
    """Mirror left and right, with probability 0.5."""
    flip_vertical: bool = False
    """Mirror head and feet, with probability 0.5."""
    rotate_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Largest turn to either side, in degrees."""
    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of brightness, 0 to 1."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of contrast, 0 to 1."""
    crop: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Largest share of a side that a random crop takes away, 0 to 0.5."""


class Schedule(Settings):
    """How long and how fast a network is trained."""

    epochs: Annotated[int, Field(ge=1)] = 20
    """Passes over the training set."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Examples a step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Largest step size (AdamW, one-cycle schedule)."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-4
    """Decoupled weight decay."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Epochs without a lower validation loss after which training ends; 0: never."""


class Stage(Schedule):
    """One network of a task, or several to be compared of which the best on the validation patients is kept."""

    networks: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names in the registry of networks. Several are all trained and compared."""
    size_px: Annotated[tuple[int, int], Field()]
    """(rows, columns) of the input, in pixels."""
    frames: Annotated[int, Field(ge=0)] = 0
    """Frames of a clip, for three-dimensional networks; 0: the input is one image."""
    weights: str = "none"
    """Where training starts: ``none``, ``imagenet``, ``coco`` or the path of a weights file."""
    freeze_backbone: bool = False
    """Whether only the added layers are trained. Without pretrained weights all of it is trained."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Widths of the dense layers between backbone and output, in units."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability with which a unit of the dense layers is left out in training."""
    augment: Augment = Augment()
    """Random changes of the training images."""
    calibration: Annotated[str, Field(pattern="^(temperature|isotonic)$")] = "temperature"
    """How outputs become probabilities on the validation patients: by a temperature, or on top of it by rising
    curves, which need many more of them (:mod:`models.isotonic`)."""

    @model_validator(mode="after")
    def _sizes(self) -> Stage:
        if min(self.size_px) < 16:
            raise ValueError("size_px: at least 16 x 16 pixels")
        return self


class Profile(Settings):
    """One size of a task."""

    stages: Mapping[str, Stage]
    """The classifying networks by name of stage."""
    seed: int = 0
    """Seed of every random draw of the training."""
    simulate: Annotated[int, Field(ge=0)] = 0
    """Simulated training images for each question that has too few labels; 0: none."""
    rotation_volumes: tuple[str, ...] = ()
    """Chest CTs that simulated rotated radiographs are projected from, beside phantoms: paths of NIfTI files or of
    folders of DICOM files, from the working folder where they are not absolute. They are the user's own choice:
    none may be of a test patient."""


class Reading(Settings):
    """How the task's cases are read."""

    readers: Annotated[int, Field(ge=1)] = 3
    """Readers a case."""
    consensus: Annotated[str, Field(pattern="^(majority|dawid_skene|pooled|crowdlab|ordinal)$")] = "majority"
    """The rule that makes one answer of several (see :mod:`active_learning.methods`)."""
    outlines: Annotated[str, Field(pattern="^(majority|staple)$")] = "majority"
    """The rule that makes one outline of several."""
    certain: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """Probability from which an answer stands by a rule that estimates one; below it the case is disputed."""
    reread_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of a reader's cases in a round that are hidden second reads of earlier ones, where there are any."""
    reread_after_days: Annotated[float, Field(ge=0)] = 14.0
    """Days that must lie between a read and its hidden second one."""
    second_look: bool = False
    """Whether readers get a training case again, with the model's answer in view, once they have answered it."""
    qualification_cases: Annotated[int, Field(ge=0)] = 0
    """Cases that a person answers before reads count, out of those with a reference standard; 0: none."""
    qualification_needed: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Share of the answers to them that must agree with the reference standard."""
    count_assisted: bool = False
    """Whether assisted reads count for the consensus of training cases; test and calibration never do."""
    budget: Annotated[int, Field(ge=1)] = 24
    """Cases that a round asks for at the most."""
    random_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the budget for test, calibration and validation patients drawn at random."""
    strategy: str = "mix"
    """How training cases are chosen: a name of :mod:`active_learning.strategies`; empty: the most doubtful
    first. Before there is a model, a way that needs none stands in for one that does."""
    budget_minutes: Annotated[float, Field(ge=0)] = 0.0
    """Reader minutes that a round asks for at the most, all reads together, in place of ``budget``; 0: the budget
    is in cases."""
    per_patient: Annotated[int, Field(ge=1)] = 1
    """Studies of a training patient in a round at the most."""
    quotas: tuple[str, ...] = ()
    """Bounds on groups of a round's training cases: ``site=NAME<=50%`` (the source of the import),
    ``manufacturer=NAME<=50%``, or a predicted answer such as ``phenotype=malignant>=0.2``."""
    seconds_per_case: Annotated[float, Field(gt=0)] = 30.0
    """Expected seconds that a reader takes for a case, until reads have shown it."""
    positive: Mapping[str, tuple[str, ...]] = {}
    """By question, the options that count as positive in a report's sensitivity and specificity. Without an entry
    it is the second of two options, or a finding's presence; other questions have no binary view."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """By how much the primary metric must improve, beyond its interval's lower bound, for a promotion."""


class Triage(Settings):
    """How studies that need no reading are cleared."""

    positive: Mapping[str, tuple[str, ...]] = {}
    """By question, the options, levels or findings that count as pathology: a study shows it if any of them holds
    at any site. Without an entry it is the one question that is asked of every study and has a binary view: see
    ``Reading.positive``."""
    miss: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Of the pathological patients at most this share may be cleared."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Probability, over the draw of the calibration patients, with which that is promised."""
    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Share of the patients with an option whose prediction set holds it."""
    audit_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the cleared patients who are read all the same, drawn at random."""
    prevalence: Annotated[float | None, Field(gt=0, lt=1)] = None
    """Share of the site's patients with pathology; without it that of the calibration patients."""
    subgroups: tuple[str, ...] = ("sex", "age", "view", "source", "manufacturer", "model")
    """By what the misses are looked at apart: sex, age (in bands), view, source (of the import), or an
    attribute of the series."""


class Promotion(Settings):
    """When a candidate takes the champion's place, beyond ``reading.margin``."""

    false_promotions: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """Probability of ever promoting a version that is no better, over all rounds of the task together."""
    effect: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Gain in the primary metric that is worth finding: how many test patients that takes is told."""
    guarded: Mapping[str, Annotated[float, Field(gt=0)]] = {}
    """By metric, as an evaluation names it, by how much it may be worse at the most, in the metric's own unit."""
    subgroups: tuple[str, ...] = ("sex", "age", "view", "manufacturer", "source")
    """Kinds of subgroups in which the primary metric is compared: ``sex``, ``age``, ``view``, ``modality``,
    ``source`` or an attribute of the series."""
    subgroup_margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """By how much the primary metric may be worse in a subgroup at the most."""
    age_from_y: tuple[Annotated[float, Field(gt=0)], ...] = (40.0, 60.0, 80.0)
    """Ages in years at which a new band begins, in rising order."""

    @model_validator(mode="after")
    def _rising(self) -> Promotion:
        if list(self.age_from_y) != sorted(set(self.age_from_y)):
            raise ValueError("age_from_y: in rising order, each once")
        return self


class Demo(Settings):
    """The task's part in the embedded demo."""

    phantoms: Annotated[int, Field(ge=20)] = 360
    """Phantom patients."""
    budget: Annotated[int, Field(ge=4)] = 36
    """Cases of its round."""


class TaskConfig(Settings):
    """The configuration of one clinical task. A task with settings of its own has a subclass with their fields."""

    reading: Reading = Reading()
    """How its cases are read."""
    triage: Triage = Triage()
    """How its studies are cleared."""
    promotion: Promotion = Promotion()
    """When a candidate takes the champion's place."""
    demo: Demo = Demo()
    """Its part in the embedded demo."""
    profiles: Mapping[ProfileName, Profile]
    """Its sizes; all three are needed."""

    @model_validator(mode="after")
    def _complete(self) -> TaskConfig:
        if missing := set(ProfileName) - set(self.profiles):
            raise ValueError(f"profiles: {', '.join(sorted(missing))} missing")
        return self


def configs_folder() -> Path:
    """The folder of the task configurations: ``CONSILIUM_CONFIGS``, or ``configs/tasks`` of the checkout."""
    named = os.environ.get(CONFIGS_VARIABLE)
    return Path(named) if named else Path(__file__).parent.parent / "configs" / "tasks"


def guideline_text(task: str, language: str = "") -> str:
    """The guideline that comes with a task: ``guidelines/<task>.md`` beside the configurations; empty without one.

    Parameters
    ----------
    language:
        Of a translation, ``guidelines/<task>.<language>.md``; empty for the text that is published.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    name = f"{task}.{language}.md" if language else f"{task}.md"
    path = configs_folder().parent / "guidelines" / name
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "The task's guideline cannot be read.", given=f"{path}: {error}", expected="Markdown in UTF-8",
            do="correct the file",
        ) from error  # fmt: skip


def load_config(task: str, *, folder: Path | None = None, model: type[TaskConfig] = TaskConfig) -> TaskConfig:
    """Read the configuration of a task.

    Parameters
    ----------
    task:
        Its name.
    folder:
        Where the file lies; the default is :func:`configs_folder`.
    model:
        The class of the task's settings.

    Raises
    ------
    ConfigError
        The file is missing, is no TOML, or has a field that cannot be; the field is named.
    """
    path = (folder or configs_folder()) / f"{task}.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "The task's configuration cannot be read.",
            given=path,
            expected="a TOML file",
            do=f"add it, or set {CONFIGS_VARIABLE}",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "The task's configuration is no TOML.",
            given=f"{path}: {error}",
            expected="valid TOML",
            do="correct it",
        ) from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"The task's configuration has a field that cannot be: {name or 'the whole'}.",
            given=f"{first.get('input')!r} in {path}",
            expected=first["msg"],
            do="correct the field",
        ) from error
