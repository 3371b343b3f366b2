"""Sentences that were kept with their figures in them, in another language: found by the template they are of.

The store keeps sentences in English: why a case is in a batch, how a candidate compared, how far work is, what
went wrong. A template of the catalogue such as ``drawn at random for the {1} set`` is matched against them; what
stands in its places may be of a template itself. A sentence without a template is taken apart at its joints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

PLACE = re.compile(r"\{([^{}]*)\}")
JOINTS = ("; ", ". ", ", ", ": ", " · ")
"""Where a sentence is taken apart, in this order."""
DEPTH = 4


@dataclass(frozen=True, slots=True)
class Template:
    """A message with places: its pattern, the names of the places, and the longest words between them."""

    message: str
    pattern: re.Pattern[str]
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
        written = "".join(re.escape(piece) + ("(.+?)" if i < len(names) else "") for i, piece in enumerate(fixed))
        return cls(message, re.compile(written, re.DOTALL), tuple(names), anchor)


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

    def said(self, sentence: str, depth: int = DEPTH) -> str:
        """A sentence in the language, as far as its templates are known."""
        if sentence in self._known:
            return self._translate(sentence)
        if not depth or not any(letter.isalpha() for letter in sentence):
            return sentence
        for template in self._templates:
            if template.anchor in sentence and (match := template.pattern.fullmatch(sentence)):
                values = [self.said(value, depth - 1) for value in match.groups()]
                return _filled(self._translate(template.message), template.names, values)
        for joint in JOINTS:
            pieces = sentence.split(joint)
            if len(pieces) > 1:
                return joint.join(self.said(piece, depth - 1) for piece in pieces)
        return sentence


def _weight(template: Template) -> int:
    return len(PLACE.sub("", template.message))


def _filled(message: str, names: tuple[str, ...], values: list[str]) -> str:
    given: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        given.setdefault(name, value)
    return PLACE.sub(lambda found: given.get(found.group(1), found.group(0)), message)
