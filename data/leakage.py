"""Which studies to learn from are copies of studies to measure on: the same pixels, or nearly those.

A copy under another patient's name puts what is measured on into what is learnt from. Of each series a few pages
are compared, each with each (:mod:`data.likeness`): first as thumbnails, then, where these look alike, in larger
pictures, since small ones of the same part of the body can be very much alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np

from data.likeness import COPY, SIDE_PX, SUSPECT, Candidate, Picture, Thumbnails, candidates, likeness, thumbnail
from data.pixels import Pixels, apply_window, robust_window, to_grey
from data.records import Layout, Series, Study
from data.store import Store
from data.tables.thumbnails import PageKey

PAGES = 5
"""Pages of a series that are compared, evenly over it."""
MOST = 0.7
"""Share of the compared pages that must match for a stack to be a copy: 4 of 5."""
MEAN = 0.8
"""Mean likeness of the matching pages of a stack that is a copy: one page may look alike by chance, not all."""
LARGE_PX = 160
"""Side of the larger pictures."""
KEEP_EVERY = 256
"""Thumbnails and comparisons between two writes: what a kill can cost."""

Progress = Callable[[float, str], None]
_Pair = tuple[PageKey, PageKey, Candidate]


class CopyKind(StrEnum):
    """How a copy was found."""

    SAME = "same pixels"
    NEAR = "nearly the same pixels"


@dataclass(frozen=True, slots=True)
class Copy:
    """A study to learn from that shows what a study to measure on shows.

    Parameters
    ----------
    learnt, measured:
        The two studies.
    likeness:
        Correlation of the details of the pages that are most alike; 1 for the same pixels.
    """

    learnt: str
    measured: str
    kind: CopyKind
    likeness: float


def copies(
    store: Store,
    pixels: Pixels,
    learnt: Sequence[Study],
    measured: Sequence[Study],
    *,
    progress: Progress = lambda share, words: None,
) -> tuple[Copy, ...]:
    """The copies among studies to learn from, by study; of each pair of studies one.

    Thumbnails and comparisons are kept, so that only new studies take time.

    Raises
    ------
    BlobError
        The pixels of a series are not there.
    """
    if not learnt or not measured:
        return ()
    both = [series for study in (*learnt, *measured) for series in study.series]
    looks = _Looks(store, pixels, both, progress)
    found = {(c.learnt, c.measured): c for c in _near(looks, learnt, measured, progress)}
    found |= {(c.learnt, c.measured): c for c in _same(learnt, measured)}
    return tuple(found[key] for key in sorted(found))


def pages_of(series: Series) -> tuple[int, ...]:
    """The pages of a series that are compared."""
    count = Pixels.pages(series)
    wanted = min(PAGES, count)
    return tuple(dict.fromkeys(int((place + 0.5) * count / wanted) for place in range(wanted)))


def _same(learnt: Sequence[Study], measured: Sequence[Study]) -> Iterator[Copy]:
    """Pairs of studies that have a series of the same pixels."""
    by_pixels: dict[str, list[str]] = defaultdict(list)
    for study in measured:
        for series in study.series:
            by_pixels[series.pixels].append(study.study_id)
    for study in learnt:
        for series in study.series:
            for other in by_pixels.get(series.pixels, ()):
                yield Copy(study.study_id, other, CopyKind.SAME, 1.0)


class _Looks:
    """Pages in small, from the store or made now, and in large."""

    def __init__(self, store: Store, pixels: Pixels, both: Sequence[Series], progress: Progress) -> None:
        self.store = store
        self._pixels = pixels
        self._series = {series.pixels: series for series in both}
        names = sorted(self._series)
        self._kept: dict[PageKey, Thumbnails] = {}
        for start in range(0, len(names), KEEP_EVERY):
            some = names[start : start + KEEP_EVERY]
            known = store.thumbnails.of(some)
            made = {}
            for name in some:
                for key in self.keys(self._series[name]):
                    if key not in known:
                        small = thumbnail(self._picture(key))
                        made[key] = b"" if small is None else small.tobytes()
            if made:
                store.thumbnails.put(made)
                progress(start / len(names) / 2, f"{start:,} of {len(names):,} series looked at")
            for key, content in (known | made).items():
                if content:
                    self._kept[key] = np.frombuffer(content, dtype=np.uint8).reshape(SIDE_PX, SIDE_PX)

    @staticmethod
    def keys(series: Series) -> list[PageKey]:
        """The pages of a series that are compared."""
        return [PageKey(series.pixels, page) for page in pages_of(series)]

    def shown(self, studies: Iterable[Study]) -> tuple[list[PageKey], Thumbnails]:
        """The pages of studies that show something, each once, with their thumbnails."""
        wanted = dict.fromkeys(key for study in studies for series in study.series for key in self.keys(series))
        keys = [key for key in wanted if key in self._kept]
        stack = np.stack([self._kept[key] for key in keys]) if keys else np.zeros((0, SIDE_PX, SIDE_PX), np.uint8)
        return keys, stack

    def place(self, key: PageKey) -> int:
        """The place of a page among the compared ones of its series, from 0."""
        return pages_of(self._series[key.pixels]).index(key.page)

    def needed(self, one: PageKey, other: PageKey) -> float:
        """How many pages of two series must match: most of those that show something."""
        shown = (sum(k in self._kept for k in self.keys(self._series[key.pixels])) for key in (one, other))
        return MOST * min(shown)

    def alike(self, one: PageKey, other: PageKey, candidate: Candidate) -> float:
        """How alike two pages are, in small, and where they look alike in small, in large."""
        small = likeness(self._kept[one], self._kept[other], candidate)
        if small < SUSPECT:
            return 0.0
        large = [thumbnail(self._picture(key), LARGE_PX) for key in (one, other)]
        return likeness(large[0], large[1], candidate) if large[0] is not None and large[1] is not None else 0.0

    def _picture(self, key: PageKey) -> Picture:
        """A page in 256 grey values, as wide as its own values: how a header asks it to be shown has no say."""
        series = self._series[key.pixels]
        array = self._pixels.array(series)
        page = array if series.layout is Layout.IMAGE else array[key.page]
        if page.ndim == 3:
            return to_grey(page)
        return page if page.dtype == np.uint8 else apply_window(page, robust_window(page))


def _near(looks: _Looks, learnt: Sequence[Study], measured: Sequence[Study], progress: Progress) -> Iterator[Copy]:
    """Pairs of studies of which a series has most of its compared pages, in order, in one of the other."""
    ones, small = looks.shown(learnt)
    others, large = looks.shown(measured)

    def told(share: float) -> None:
        progress(0.5 + 0.25 * share, f"comparing {len(ones):,} pages with {len(others):,}")

    found = ((ones[c.one], others[c.other], c) for c in candidates(small, large, progress=told))
    runs = _runs(looks, [(one, other, c) for one, other, c in found if one.pixels != other.pixels])
    alike = _compared(looks, [pair for run in runs for pair in run], progress)
    of_learnt, of_measured = _by_pixels(learnt), _by_pixels(measured)
    for run in runs:
        values = [value for one, other, _ in run if (value := alike[one, other]) >= COPY]
        if len(values) >= looks.needed(run[0][0], run[0][1]) and (len(run) == 1 or np.mean(values) >= MEAN):
            for mine in of_learnt[run[0][0].pixels]:
                for theirs in of_measured[run[0][1].pixels]:
                    yield Copy(mine, theirs, CopyKind.NEAR, max(values))


def _runs(looks: _Looks, pairs: Iterable[_Pair]) -> list[list[_Pair]]:
    """The pairs of pages by pair of series, in order: the first in the first and so on, or all one page further.

    Only those with enough pages to be a copy are worth comparing: scans of two patients have pages that look
    alike, but seldom most of them, at the same places.
    """
    runs: dict[tuple[str, str, int], list[_Pair]] = defaultdict(list)
    for one, other, candidate in pairs:
        shift = looks.place(one) - looks.place(other)
        alone = looks.needed(one, other) <= 1
        if abs(shift) <= 1 or alone:
            runs[one.pixels, other.pixels, shift].append((one, other, candidate))
    return [run for run in runs.values() if len(run) >= looks.needed(run[0][0], run[0][1])]


def _compared(
    looks: _Looks, pairs: Sequence[_Pair], progress: Progress
) -> Mapping[tuple[PageKey, PageKey], float]:
    """How alike each pair is; what was compared before is not compared again."""
    table = looks.store.thumbnails
    alike: dict[tuple[PageKey, PageKey], float] = {}
    rest = iter(pairs)
    while some := list(islice(rest, KEEP_EVERY)):
        known = table.likenesses([(one, other) for one, other, _ in some])
        fresh = [(a, b, looks.alike(a, b, c)) for a, b, c in some if (a, b) not in known]
        table.put_likenesses(fresh)
        alike |= known | {(a, b): value for a, b, value in fresh}
        progress(0.75 + 0.25 * len(alike) / len(pairs), f"{len(alike):,} of {len(pairs):,} pairs that look alike")
    return alike


def _by_pixels(studies: Sequence[Study]) -> dict[str, list[str]]:
    """The studies that have a series of these pixels."""
    found: dict[str, list[str]] = defaultdict(list)
    for study in studies:
        for series in study.series:
            found[series.pixels].append(study.study_id)
    return found
