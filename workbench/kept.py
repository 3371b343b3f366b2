"""Sentences that were kept with their figures in them, in another language: found by the templates they are of.

The store keeps sentences in English: why a case is in a batch, how a candidate compared, how far work is, what
went wrong. A template of the catalogue such as ``drawn at random for the {1} set`` is matched against them; what
stands in its places may be of a template itself. A sentence may also be taken apart at its joints. Of all readings
the one counts that leaves the fewest letters as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

PLACE = re.compile(r"\{([^{}]*)\}")
JOINTS = ("; ", ". ", ", ", ": ", " · ")
"""Where a sentence is taken apart, in this order."""
FIGURES = (
    re.compile(r"()(.+)( [-+±]?[0-9][0-9.,%]*)", re.DOTALL),
    re.compile(r"([0-9][0-9.,%]* )(.+)()", re.DOTALL),
)
"""Words with a figure after them, or before."""
DEPTH = 6


class Read(NamedTuple):
    """A sentence in the language, and how many of its letters are as they were."""

    left: int
    said: str


@dataclass(frozen=True, slots=True)
class Template:
    """A message with places: its pattern, the names of the places, and the longest words between them."""

    message: str
    patterns: tuple[re.Pattern[str], ...]
    names: tuple[str, ...]
    anchor: str

    @classmethod
    def of(cls, message: str) -> Template | None:
        """The template of a message; None where it has no places, or nothing but places."""
        pieces = PLACE.split(message)
        fixed, names = pieces[0::2], pieces[1::2]
        anchor = max(fixed, key=len)
        if not names or sum(letter.isalpha() for letter in "".join(fixed)) < 2:
            return None
        ways = ("(.+?)", "(.+)") if len(names) > 1 else ("(.+)",)
        written = [way.join(re.escape(piece) for piece in fixed) for way in ways]
        return cls(message, tuple(re.compile(text, re.DOTALL) for text in written), tuple(names), anchor)

    def matched(self, sentence: str) -> set[tuple[str, ...]]:
        """What stands in the places; several ways where they can be told apart in several."""
        if self.anchor not in sentence:
            return set()
        found = (pattern.fullmatch(sentence) for pattern in self.patterns)
        return {match.groups() for match in found if match is not None}


class Kept:
    """The templates of one language.

    Parameters
    ----------
    messages:
        Every message of the catalogue.
    translate:
        A message in the language; the same text where it is not known.
    """

    def __init__(self, messages: Iterable[str], translate: Callable[[str], str]) -> None:
        self._translate = translate
        self._known = frozenset(messages)
        found = (Template.of(message) for message in self._known)
        self._templates = sorted((t for t in found if t), key=lambda t: (-_weight(t), t.message))

    def said(self, sentence: str) -> str:
        """A sentence in the language, as far as its templates are known."""
        return self._read(sentence, DEPTH, {}).said

    def _read(self, sentence: str, depth: int, known: dict[tuple[str, int], Read]) -> Read:
        """The reading that leaves the fewest letters; the first of those that leave as many."""
        if sentence in self._known:
            return Read(0, self._translate(sentence))
        letters = sum(letter.isalpha() for letter in sentence)
        if not depth or not letters:
            return Read(letters, sentence)
        if (sentence, depth) not in known:
            best = Read(letters, sentence)
            for reading in self._readings(sentence, depth, known):
                best = reading if reading.left < best.left else best
                if not best.left:
                    break
            known[sentence, depth] = best
        return known[sentence, depth]

    def _readings(self, sentence: str, depth: int, known: dict[tuple[str, int], Read]) -> Iterator[Read]:
        for template in self._templates:
            for values in sorted(template.matched(sentence)):
                read = [self._read(value, depth - 1, known) for value in values]
                filled = _filled(self._translate(template.message), template.names, [r.said for r in read])
                yield Read(sum(r.left for r in read), filled)
        if sentence.endswith("."):
            rest = self._read(sentence[:-1], depth - 1, known)
            yield Read(rest.left, f"{rest.said}.")
        for joint in JOINTS:
            *before, last = sentence.split(joint)
            if before:
                stop = "." if joint == ". " else ""  # a sentence keeps its own
                read = [self._read(piece, depth - 1, known) for piece in (*(f"{p}{stop}" for p in before), last)]
                yield Read(sum(r.left for r in read), joint.removeprefix(stop).join(r.said for r in read))
        for figure in filter(None, (pattern.fullmatch(sentence) for pattern in FIGURES)):
            words = self._read(figure[2], depth - 1, known)
            yield Read(words.left, f"{figure[1]}{words.said}{figure[3]}")


def _weight(template: Template) -> int:
    return len(PLACE.sub("", template.message))


def _filled(message: str, names: tuple[str, ...], values: list[str]) -> str:
    given: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        given.setdefault(name, value)
    return PLACE.sub(lambda found: given.get(found.group(1), found.group(0)), message)
