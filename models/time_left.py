"""How long a training still takes: by the pace of its networks so far, and by what an earlier training took.

The network that is trained is told by its own pace. One that has not begun is guessed, in this order, from the
network of the same name in the earlier training; from networks of the same kind in this one; from networks of the
same kind in the earlier one. What the earlier training says is stretched by how much slower the networks that both
have are now: more examples and another machine show in it. Where a network has no such basis, nothing is said of
the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from models.course import Course, Network
from models.pace import Planned, Spent


@dataclass(frozen=True, slots=True)
class Left:
    """Seconds that are left; None where nothing is known of them.

    Parameters
    ----------
    network_s:
        To the last epoch of the network that is trained now, by its own pace: at the most.
    whole_s:
        To the end of the training, about.
    """

    network_s: float | None
    whole_s: float | None


@dataclass(frozen=True, slots=True)
class _Guess:
    """Seconds before the first step of a network, and of its epochs."""

    prepared_s: float
    seconds: float


def time_left(course: Course, at: float) -> Left:
    """What is left of a training.

    Parameters
    ----------
    at:
        Seconds since the epoch, as :attr:`Course.updated_at`: what passed since is taken off a preparation.
    """
    now, to_come = course.current, [_guess(course, one) for one in course.to_come]
    measured_s: float | None = None
    present_s: float | None = 0.0
    if now is not None and not now.done:
        measured_s = present_s = now.left_s
        if present_s is None and (guess := _guess(course, Planned(now.name, now.kind, now.epochs))):
            present_s = guess.seconds
    known = [guess for guess in to_come if guess is not None]
    if len(known) < len(to_come) or present_s is None or (now is None and not known):
        return Left(measured_s, None)
    whole = present_s + sum(guess.prepared_s + guess.seconds for guess in known)
    if course.earlier is not None:
        whole += course.earlier.closing_s * _slower(course)
    if now is not None and now.done and known:
        whole -= min(max(0.0, at - course.updated_at), known[0].prepared_s)
    return Left(measured_s, whole)


def _guess(course: Course, planned: Planned) -> _Guess | None:
    """What a network that has not begun will take."""
    earlier = [spent for spent in course.earlier.networks if spent.epoch] if course.earlier else []
    own = [spent for spent in earlier if (spent.name, spent.kind) == (planned.name, planned.kind)]
    if own:
        return _as_earlier(course, planned, own)
    alike = [one for one in course.networks if one.kind == planned.kind and one.whole_s is not None]
    if alike:
        later = [one.prepared_s for one in alike if one is not course.networks[0]]  # the first loads everything
        seconds = fmean((one.whole_s or 0.0) * planned.epochs / one.epochs for one in alike)
        return _Guess(fmean(later) if later else 0.0, seconds)
    same = [spent for spent in earlier if spent.kind == planned.kind]
    return _as_earlier(course, planned, same) if same else None


def _as_earlier(course: Course, planned: Planned, spent: Sequence[Spent]) -> _Guess:
    slower = _slower(course)
    seconds = fmean(one.seconds * planned.epochs / one.epochs for one in spent)
    return _Guess(slower * fmean(one.prepared_s for one in spent), slower * seconds)


def _slower(course: Course) -> float:
    """By how much an epoch takes longer than in the earlier training, over the networks that both have; else 1."""
    before = {spent.name: spent for spent in course.earlier.networks} if course.earlier else {}
    now_s = earlier_s = 0.0
    for one in course.networks:
        spent, an_epoch = before.get(one.name), _epoch_s(one)
        if spent is not None and an_epoch is not None and spent.kind == one.kind and spent.epoch:
            now_s += an_epoch * spent.epoch
            earlier_s += spent.seconds
    return now_s / earlier_s if earlier_s else 1.0


def _epoch_s(network: Network) -> float | None:
    """Seconds of an epoch; None before the pace is known."""
    if network.done:
        return network.seconds / network.epoch if network.epoch else None
    whole = network.whole_s
    return None if whole is None else whole / network.epochs
