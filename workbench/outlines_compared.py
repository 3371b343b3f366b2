"""What the readers of a case outlined, side by side: where they differ, by how much, and joined to one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from active_learning.outlines import MaskRule, join_masks
from active_learning.votes import Vote, holds, votes
from data.answers import Form, Mask, MaskValue, Question, Site, Value
from data.blobs import Blobs
from workbench.adjudicating import Voice


def nothing_drawn(voices: Sequence[Voice], question: Question) -> dict[Site, MaskValue]:
    """That nothing is to be outlined, said on the first page that anybody marked; nothing where nobody did."""
    drawn = {site: value for voice in voices for site, value in drawn_by(voice, question).items()}
    first = min(drawn, default=None)
    return {} if first is None else {first: MaskValue(drawn[first].shape)}


def drawn_by(voice: Voice, question: Question) -> dict[Site, MaskValue]:
    """What one reader outlined, by page."""
    return {
        a.site: a.value
        for a in voice.annotation.answers
        if a.question == question.name and isinstance(a.value, MaskValue) and a.site.page_index is not None
    }


def joined(
    voices: Sequence[Voice], question: Question, form: Form, blobs: Blobs, rule: MaskRule
) -> dict[Site, MaskValue]:
    """One outline of several, by page: a label that half of those asked marked, or more, as those put it who did.

    A label that those who marked it put nowhere alike is left out.
    """
    cast = votes([voice.annotation for voice in voices], question, form)
    everybody = {vote.reader_id for of in cast.values() for vote in of}
    pages: dict[Site, list[tuple[str, str]]] = {}
    shapes: dict[Site, tuple[int, ...]] = {}
    for label in labels_of(question):
        who = {v.reader_id for of in cast.values() for v in of if holds(v.value, label)}
        if not who or 2 * len(who) < len(everybody):
            continue
        for site, value, _ in join_masks([label], _only(cast, label, who), len(who), blobs, rule=rule).decisions:
            if value is not None and value.masks:
                pages.setdefault(site, []).extend(value.masks)
                shapes[site] = value.shape
    return {site: MaskValue(shapes[site], tuple(sorted(masks))) for site, masks in sorted(pages.items())}


def dice(voices: Sequence[Voice], question: Question, blobs: Blobs) -> dict[str, dict[tuple[int, int], float]]:
    """By label that anybody marked, by pair of places: 2 |A and B| / (|A| + |B|) over all pages."""
    found: dict[str, dict[tuple[int, int], float]] = {}
    for label in labels_of(question):
        masks = {voice.position: _label_masks(voice, question, label, blobs) for voice in voices}
        sizes = {place: sum(int(np.count_nonzero(m)) for m in of.values()) for place, of in masks.items()}
        if not any(sizes.values()):
            continue
        found[label] = {}
        for one, other in combinations(sorted(masks), 2):
            shared = masks[one].keys() & masks[other].keys()
            both = sum(int(np.count_nonzero(masks[one][site] & masks[other][site])) for site in shared)
            total = sizes[one] + sizes[other]
            found[label][one, other] = 2 * both / total if total else 1.0
    return found


def differing(
    voices: Sequence[Voice], questions: Collection[Question], form: Form, blobs: Blobs
) -> dict[int, NDArray[np.bool_]]:
    """By page: the pixels that somebody marked and not everybody who was asked."""
    found: dict[int, NDArray[np.bool_]] = {}
    reads = [voice.annotation for voice in voices]
    for question in questions:
        for site, cast in votes(reads, question, form).items():
            if site.page_index is None:
                continue
            for label in labels_of(question):
                masks = [m for v in cast if (m := _of(v.value, label, blobs)) is not None]
                if not masks:
                    continue
                split = np.logical_or.reduce(masks)
                if len(masks) == len(cast):
                    split &= ~np.logical_and.reduce(masks)
                before = found.get(site.page_index)
                found[site.page_index] = split if before is None else before | split
    return found


def labels_of(question: Question) -> tuple[str, ...]:
    """The labels of a mask; none of other kinds."""
    return question.kind.labels if isinstance(question.kind, Mask) else ()


def _only(cast: Mapping[Site, Sequence[Vote]], label: str, who: Collection[str]) -> dict[Site, list[Vote]]:
    """The votes of these readers on one label."""
    found: dict[Site, list[Vote]] = {}
    for site, given in cast.items():
        found[site] = []
        for vote in given:
            if vote.reader_id in who and isinstance(vote.value, MaskValue):
                masks = tuple(pair for pair in vote.value.masks if pair[0] == label)
                found[site].append(Vote(vote.annotation_id, vote.reader_id, MaskValue(vote.value.shape, masks)))
    return found


def _label_masks(voice: Voice, question: Question, label: str, blobs: Blobs) -> dict[Site, NDArray[np.bool_]]:
    drawn = drawn_by(voice, question)
    return {site: mask for site, value in drawn.items() if (mask := _of(value, label, blobs)) is not None}


def _of(value: Value, label: str, blobs: Blobs) -> NDArray[np.bool_] | None:
    blob = value.blob(label) if isinstance(value, MaskValue) else None
    return None if blob is None or not isinstance(value, MaskValue) else blobs.get_mask(blob, value.shape)
