"""Sentences and clauses of a report, as places in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""First character and the one behind the last."""

_SHORT = re.compile(
    r"(?:\b(?:[a-zа-я]|dr|mr|mrs|vs|approx|см|мм|гр|ст|стр|рис|обл|справ|слев|верхн|нижн|т\.е|т\.к))\Z", re.I
)
_END = re.compile(r"[.!?]+(?=\s|\Z|[A-ZА-ЯЁ])|\n\s*\n|\n(?=\s*(?:[-•*]|\d+[.)])\s)|;")
_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
_TURN = re.compile(
    r"\b(?:but|however|although|though|except(?:ing| for)?|aside from|apart from|other than|"
    r"nevertheless|yet|which|"
    r"with the exception of|secondary to|due to|"
    r"но|однако|хотя|кроме|за исключением|помимо|зато|тем не менее|вместе с тем|при этом|вследствие|за счет)\b",
    re.IGNORECASE,
)
"""Words that end the reach of a negation (the termination terms of ConText)."""
_ENGLISH = re.compile(
    r"\b(?:is|are|was|were|has|have|appears?|shows?|there|remains?|demonstrates?|noted|seen)\b", re.I
)
_LIST = re.compile(r"\b(?:or|nor|или|либо|ни)\b", re.I)
_RUSSIAN = re.compile(
    r"\b(?:\w{3,}(?:ован|енен|ожен|лен|рен|щен|тен|чен|шен|жен|нут|т[ея]нут)(?:а|о|ы)?|"
    r"\w{3,}(?:ует|уют|ется|ются|ает|ают|яет|яют|еет|лся|лась|лось|лись)|"
    r"сердце|тень|аорта|корни|легкие|диафрагма|купол|купола|синусы|позвоночник|рисунок|органы)\b",
    re.IGNORECASE,
)
"""Short participles, verbs and subjects in the nominative: a clause of its own."""
_NOMINATIVE = re.compile(r"\s*\w+(?:ия|ый|ая|ое|ые|[бгджзклмнпрстфцчшщ])\b", re.IGNORECASE)


def sentences(text: str) -> Iterator[Span]:
    """The sentences of a text; white space at their ends is left out."""
    start = 0
    for end in _END.finditer(text):
        if end.group().startswith(".") and len(end.group()) == 1 and _is_short(text, start, end.start()):
            continue
        yield from _trimmed(text, start, end.end())
        start = end.end()
    yield from _trimmed(text, start, len(text))


def _is_short(text: str, start: int, end: int) -> bool:
    """Whether the full stop at ``end`` belongs to an abbreviation: the word is one, and the text goes on small."""
    following = text[end + 1 :].lstrip()[:1]
    return bool(_SHORT.search(text[start:end])) and bool(following) and not following.isupper()


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    inner = text[start:end]
    if inner.strip():
        yield start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())


def reach_right(text: str, start: int, end: int, *, genitive: bool = True) -> int:
    """Where the reach of a negation that ends at ``start`` stops, in a sentence that ends at ``end``.

    It stops at a turn such as "but", at a colon, and at a comma behind which a clause of its own begins; a comma
    in a list ("no effusion, pneumothorax or mass") does not stop it.

    Parameters
    ----------
    genitive:
        Whether the entries of a Russian list must stand in the genitive, as behind "без" and "нет".
    """
    end = _first_stop(text, start, end)
    commas = [found.start() for found in _COMMA.finditer(text, start, end)]
    for comma, following in pairwise([*commas, end]):
        if stands_alone(text[comma + 1 : following], last=following == end, nominative=genitive):
            return comma
    return end


def _first_stop(text: str, start: int, end: int) -> int:
    """The first turn, or the first colon or dash, between two places."""
    turn = _TURN.search(text, start, end)
    colon = re.compile(r":|\s[–—-]\s").search(text, start, end)
    return min([end, *(found.start() for found in (turn, colon) if found)])


def reach_left(text: str, start: int, end: int, *, genitive: bool = False) -> int:
    """Where the reach of a negation that begins at ``end`` starts, in a sentence that begins at ``start``.

    ``genitive``: whether the entries of a Russian list before it must stand in the genitive.
    """
    turns = [found.end() for found in _TURN.finditer(text, start, end)]
    colons = [found.end() for found in re.compile(r":|\s[–—]\s").finditer(text, start, end)]
    start = max([start, *turns, *colons])
    edges = [found.end() for found in _COMMA.finditer(text, start, end)]
    before = [start, *edges]
    for number in range(len(edges) - 1, -1, -1):
        if stands_alone(text[before[number] : edges[number] - 1], last=False, nominative=genitive):
            return edges[number]
    return start


def stands_alone(segment: str, *, last: bool, nominative: bool = True) -> bool:
    """Whether what stands between two commas is a clause rather than an entry of a list.

    Parameters
    ----------
    last:
        Whether it is the last one: then "or" shows that it ends the list.
    nominative:
        Whether a Russian word in the nominative at its start makes it a clause: the entries of a list behind
        "без" and "нет" stand in the genitive.
    """
    if last and _LIST.search(segment):
        return False
    if _ENGLISH.search(segment) or _RUSSIAN.search(segment):
        return True
    return nominative and bool(re.search(r"[а-я]", segment, re.I)) and bool(_NOMINATIVE.match(segment))
