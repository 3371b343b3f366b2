"""Whether a report affirms what it mentions: cues of negation, doubt, history and hypothesis, and their reach.

The method is that of NegEx (Chapman et al., J Biomed Inform 34 (2001) 301) and ConText (Harkema et al., J Biomed
Inform 42 (2009) 839): a cue has a direction and a reach, which ends with the clause, and longer cues mask the
shorter ones within ("не исключается" is a doubt and "no change" is nothing, though both hold a "not").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from data.curation.cues import CUES, Direction, Status
from data.curation.sentences import Span, reach_left, reach_right


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue found in a text, and the places that it reaches.

    Parameters
    ----------
    status:
        What it says; PRESENT for those that only mask.
    reach:
        The part of the sentence where a mention is under it.
    """

    status: Status
    direction: Direction
    span: Span
    reach: Span


_COMPILED = tuple(
    (status, direction, re.compile(pattern if pattern == r"\?" else rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE))
    for status, direction, pattern in CUES
)
_WHOLE_SENTENCE = re.compile(
    r"indication|clinical|reason for|жалоб|направит|цель иссл|диагноз|клинич", re.IGNORECASE
)
_GENITIVE = re.compile(r"нет\b|(?:о|ся|ет)\Z", re.IGNORECASE)
"""Negations that the genitive goes with: "выпота нет", but "выпот не выявлен"."""
_STRENGTH = (Status.HYPOTHETICAL, Status.ABSENT, Status.UNCERTAIN, Status.HISTORICAL)
_JOINT = re.compile(r",|;|:|\s(?:и|а|and|but|но)\s", re.IGNORECASE)


def cues(text: str, sentence: Span) -> tuple[Cue, ...]:
    """The cues of a sentence, without those inside a longer one, in the order of the text."""
    start, end = sentence
    found = [
        (match.span(), status, direction)
        for status, direction, pattern in _COMPILED
        for match in pattern.finditer(text, start, end)
    ]
    kept = [
        entry
        for entry in found
        if not any(
            other[0] != entry[0] and other[0][0] <= entry[0][0] and entry[0][1] <= other[0][1] for other in found
        )
    ]
    return tuple(
        Cue(status, direction, span, _reach(text, sentence, span, direction, status))
        for span, status, direction in sorted(kept, key=lambda entry: entry[0])
        if direction is not Direction.NOTHING
    )


def _reach(text: str, sentence: Span, span: Span, direction: Direction, status: Status) -> Span:
    """What a cue reaches."""
    start, end = sentence
    if direction is Direction.NEXT:
        following = re.compile(r"\s*").match(text, span[1], end)
        return span[0], (following.end() if following else span[1]) + 1
    if direction is Direction.AFTER and _WHOLE_SENTENCE.match(text, span[0]):
        return span[0], end
    left, right = span
    if direction in {Direction.AFTER, Direction.AROUND}:
        aside = re.compile(r"\s*,").match(text, span[1], end) if status is Status.UNCERTAIN else None
        right = reach_right(text, aside.end() if aside else span[1], end, genitive=status is Status.ABSENT)
    if direction in {Direction.BEFORE, Direction.AROUND}:
        left = reach_left(text, start, span[0], genitive=bool(_GENITIVE.search(text, *span)))
    if direction is Direction.AROUND and status is Status.ABSENT:
        return _sides(text, (left, right), span)
    return left, right


def _sides(text: str, reach: Span, span: Span) -> Span:
    """Which side of a cue that may stand on either side of its mention: "нет выпота", "выпота нет".

    Where it closes its clause it looks back; where it opens it, it looks ahead. "Нет" between words looks ahead.
    """
    before = re.split(r",", text[reach[0] : span[0]])[-1].strip()
    behind = text[span[1] : reach[1]]
    closes = not behind.strip(" .!?;") or behind.lstrip().startswith(",")
    if closes:
        return reach[0], span[1]
    opens = not before or text[span[0] : span[1]].lower().startswith("нет")
    return (span[0], reach[1]) if opens else reach


def status_of(words: Iterable[Span], found: Iterable[Cue], text: str) -> tuple[Status, Cue | None]:
    """What a sentence says of a mention, and the cue that says so (None where it is present).

    Parameters
    ----------
    words:
        The mention's own words, in any order.
    found:
        The sentence's cues.
    """
    places = sorted(words)
    under = [cue for cue in found if _is_under(places, cue, text)]
    for status in _STRENGTH:
        for cue in under:
            if cue.status is status:
                return status, cue
    return Status.PRESENT, None


def _is_under(places: list[Span], cue: Cue, text: str) -> bool:
    """Whether a mention is under a cue: within its reach, or around it with no joint in between."""
    first, last = places[0][0], places[-1][1]
    if any(start <= cue.span[0] and cue.span[1] <= end for start, end in places):
        return cue.status is Status.UNCERTAIN  # the term names the cue itself, as "borderline heart size" does
    if first < cue.span[0] and cue.span[1] < last:  # "the heart is not enlarged"
        following = min(start for start, _ in places if start >= cue.span[1])
        return not _JOINT.search(text, cue.span[1], following)
    if cue.direction is Direction.NEXT:
        return cue.span[1] <= first < cue.reach[1]
    return cue.reach[0] <= first < cue.reach[1]
