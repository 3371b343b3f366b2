"""Concepts in a report: every match with its place, what is said of it and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data.curation.cues import Status
from data.curation.negation import Cue, cues, status_of
from data.curation.sentences import Span, sentences
from data.curation.terms import Concept, ConceptKind, Term, Terms, folded


@dataclass(frozen=True, slots=True)
class Match:
    """A concept found in a report. Places index the report's text as it was given.

    Parameters
    ----------
    start, end:
        First character of the match and the one behind its last.
    text:
        What stands there.
    words:
        The places of the term's own words; what stands between them is no part of the term.
    sentence:
        The sentence's place.
    cue:
        The place of the words that made it other than present; None where there are none.
    term:
        The term as it is written in the file.
    """

    concept: str
    kind: ConceptKind
    start: int
    end: int
    text: str
    words: tuple[Span, ...]
    sentence: Span
    status: Status
    cue: Span | None
    term: str

    @property
    def negated(self) -> bool:
        """Whether the report says that it is absent."""
        return self.status is Status.ABSENT


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a report: ordinary where ``concept`` is None, else a match."""

    text: str
    concept: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says, concept by concept.

    Parameters
    ----------
    present, uncertain:
        Concepts affirmed somewhere, and those that are only doubted or of the past.
    absent:
        Concepts that are denied and nowhere affirmed or doubted.
    """

    present: frozenset[str]
    uncertain: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Found:
    concept: Concept
    term: Term
    words: tuple[Span, ...]

    @property
    def letters(self) -> frozenset[int]:
        return frozenset(place for start, end in self.words for place in range(start, end))


def match_report(text: str, terms: Terms) -> tuple[Match, ...]:
    """Every mention of every concept in a report, in the order of the text.

    A mention whose words are all words of a longer one is left out: "тень сердца расширена" is an enlarged heart
    shadow and no enlarged heart.
    """
    plain = folded(text)
    found = _longest(list(_found(plain, terms)))
    parts = tuple(sentences(plain))
    known = {sentence: cues(plain, sentence) for sentence in parts}
    matches = []
    for entry in found:
        start, end = min(word[0] for word in entry.words), max(word[1] for word in entry.words)
        sentence = next((part for part in parts if part[0] <= start < part[1]), (0, len(text)))
        if end > sentence[1]:
            continue  # words of two sentences
        status, cue = _status(entry, known.get(sentence, ()), plain)
        matches.append(
            Match(
                entry.concept.name,
                entry.concept.kind,
                start,
                end,
                text[start:end],
                tuple(sorted(entry.words)),
                sentence,
                status,
                cue.span if cue else None,
                entry.term.source,
            )
        )
    return tuple(sorted(matches, key=lambda match: (match.start, match.end, match.concept)))


def _found(plain: str, terms: Terms) -> Iterator[_Found]:
    lowered = plain.lower()
    for concept in terms.concepts:
        for term in concept.terms:
            if not term.may_match(lowered):
                continue
            for pattern in term.patterns:
                for match in pattern.finditer(plain):
                    yield _Found(concept, term, tuple(match.span(name) for name in pattern.groupindex))


def _longest(found: list[_Found]) -> list[_Found]:
    """Without mentions whose words all belong to another with more, and without repetitions."""
    letters = [entry.letters for entry in found]
    kept: list[_Found] = []
    for number, entry in enumerate(found):
        inside = any(
            letters[number] < other
            or (letters[number] == other and before < number and found[before].concept is entry.concept)
            for before, other in enumerate(letters)
        )
        if not inside:
            kept.append(entry)
    return kept


def _status(entry: _Found, found: tuple[Cue, ...], plain: str) -> tuple[Status, Cue | None]:
    """What is said of a mention; a statement that the concept is absent is doubted where a cue touches it."""
    status, cue = status_of(entry.words, found, plain)
    if entry.concept.kind is ConceptKind.NORMAL:
        return (Status.PRESENT, None) if status is Status.ABSENT else (status, cue)
    if not entry.term.absent:
        return status, cue
    own = cue is not None and any(start <= cue.span[0] and cue.span[1] <= end for start, end in entry.words)
    if status is Status.PRESENT or own or " не " in f" {entry.term.source} ":
        return Status.ABSENT, None
    return (status, cue) if status is not Status.ABSENT else (Status.UNCERTAIN, cue)


def reading_of(matches: Iterable[Match]) -> Reading:
    """What the matches of a report add up to; hypothetical ones say nothing."""
    present: set[str] = set()
    uncertain: set[str] = set()
    absent: set[str] = set()
    for match in matches:
        if match.status is Status.PRESENT:
            present.add(match.concept)
        elif match.status is Status.ABSENT:
            absent.add(match.concept)
        elif match.status in {Status.UNCERTAIN, Status.HISTORICAL}:
            uncertain.add(match.concept)
    return Reading(frozenset(present), frozenset(uncertain - present), frozenset(absent - present - uncertain))


def highlighted(text: str, matches: Iterable[Match]) -> list[Segment]:
    """A report in pieces, matches apart from the rest; joined, their texts are the report.

    Where matches overlap, the earlier one is shown whole and the later one from where it goes on.
    """
    pieces: list[Segment] = []
    place = 0
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        start = max(match.start, place)
        if match.end <= start:
            continue
        if start > place:
            pieces.append(Segment(text[place:start]))
        pieces.append(Segment(text[start : match.end], match.concept, match.status))
        place = match.end
    if place < len(text):
        pieces.append(Segment(text[place:]))
    return pieces
