"""One outline of several: the pixel-wise majority of the readers' masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from active_learning.votes import Vote, holds
from data.answers import MaskValue, Site
from data.blobs import Blobs
from data.errors import AnswerError

Decision = tuple[Site, MaskValue | None, float]
"""(site, the mask that stands or None, mean Dice of the reads against it)."""


def decide_masks(
    labels: Sequence[str], by_site: Mapping[Site, Sequence[Vote]], reads: int, blobs: Blobs | None
) -> list[Decision]:
    """The masks that stand, page by page.

    A label stands if more than half of the reads marked it somewhere in the study, and its outline is where more
    than half marked a pixel. The question is disputed on every page if for some label neither its presence nor
    its absence has more than half, or if most marked it but nowhere the same.

    Parameters
    ----------
    by_site:
        The votes on each page; every reader who was asked has one.
    reads:
        Reads of the case, at least 1.
    blobs:
        Where the masks lie and the outcome is kept.

    Raises
    ------
    ValueError
        Readers differ and no blobs were given.
    AnswerError
        Masks of one page have different shapes.
    """
    by_site = dict(sorted(by_site.items()))
    asked = max((len(cast) for cast in by_site.values()), default=0)
    tally = {label: len(_who(label, by_site)) for label in labels}
    split = any(2 * max(count, asked - count) <= reads for count in tally.values())
    if split:
        return [(site, None, 0.0) for site in by_site]
    alike = 2 * asked > reads and all(len({vote.value for vote in cast}) == 1 for cast in by_site.values())
    if alike:
        return [
            (site, value, 1.0) for site, cast in by_site.items() if isinstance(value := cast[0].value, MaskValue)
        ]
    if blobs is None:
        raise ValueError("masks that differ need the blobs that hold them")
    wanted = [label for label in labels if 2 * tally[label] > reads]
    stand = {site: _majority(site, cast, wanted, reads, blobs) for site, cast in by_site.items()}
    if any(not any(mask[label].any() for mask in stand.values()) for label in wanted):
        return [(site, None, 0.0) for site in by_site]
    support = _mean_dice(labels, by_site, stand, blobs)
    decided: list[Decision] = []
    for site, masks in stand.items():
        kept = tuple((label, blobs.put_mask(mask)) for label, mask in sorted(masks.items()) if mask.any())
        decided.append((site, MaskValue(_shape(site, by_site[site]), kept), support))
    return decided


def _majority(
    site: Site, cast: Sequence[Vote], labels: Sequence[str], reads: int, blobs: Blobs
) -> dict[str, NDArray[np.bool_]]:
    shape = _shape(site, cast)
    masks = {}
    for label in labels:
        count = np.zeros(shape, dtype=np.uint16)
        for vote in cast:
            if (mask := _mask(vote, label, blobs)) is not None:
                count += mask
        masks[label] = 2 * count > reads
    return masks


def _mean_dice(
    labels: Sequence[str],
    by_site: Mapping[Site, Sequence[Vote]],
    stand: Mapping[Site, Mapping[str, NDArray[np.bool_]]],
    blobs: Blobs,
) -> float:
    """The mean over reads of 2 |A and B| / (|A| + |B|), all labels and pages of a read taken together."""
    both: dict[str, int] = {}
    total: dict[str, int] = {}
    for site, cast in by_site.items():
        for vote in cast:
            for label in labels:
                given, agreed = _mask(vote, label, blobs), stand[site].get(label)
                sizes = [int(np.count_nonzero(m)) for m in (given, agreed) if m is not None]
                total[vote.reader_id] = total.get(vote.reader_id, 0) + sum(sizes)
                if given is not None and agreed is not None:
                    both[vote.reader_id] = both.get(vote.reader_id, 0) + int(np.count_nonzero(given & agreed))
    return float(np.mean([2 * both.get(r, 0) / n if n else 1.0 for r, n in total.items()]))


def _who(label: str, by_site: Mapping[Site, Sequence[Vote]]) -> set[str]:
    return {vote.reader_id for cast in by_site.values() for vote in cast if holds(vote.value, label)}


def _mask(vote: Vote, label: str, blobs: Blobs) -> NDArray[np.bool_] | None:
    if not isinstance(vote.value, MaskValue):
        return None
    name = vote.value.blob(label)
    return None if name is None else blobs.get_mask(name, vote.value.shape)


def _shape(site: Site, cast: Sequence[Vote]) -> tuple[int, ...]:
    shapes = {vote.value.shape for vote in cast if isinstance(vote.value, MaskValue)}
    if len(shapes) > 1:
        raise AnswerError(
            "Masks of one page have different shapes.",
            given=f"{', '.join(str(s) for s in sorted(shapes))} at {site.key}",
            expected="the page's native pixels",
            do="pull the answers again",
        )
    return next(iter(shapes), ())
