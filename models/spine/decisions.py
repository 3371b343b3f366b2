"""The graders of a version at work on one study's levels: both branches, and what each of them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.classifier import Classifier
from models.explain import grad_cam
from models.restoring import rebuilding
from models.spine.crops import LevelView, Region, on_page, side_crop
from models.spine.grading import (
    LurieSettings,
    Normal,
    Sac,
    cascade_probabilities,
    ensemble,
    lost_share,
    lurie_probabilities,
    normal_size,
    unaffected_by_area,
)
from models.spine.measures import area_mm2
from models.spine.stacks import LEVELS, SIDES

LOCATIONS = ("central", "recess", "foraminal")
PRESENT = 0.5
"""Probability from which on the severity is asked: below it, absent is the most probable answer anyway."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loss:
    """How much of a level's dural sac is lost, and against what."""

    level: str
    share: float
    normal: Normal


@dataclass(frozen=True, slots=True)
class Graded:
    """What both branches say of a study.

    Parameters
    ----------
    rows:
        (4,) probabilities of the grades by (location, level, side); the side of ``central`` is empty.
    losses:
        By level.
    """

    rows: Mapping[tuple[str, str, str], Floats]
    losses: Mapping[str, Loss]


class Grader:
    """Presence, severity, and the quantitative branch.

    Parameters
    ----------
    classifiers:
        By stage: ``presence`` and ``severity_<location>``; those that were not trained are missing.
    shares:
        By location: how severities are shared out where no network says.
    """

    def __init__(
        self,
        classifiers: Mapping[str, Classifier],
        lurie: LurieSettings,
        shares: Mapping[str, Sequence[float]],
        size_mm: tuple[float, float],
        beyond_mm: float,
        canal_share: float,
    ) -> None:
        self.classifiers, self.lurie, self.shares = dict(classifiers), lurie, shares
        self.size_mm, self.beyond_mm, self.canal_share = size_mm, beyond_mm, canal_share

    @classmethod
    def restore(
        cls, settings: Mapping[str, Mapping[str, Any]], weights: Mapping[str, Mapping[str, Tensor]]
    ) -> Grader:
        """The graders of a version from what was kept.

        Raises
        ------
        VersionError
            Settings or weights do not fit each other.
        """
        stages = ("presence", *(f"severity_{location}" for location in LOCATIONS))
        classifiers = {n: Classifier.restore(settings[n], weights[n]) for n in stages if n in weights}
        with rebuilding("The kept graders cannot be built again.", expected="the settings of one training"):
            region = settings["region"]
            return cls(
                classifiers,
                LurieSettings.model_validate(settings.get("lurie", {})),
                settings.get("severity_shares", {}),
                (float(region["size_mm"][0]), float(region["size_mm"][1])),
                float(region["beyond_mm"]),
                float(region["canal_share"]),
            )

    def region(self, stage: str) -> Region:
        """The crop that a stage's network sees."""
        return Region(self.classifiers[stage].settings.size_px, self.size_mm, self.beyond_mm)

    def presence(self, views: Sequence[LevelView]) -> dict[tuple[str, str, str], float]:
        """The probability of a narrowing by (location, level, side). Central: the mean of both crops."""
        if "presence" not in self.classifiers or not views:
            return {}
        given = self._rows("presence", [(view, side) for view in views for side in SIDES])
        found: dict[tuple[str, str, str], float] = {}
        for index, view in enumerate(views):
            pair = given[2 * index : 2 * index + 2]
            found["central", view.level, ""] = float(pair[:, 0].mean())
            for number, side in enumerate(SIDES):
                found["recess", view.level, side] = float(pair[number, 1])
                found["foraminal", view.level, side] = float(pair[number, 2])
        return found

    def unaffected(
        self,
        views: Sequence[LevelView],
        sacs: Sequence[Sac],
        present: Mapping[tuple[str, str, str], float] | None = None,
    ) -> frozenset[str]:
        """The levels without central stenosis: by the network of presence, or by the areas where there is none."""
        present = self.presence(views) if present is None else present
        if present:
            return frozenset(v.level for v in views if present["central", v.level, ""] < PRESENT)
        return unaffected_by_area(sacs, self.lurie) if sacs else frozenset()

    def grade(self, views: Sequence[LevelView]) -> Graded:
        """Both branches on a study's levels. Where neither can say anything there is no row."""
        present = self.presence(views)
        rows = self._severities(views, present)
        losses = self._losses(views, present)
        for view in views:
            loss = losses.get(view.level)
            quantitative = lurie_probabilities(loss.share, self.lurie) if loss else None
            both = ensemble(rows.get(("central", view.level, "")), quantitative, self.canal_share)
            if both is not None:
                rows["central", view.level, ""] = both
        return Graded(rows, losses)

    def heat(
        self, view: LevelView, location: str, side: str, grade: int
    ) -> tuple[str, NDArray[np.float32]] | None:
        """The stage that decided on a grade, and its Grad-CAM on the page; None where no network was asked."""
        stage = f"severity_{location}" if grade else "presence"
        if stage not in self.classifiers:
            stage = "presence"
        if stage not in self.classifiers:
            return None
        classifier, region = self.classifiers[stage], self.region(stage)
        option = LOCATIONS.index(location) if stage == "presence" else grade - 1
        sides = (side,) if side else SIDES
        maps = [
            on_page(
                grad_cam(classifier, side_crop(view, s, region), option, shape=region.size_px), view, s, region
            )
            for s in sides
        ]
        return stage, np.asarray(np.max(maps, axis=0), np.float32)

    def _rows(self, stage: str, pairs: Sequence[tuple[LevelView, str]]) -> Floats:
        region = self.region(stage)
        return self.classifiers[stage].probabilities(np.stack([side_crop(v, s, region) for v, s in pairs]))

    def _severities(
        self, views: Sequence[LevelView], present: Mapping[tuple[str, str, str], float]
    ) -> dict[tuple[str, str, str], Floats]:
        """Rows of the qualitative branch; the severity is asked only where something is present."""
        by_level = {view.level: view for view in views}
        rows = {}
        for location in LOCATIONS:
            keys = [key for key in present if key[0] == location]
            severity = {key: np.asarray(self.shares.get(location, (1 / 3,) * 3)) for key in keys}
            asked = [key for key in keys if present[key] >= PRESENT]
            if asked and f"severity_{location}" in self.classifiers:
                pairs = [(by_level[key[1]], s) for key in asked for s in ((key[2],) if key[2] else SIDES)]
                given = self._rows(f"severity_{location}", pairs).reshape(len(asked), -1, 3).mean(axis=1)
                severity.update(zip(asked, given, strict=True))
            rows.update({key: cascade_probabilities(present[key], severity[key].tolist()) for key in keys})
        return rows

    def _losses(
        self, views: Sequence[LevelView], present: Mapping[tuple[str, str, str], float]
    ) -> dict[str, Loss]:
        sacs = [sac for view in views if (sac := sac_of(view)) is not None]
        unaffected = self.unaffected(views, sacs, present)
        found = {}
        for sac in sacs:
            normal = normal_size(sac.level, sacs, unaffected, self.lurie)
            if normal is not None:
                found[sac.level] = Loss(sac.level, lost_share(sac, normal), normal)
        return {level: found[level] for level in LEVELS if level in found}


def sac_of(view: LevelView) -> Sac | None:
    """The dural sac of a level; None where it is not outlined, or the pixel spacing is not known."""
    if view.spacing_mm is None or "dural_sac" not in view.masks:
        return None
    return Sac(view.level, area_mm2(view.masks["dural_sac"], view.spacing_mm), view.height_mm, view.lean)
