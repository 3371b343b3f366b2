"""One outline of several: by the majority of those who drew it, or by STAPLE.

Whether a label is there at all is for all reads to say. Its outline comes from the reads that marked it, pixel by
pixel: a reader to whom nothing is there says nothing of where it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_learning.mask_agreement import box_of
from active_learning.staple import Masks, staple
from active_learning.votes import Vote, holds
from data.answers import MaskValue, Site
from data.blobs import Blobs
from data.errors import AnswerError

Decision = tuple[Site, MaskValue | None, float]
"""(site, the mask that stands or None, mean Dice of the reads against it)."""


class MaskRule(StrEnum):
    """How several outlines become one."""

    MAJORITY = "majority"
    """Where more than half of them marked a pixel."""
    STAPLE = "staple"
    """Where STAPLE's probability is above a half (:mod:`active_learning.staple`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """One outline of several masks, and how well each meets it.

    Parameters
    ----------
    probability:
        Of each pixel to be in, of the masks' shape: STAPLE's, or the share of the masks that hold it.
    sensitivity, specificity:
        (masks,): STAPLE's, or against the outline; NaN where nothing stands, or nothing is outside.
    """

    probability: NDArray[np.float32]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The outline."""
        return np.asarray(self.probability > 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class PagePart:
    """The probability of a label on a page: in a box (rows, columns) of it; elsewhere nobody marked it."""

    site: Site
    shape: tuple[int, ...]
    box: tuple[slice, ...]
    probability: NDArray[np.float32]

    def mask(self) -> NDArray[np.bool_]:
        """The outline on the whole page."""
        whole = np.zeros(self.shape, dtype=bool)
        whole[self.box] = self.probability > 0.5
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class LabelOutline:
    """What stands of a label, over all pages of a study.

    Parameters
    ----------
    share:
        Of the reads, how many marked the label.
    readers:
        Who marked it.
    sensitivity, specificity:
        (readers,) of those, as in :class:`Joined`. The specificity is over the pages on which anything is marked.
    pages:
        Where somebody marked it.
    """

    label: str
    share: float
    readers: tuple[str, ...]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    pages: tuple[PagePart, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MaskConsensus:
    """The masks that stand.

    Parameters
    ----------
    decisions:
        Of each page.
    outlines:
        Of each label that stands; none where presence is disputed, or where all reads are the same.
    """

    decisions: tuple[Decision, ...]
    outlines: tuple[LabelOutline, ...] = ()


def joined(masks: Masks, rule: MaskRule = MaskRule.MAJORITY, *, beyond: int = 0) -> Joined:
    """Join masks of one shape.

    Parameters
    ----------
    beyond:
        Pixels of the image that are no part of these arrays, which were cropped: nobody marked them.

    Raises
    ------
    RatingsError
        For STAPLE there are too many, or they differ in shape.
    """
    if rule is MaskRule.STAPLE and any(mask.any() for mask in masks):
        found = staple(masks, beyond=beyond)
        probability = np.zeros(masks[0].shape, dtype=np.float32)
        probability[found.window] = found.probability
        return Joined(probability, found.sensitivity, found.specificity)
    count = np.zeros(masks[0].shape, dtype=np.uint16)
    for mask in masks:
        count += mask
    outline = 2 * count > len(masks)
    inside = np.count_nonzero(outline)
    outside = outline.size + beyond - inside
    hits = np.array([np.count_nonzero(mask & outline) for mask in masks], dtype=np.float64)
    astray = np.array([np.count_nonzero(mask & ~outline) for mask in masks], dtype=np.float64)
    return Joined(
        np.asarray(count / len(masks), dtype=np.float32),
        hits / inside if inside else np.full(len(masks), np.nan),
        1 - astray / outside if outside else np.full(len(masks), np.nan),
    )


def decide_masks(
    labels: Sequence[str],
    by_site: Mapping[Site, Sequence[Vote]],
    reads: int,
    blobs: Blobs | None,
    *,
    rule: MaskRule = MaskRule.MAJORITY,
) -> list[Decision]:
    """The masks that stand, page by page: the decisions of :func:`join_masks`."""
    return list(join_masks(labels, by_site, reads, blobs, rule=rule).decisions)


def join_masks(
    labels: Sequence[str],
    by_site: Mapping[Site, Sequence[Vote]],
    reads: int,
    blobs: Blobs | None,
    *,
    rule: MaskRule = MaskRule.MAJORITY,
) -> MaskConsensus:
    """The masks that stand, and how well each reader meets them.

    A label stands if more than half of the reads marked it somewhere in the study. Its outline is made of those
    that did, by the rule; STAPLE runs once over all pages together. The question is disputed on every page if for
    some label neither its presence nor its absence has more than half, or if most marked it but nowhere the same.

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
    marked = {label: _who(label, by_site) for label in labels}
    undecided = tuple((site, None, 0.0) for site in by_site)
    if any(2 * max(len(who), asked - len(who)) <= reads for who in marked.values()):
        return MaskConsensus(undecided)
    if 2 * asked > reads and all(len({vote.value for vote in cast}) == 1 for cast in by_site.values()):
        values = ((site, cast[0].value) for site, cast in by_site.items())
        return MaskConsensus(tuple((site, v, 1.0) for site, v in values if isinstance(v, MaskValue)))
    if blobs is None:
        raise ValueError("masks that differ need the blobs that hold them")
    outlines = tuple(
        _outline(label, by_site, sorted(who), reads, blobs, rule)
        for label, who in marked.items()
        if 2 * len(who) > reads
    )
    stand: dict[Site, dict[str, NDArray[np.bool_]]] = {site: {} for site in by_site}
    for outline in outlines:
        for page in outline.pages:
            stand[page.site][outline.label] = page.mask()
    if any(not any(stand[page.site][o.label].any() for page in o.pages) for o in outlines):
        return MaskConsensus(undecided, outlines)
    support = _mean_dice(labels, by_site, stand, blobs)
    decided: list[Decision] = []
    for site, masks in stand.items():
        kept = tuple((label, blobs.put_mask(mask)) for label, mask in sorted(masks.items()) if mask.any())
        decided.append((site, MaskValue(_shape(site, by_site[site]), kept), support))
    return MaskConsensus(tuple(decided), outlines)


def _outline(
    label: str,
    by_site: Mapping[Site, Sequence[Vote]],
    readers: Sequence[str],
    reads: int,
    blobs: Blobs,
    rule: MaskRule,
) -> LabelOutline:
    """A label's outline by those who marked it, each page cropped to what is marked on it."""
    places: list[tuple[Site, tuple[int, ...], tuple[slice, ...]]] = []
    cut: list[NDArray[np.bool_]] = []
    total = 0
    for site, cast in by_site.items():
        shape = _shape(site, cast)
        total += int(np.prod(shape))
        given = {v.reader_id: m for v in cast if (m := _mask(v, label, blobs)) is not None}
        if not given:
            continue
        box = box_of(np.logical_or.reduce(list(given.values())))
        nothing = np.zeros(shape, dtype=bool)[box]
        cut.append(np.stack([given[r][box] if r in given else nothing for r in readers]).reshape(len(readers), -1))
        places.append((site, shape, box))
    flat = np.concatenate(cut, axis=1)  # (readers, pixels)
    found = joined(list(flat), rule, beyond=total - flat.shape[1])
    ends = np.cumsum([part.shape[1] for part in cut])[:-1]
    pages = tuple(
        PagePart(site, shape, box, part.reshape([side.stop - side.start for side in box]))
        for (site, shape, box), part in zip(places, np.split(found.probability, ends), strict=True)
    )
    share = len(readers) / reads
    return LabelOutline(label, share, tuple(readers), found.sensitivity, found.specificity, pages)


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
