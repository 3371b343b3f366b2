"""A panel's agreement on one thing, as a report shows it: all figures with their intervals, by reader and pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.accuracy import accuracy, majority_of_others
from active_learning.agreement import (
    Scale,
    Weights,
    band,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    percent_agreement,
    prevalence_and_bias,
)
from active_learning.ratings import NOT_READ, Ratings
from data.records import Metric
from models.metrics import Measure

DRAWS = 1000
"""Resamples of the patients for an interval."""
Figures = Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two readers: the items that both read, their figures, and Byrt's indices where there are two options."""

    first: str
    second: str
    items: int
    figures: Figures
    prevalence: float | None
    bias: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": self.first, "second": self.second, "items": self.items, **_plain(self.figures),
            "prevalence_index": self.prevalence, "bias_index": self.bias,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class OneReader:
    """A reader: how many items were read, how often each option was said, and the figures against a reference."""

    reader: str
    items: int
    shares: Mapping[str, float]
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"reader": self.reader, "items": self.items, "shares": dict(self.shares), **_plain(self.figures)}


@dataclass(frozen=True, slots=True)
class Panel:
    """All readers of one thing.

    Parameters
    ----------
    label:
        What was asked.
    items, reads, gaps, patients:
        How many items, how many reads of them, how many that some reader did not give, and how many patients.
    several:
        Items with two reads or more: those that say something of agreement.
    figures:
        The coefficients of the whole panel; an undefined one is missing.
    reference:
        What readers are compared with: ``reference standard``, or ``majority of the other readers``.
    """

    label: str
    options: tuple[str, ...]
    scale: Scale
    items: int
    reads: int
    gaps: int
    patients: int
    several: int
    figures: Figures
    pairs: tuple[Pair, ...]
    readers: tuple[OneReader, ...]
    reference: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "options": list(self.options), "scale": self.scale.value, "items": self.items, "reads": self.reads,
            "gaps": self.gaps, "patients": self.patients, "items_with_several_reads": self.several,
            **_plain(self.figures), "pairs": [pair.as_dict() for pair in self.pairs],
            "reference": self.reference, "readers": [reader.as_dict() for reader in self.readers],
        }  # fmt: skip


def panel(
    label: str,
    ratings: Ratings,
    scale: Scale = Scale.NOMINAL,
    *,
    reference: NDArray[np.int16] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Panel:
    """Measure a panel.

    Parameters
    ----------
    reference:
        (items,) the reference standard from elsewhere; without it each reader is compared with the others.
    draws:
        Resamples of the patients; 0 gives no intervals.
    """
    read = ratings.given != NOT_READ
    figured = partial(_figured, draws=draws, seed=seed)
    return Panel(
        label,
        ratings.options,
        scale,
        len(ratings.items),
        int(read.sum()),
        int((~read).sum()),
        len(set(ratings.patients)),
        int((read.sum(axis=1) > 1).sum()),
        figured(_whole(ratings, scale)),
        tuple(_pair(ratings, scale, a, b, figured) for a, b in combinations(ratings.readers, 2)),
        tuple(_reader(ratings, scale, name, reference, figured) for name in ratings.readers),
        "majority of the other readers" if reference is None else "reference standard",
    )


def _whole(ratings: Ratings, scale: Scale) -> dict[str, Measure | None]:
    found = {
        "percent_agreement": percent_agreement(ratings),
        "fleiss_kappa": fleiss_kappa(ratings),
        "krippendorff_alpha": krippendorff_alpha(ratings, scale),
        "gwet_ac1": gwet_ac(ratings),
    }
    return found if scale is Scale.NOMINAL else {**found, "gwet_ac2": gwet_ac(ratings, Weights.QUADRATIC)}


def _pair(
    ratings: Ratings, scale: Scale, first: str, second: str, figured: Callable[[Mapping[str, Any]], Figures]
) -> Pair:
    chosen = [ratings.readers.index(first), ratings.readers.index(second)]
    two = Ratings(ratings.options, (first, second), ratings.items, ratings.patients, ratings.given[:, chosen])
    weights = [Weights.NONE] if scale is Scale.NOMINAL else list(Weights)
    figures: dict[str, Measure | None] = {"percent_agreement": percent_agreement(two)}
    for weight in weights:
        name = "cohen_kappa" if weight is Weights.NONE else f"cohen_kappa_{weight}"
        figures[name] = cohen_kappa(two, first, second, weight)
    indices = prevalence_and_bias(two, first, second) or (None, None)
    return Pair(first, second, int((two.counts().sum(axis=1) == 2).sum()), figured(figures), *indices)


def _reader(
    ratings: Ratings,
    scale: Scale,
    reader: str,
    reference: NDArray[np.int16] | None,
    figured: Callable[[Mapping[str, Any]], Figures],
) -> OneReader:
    given = ratings.of_reader(reader)
    truth = majority_of_others(ratings, reader) if reference is None else reference
    figures = accuracy(
        given, truth, ratings.patients, options=len(ratings.options), ordered=scale is not Scale.NOMINAL
    )
    read = given[given != NOT_READ]
    shares = {
        option: float(np.mean(read == number)) if len(read) else 0.0
        for number, option in enumerate(ratings.options)
    }
    return OneReader(reader, len(read), shares, figured(figures))


def _figured(measures: Mapping[str, Measure | None], *, draws: int, seed: int) -> Figures:
    return {name: one.metric(draws, seed) for name, one in measures.items() if one is not None}


def _plain(figures: Figures) -> dict[str, Any]:
    """Figures as JSON, kappas and the like with the name of their band."""
    named = ("kappa", "alpha", "ac1", "ac2")
    return {
        name: {**figure.as_dict(), **({"band": band(figure.value)} if any(n in name for n in named) else {})}
        for name, figure in figures.items()
    }
