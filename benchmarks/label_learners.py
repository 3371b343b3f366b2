"""The small models of the label loops: what is learnt from known cases, what it says of others, how good it is.

Cases: for each head a logistic regression on the features, with members that see the known cases with weights
drawn from an exponential distribution (the Bayesian bootstrap). Slices: an ensemble of small networks that label
each pixel. Every strategy has the same ones, with the same seeds.

References
----------
Rubin: The Bayesian bootstrap, Ann. Statist. 9 (1981), 130 - 134.
Lakshminarayanan, Pritzel, Blundell: Simple and scalable predictive uncertainty estimation using deep ensembles,
NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from active_learning.strategies.view import FloatArray, IntArray, View
from benchmarks.label_cases import NOT_KNOWN, CasePool, PagePool, Pool
from models.metrics import Measure, auc, average, mean

MEMBERS = 6
RIDGE = 0.1
"""Inverse strength of the ridge penalty."""
PIXELS = 12_000
"""Pixels that are learnt from in all, a quarter of them of structures where there are as many."""
HIDDEN, STEPS, BATCH, RATE = 32, 300, 256, 1e-2
PAGE_MEMBERS = 3


class Fitted(Protocol):
    """A model that was learnt from the known cases."""

    def view(self, known: IntArray, free: IntArray, measure: str) -> View:
        """What a strategy sees. Of outlines the score is that of ``measure``: entropy, margin or bald."""
        ...

    def votes(self, free: IntArray) -> tuple[FloatArray, ...]:
        """One (k, n, classes, ...) array a head: the probabilities of each member."""
        ...

    def outcome(self) -> FloatArray:
        """(kinds, test cases) what the quality is made of."""
        ...


class Setting(Protocol):
    """One seed of a pool."""

    size: int

    def fit(self, known: IntArray, seed: tuple[int, ...]) -> Fitted:
        """Learn from known places of the pool."""
        ...

    def measure(self, outcome: FloatArray) -> Measure:
        """The quality."""
        ...


def setting_of(pool: Pool, seed: int) -> Setting:
    """The pool as this seed has it."""
    return CaseSetting(pool) if isinstance(pool, CasePool) else PageSetting(pool, seed)


class CaseSetting:
    """Cases with answers of yes and no; the quality is the mean area under the ROC curve of the heads."""

    def __init__(self, pool: CasePool) -> None:
        self.cases, self.size = pool, len(pool.pool.features)

    def fit(self, known: IntArray, seed: tuple[int, ...]) -> CaseModel:
        """A regression and its members for each head."""
        features, targets = self.cases.pool.features[known], self.cases.pool.targets[known]
        rng = np.random.default_rng(seed)
        weights = [None, *rng.exponential(size=(MEMBERS, len(known)))]
        heads = [[_logistic(features, column, weight) for weight in weights] for column in targets.T]
        return CaseModel(self.cases, heads)

    def measure(self, outcome: FloatArray) -> Measure:
        """The mean over the heads, each over the test cases that it applies to."""
        found = []
        for scores, truth in zip(outcome, self.cases.test.targets.T, strict=True):
            applies = truth != NOT_KNOWN
            names = [p for p, a in zip(self.cases.test.patients, applies, strict=True) if a]
            one = auc(scores[applies], truth[applies] == 1, names)
            if one is not None:
                found.append(one)
        if not found:
            raise SystemExit(f"{self.cases.name}: the test cases have one answer alone.")
        return average(found)


Chance = Callable[[NDArray[np.float32]], FloatArray]


def _logistic(features: NDArray[np.float32], targets: NDArray[np.int64], weight: FloatArray | None) -> Chance:
    """(n, d) -> (n,) the chance of a yes; the share of known ones (Laplace's) where all are alike."""
    from sklearn.linear_model import LogisticRegression

    applies = targets != NOT_KNOWN
    told = targets[applies]
    if np.unique(told).size < 2:
        share = (told.sum() + 1) / (len(told) + 2)
        return lambda given: np.full(len(given), share)
    fitted = LogisticRegression(C=RIDGE, max_iter=300).fit(
        features[applies], told, sample_weight=None if weight is None else weight[applies]
    )
    slope, start = fitted.coef_[0], float(fitted.intercept_[0])
    return lambda given: np.asarray(1 / (1 + np.exp(-(given @ slope + start))))


@dataclass(frozen=True, eq=False, slots=True)
class CaseModel:
    """The heads, each with the regression of all known cases first, then its members."""

    cases: CasePool
    heads: list[list[Chance]]

    def view(self, known: IntArray, free: IntArray, measure: str) -> View:
        """Heads speak where their condition is the likelier answer; strata are the likeliest answers."""
        pool = self.cases.pool
        chances = [head[0](pool.features[free]) for head in self.heads]
        asked = [self._asked(chances, place) for place in range(len(chances))]
        heads = tuple(_pair(chance, where) for chance, where in zip(chances, asked, strict=True))
        votes = tuple(
            np.where(where[None, :, None], vote, np.nan)
            for vote, where in zip(self.votes(free), asked, strict=True)
        )
        shown = np.max([np.where(where, c, 0) for c, where in zip(chances, asked, strict=True)], axis=0)
        said = np.array([(c >= 0.5) & where for c, where in zip(chances, asked, strict=True)])
        strata = np.unique(said, axis=1, return_inverse=True)[1].ravel().astype(np.int64)
        labels = tuple(column for column in pool.targets[known].T)
        return View(
            heads, pool.features[free], pool.features[known], labels, votes, None, strata, np.asarray(shown)
        )  # fmt: skip

    def votes(self, free: IntArray) -> tuple[FloatArray, ...]:
        """(members, n, 2) for each head."""
        given = self.cases.pool.features[free]
        chances = [np.stack([member(given) for member in head[1:]]) for head in self.heads]
        return tuple(np.stack([1 - one, one], axis=-1) for one in chances)

    def outcome(self) -> FloatArray:
        """(heads, test cases) the mean chance of the members and the regression of all."""
        given = self.cases.test.features
        return np.array([np.mean([member(given) for member in head], axis=0) for head in self.heads])

    def _asked(self, chances: list[FloatArray], place: int) -> NDArray[np.bool_]:
        condition = self.cases.conditions[place]
        if condition is None:
            return np.ones(len(chances[place]), dtype=bool)
        head, answer = condition
        return np.asarray((chances[head] >= 0.5) == bool(answer))


def _pair(chance: FloatArray, asked: NDArray[np.bool_]) -> FloatArray:
    return np.asarray(np.where(asked[:, None], np.stack([1 - chance, chance], axis=1), np.nan))


class PageSetting:
    """Slices with outlines; the quality is the mean Dice of the structures over the test patients' slices."""

    def __init__(self, pool: PagePool, seed: int) -> None:
        apart = pool.tested(seed)
        self.pages, self.places, self.test = pool, np.flatnonzero(~apart), np.flatnonzero(apart)
        self.size = len(self.places)
        self.classes = int(pool.masks.max()) + 1

    def fit(self, known: IntArray, seed: tuple[int, ...]) -> PageModel:
        """An ensemble of networks for single pixels."""
        rng = np.random.default_rng(seed)
        chosen = [self._drawn(place, max(PIXELS // len(known), 50), rng) for place in self.places[known]]
        points = np.concatenate([self.pages.pixels[place, pixels] for place, pixels in chosen])
        said = np.concatenate([self.pages.masks[place, pixels] for place, pixels in chosen])
        return PageModel(self, _network(points, said, self.classes, int(rng.integers(2**31))))

    def _drawn(self, place: int, count: int, rng: np.random.Generator) -> tuple[int, IntArray]:
        mask = self.pages.masks[place]
        inside, outside = np.flatnonzero(mask), np.flatnonzero(mask == 0)
        own = min(len(inside), count // 4)
        kept = (rng.choice(inside, own, replace=False), rng.choice(outside, min(len(outside), count - own), False))
        return place, np.concatenate(kept)

    def measure(self, outcome: FloatArray) -> Measure:
        """The mean over the slices that show a structure or are said to."""
        found = mean(outcome[0], [self.pages.patients[p] for p in self.test], ~np.isnan(outcome[0]))
        if found is None:
            raise SystemExit(f"{self.pages.name}: the test slices show nothing.")
        return found


Pixelwise = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _network(points: NDArray[np.float32], said: NDArray[np.uint8], classes: int, seed: int) -> Pixelwise:
    """(n, f) -> (members, n, classes) probabilities; all members are trained at once."""
    generator = torch.Generator().manual_seed(seed)
    given, wanted = torch.from_numpy(points), torch.from_numpy(said.astype(np.int64))
    width = points.shape[1]
    first = torch.randn(PAGE_MEMBERS, width, HIDDEN, generator=generator) * (2 / width) ** 0.5
    last = torch.randn(PAGE_MEMBERS, HIDDEN, classes, generator=generator) * (1 / HIDDEN) ** 0.5
    parts = [first, torch.zeros(PAGE_MEMBERS, 1, HIDDEN), last, torch.zeros(PAGE_MEMBERS, 1, classes)]
    for part in parts:
        part.requires_grad_()
    optimiser = torch.optim.AdamW(parts, lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        drawn = torch.randint(len(given), (PAGE_MEMBERS, BATCH), generator=generator)
        logits = torch.relu(given[drawn] @ parts[0] + parts[1]) @ parts[2] + parts[3]
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted[drawn])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()

    @torch.no_grad()
    def told(new: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = torch.relu(torch.from_numpy(new) @ parts[0] + parts[1]) @ parts[2] + parts[3]
        return np.asarray(torch.softmax(logits, dim=-1).numpy())

    return told


@dataclass(frozen=True, eq=False, slots=True)
class PageModel:
    """An ensemble that labels pixels."""

    setting: PageSetting
    told: Pixelwise

    def view(self, known: IntArray, free: IntArray, measure: str) -> View:
        """Scores are the mean doubt of a slice's pixels; foreground is the share of structures, 1 for the most."""
        setting = self.setting
        votes = self.votes(free)[0]
        scores = _doubt(votes, measure)
        share = 1 - votes.mean(axis=0)[:, 0].mean(axis=-1)
        names = np.array(setting.pages.patients)[setting.places[free]]
        strata = np.unique(names, return_inverse=True)[1].astype(np.int64)
        features = setting.pages.features[setting.places]
        return View(
            (), features[free], features[known], (), (), scores, strata,
            np.asarray(share / max(float(share.max(initial=0)), 1e-9)),
        )  # fmt: skip

    def votes(self, free: IntArray) -> tuple[FloatArray, ...]:
        """One (members, n, classes, pixels)."""
        return (np.moveaxis(self._told(self.setting.places[free]), -1, -2),)

    def outcome(self) -> FloatArray:
        """(1, test slices) the mean Dice of the structures that a slice shows or is said to show."""
        said = self._told(self.setting.test).mean(axis=0).argmax(axis=-1)
        truth = self.setting.pages.masks[self.setting.test]
        found = []
        for label in range(1, self.setting.classes):
            one, other = said == label, truth == label
            total = one.sum(axis=1) + other.sum(axis=1)
            found.append(np.where(total > 0, 2 * (one & other).sum(axis=1) / np.maximum(total, 1), np.nan))
        dice = np.array(found)
        shown = ~np.isnan(dice).all(axis=0)
        whole = np.full(dice.shape[1], np.nan)
        whole[shown] = np.nanmean(dice[:, shown], axis=0)
        return whole[None]

    def _told(self, places: IntArray) -> NDArray[np.float32]:
        """(members, n, pixels, classes)."""
        pages = self.setting.pages.pixels[places]
        flat = self.told(pages.reshape(-1, pages.shape[-1]))
        return flat.reshape(len(flat), *pages.shape[:2], -1)


def _doubt(votes: FloatArray, measure: str) -> FloatArray:
    """(n,) the mean over the pixels of votes (members, n, classes, pixels), 0 to 1."""
    middle = votes.mean(axis=0)
    if measure == "margin":
        ranked = np.sort(middle, axis=1)
        return np.asarray((1 - ranked[:, -1] + ranked[:, -2]).mean(axis=1))
    joint = _entropy(middle, axis=1)
    if measure == "bald":
        joint = np.maximum(joint - _entropy(votes, axis=2).mean(axis=0), 0)
    return np.asarray(joint.mean(axis=1) / np.log(middle.shape[1]))


def _entropy(chances: FloatArray, axis: int) -> FloatArray:
    return np.asarray(-(chances * np.log(np.maximum(chances, 1e-12))).sum(axis=axis))
