"""What a simulation came to: the curves of each way of choosing, and how it stands beside random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from active_learning.learning_curves import Bounded
from active_learning.playing_kept import Kept
from active_learning.playing_plan import Play
from data.home import Home

FILE = "simulation.json"
NOTHING = Bounded(None, None, None)


@dataclass(frozen=True, slots=True)
class Against:
    """How a way of choosing stands beside random, with 95% intervals over loops and test patients.

    Parameters
    ----------
    aulc_gain:
        Area under the learning curve, less random's.
    labels, minutes:
        Cases, and minutes of reading, until the mean curve reaches random's final quality; None where it never
        does.
    labels_saved, minutes_saved:
        The shares of what random itself needs for it; below 0 where more are needed.
    """

    aulc_gain: Bounded = NOTHING
    labels: Bounded = NOTHING
    labels_saved: Bounded = NOTHING
    minutes: Bounded = NOTHING
    minutes_saved: Bounded = NOTHING


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way of choosing.

    Parameters
    ----------
    name:
        As :data:`active_learning.strategies.registry.STRATEGIES` has it.
    values, minutes:
        By loop and step: the primary metric on the test patients, and minutes of reading up to there.
    aulc:
        The normalised area under the mean learning curve.
    final:
        The primary metric when the budget is used.
    against:
        Beside random; None where random was not played.
    reads, wrong_reads, cases, disputed, wrong_cases:
        Over all loops: reads of readers and those with an error; cases, those that went to the adjudicator, and
        those whose answers are wrong in the end.
    untrained:
        Turns without enough cases to train on, which count as chance.
    """

    name: str
    values: tuple[tuple[float, ...], ...]
    minutes: tuple[tuple[float, ...], ...]
    aulc: Bounded
    final: Bounded
    against: Against | None
    reads: int
    wrong_reads: int
    cases: int
    disputed: int
    wrong_cases: int
    untrained: int

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Outcome:
        """An outcome back from JSON."""
        against = raw["against"]
        named = {
            "values": tuple(map(tuple, raw["values"])),
            "minutes": tuple(map(tuple, raw["minutes"])),
            "aulc": Bounded(**raw["aulc"]),
            "final": Bounded(**raw["final"]),
            "against": None if against is None else Against(**{n: Bounded(**b) for n, b in against.items()}),
        }
        return cls(**{**raw, **named})


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulation that was played to its end.

    Parameters
    ----------
    key:
        The digest of data and settings, which names its folder.
    title, primary:
        Of the task, and the metric of the curves.
    labels:
        Cases read after the start and after each round.
    pool, test_patients:
        How many studies could be chosen, and how many patients measure.
    over_patients:
        Whether intervals are of resampled loops and test patients; with too few test patients of some answer they
        are of the loops alone.
    """

    key: str
    task: str
    title: str
    primary: str
    play: Play
    labels: tuple[int, ...]
    pool: int
    test_patients: int
    over_patients: bool
    outcomes: tuple[Outcome, ...]

    def outcome(self, name: str) -> Outcome:
        """The outcome of a way of choosing."""
        return next(one for one in self.outcomes if one.name == name)

    def as_dict(self) -> dict[str, Any]:
        """The simulation as JSON."""
        outcomes = [asdict(one) for one in self.outcomes]
        return {**asdict(self), "play": self.play.as_dict(), "labels": list(self.labels), "outcomes": outcomes}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Simulation:
        """A simulation back from JSON."""
        named = {
            "play": Play.from_dict(raw["play"]),
            "labels": tuple(raw["labels"]),
            "outcomes": tuple(Outcome.from_dict(one) for one in raw["outcomes"]),
        }
        return cls(**{**raw, **named})


def kept_simulation(kept: Kept) -> Simulation | None:
    """What was measured of a simulation; None where nothing was, or another version of Consilium wrote it.

    Raises
    ------
    BlobError
        It cannot be read.
    """
    raw = kept.read(FILE)
    try:
        return None if raw is None else Simulation.from_dict(raw)
    except (KeyError, TypeError):
        return None


def kept_simulations(home: Home, task: str) -> list[Simulation]:
    """The simulations of a task that were played to their end, the newest first.

    Raises
    ------
    BlobError
        One cannot be read.
    """
    files = [path for path in home.simulations.glob(f"*/{FILE}") if path.is_file()]
    files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = (kept_simulation(Kept(home, path.parent.name)) for path in files)
    return [one for one in found if one is not None and one.task == task]
