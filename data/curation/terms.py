"""What reports call the concepts: the terms of ``configs/curation/terms.toml``, in a notation for people.

A term is a row of words. ``сердц*`` is a stem with any ending, ``a|b`` one word or another, ``..`` stands for up
to four words, `` + `` joins two parts that may come in either order with up to four words between, and ``re:``
begins a regular expression. Case does not count, nor does the difference of е and ё.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from data.errors import CurationError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
GAP_WORDS = 4
"""Words that may stand between the parts of a term."""

_ORGANS = (
    r"(?:сердце|аорта|корни|корень|легкие|диафрагма|синусы?|купола?|позвоночник|средостение|трахея|"
    r"heart|cardiac|aorta|aortic|lungs?|hila|hilar|hilum|hili|diaphragm|mediastin\w*|spine|pleura|trachea)\b"
)
"""What a sentence may be about: in between, it would part the words of a term."""
_ENDS = (
    r"но\b|однако\b|normal|unremarkable|clear\b|within\b|but\b|however\b|обычн|нормальн|неизменен|without\b|без\b"
)
_GAP = (
    rf"(?:[\s,:–—-]+(?:(?:и|and|of|the|дуг\w*|тен\w*|стен\w*)\s+(?:the\s+)?{_ORGANS}"
    rf"|(?!{_ORGANS}|{_ENDS})[\w%]+)){{0,{GAP_WORDS}}}?"
)
_SPACE = r"[\s,:–—-]+"
_FIELDS = frozenset({"title", "kind", "ru", "en", "normal_ru", "normal_en"})


class ConceptKind(StrEnum):
    """What a concept is to curation."""

    FINDING = "finding"
    CONFOUNDER = "confounder"
    NORMAL = "normal"
    """A statement that the whole radiograph is normal."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a concept.

    Parameters
    ----------
    source:
        As it is written.
    patterns:
        The regular expressions that it stands for; the groups ``p0``, ``p1`` ... hold its own words.
    stems:
        For every word the beginnings of which one must be in the text; a quick check before the patterns.
    absent:
        Whether the term says that the concept is absent, as "heart size is normal" does.
    """

    source: str
    patterns: tuple[re.Pattern[str], ...]
    stems: tuple[tuple[str, ...], ...]
    absent: bool = False

    def may_match(self, lowered: str) -> bool:
        """Whether the term can be in a text in lower case, without looking at the order of its words."""
        return all(any(stem in lowered for stem in word) for word in self.stems)


@dataclass(frozen=True, slots=True)
class Concept:
    """A finding, a confounder or a statement of normality, with its terms."""

    name: str
    title: str
    kind: ConceptKind
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """All concepts, in the order of the file. ``digest`` is the SHA-256 of their content."""

    concepts: tuple[Concept, ...]

    def __getitem__(self, name: str) -> Concept:
        for concept in self.concepts:
            if concept.name == name:
                return concept
        raise CurationError(
            "There is no such concept.",
            given=name,
            expected=", ".join(concept.name for concept in self.concepts),
            do="correct the name, or add a table of that name to terms.toml",
        )

    def __contains__(self, name: object) -> bool:
        return any(concept.name == name for concept in self.concepts)

    def names(self, kind: ConceptKind) -> tuple[str, ...]:
        """The names of the concepts of one kind."""
        return tuple(concept.name for concept in self.concepts if concept.kind is kind)

    @property
    def digest(self) -> str:
        """SHA-256 of the content; the same terms give the same one, however the file is laid out."""
        lines = [
            "\t".join(
                (concept.name, concept.title, concept.kind, *(f"{t.absent:d}{t.source}" for t in concept.terms))
            )
            for concept in self.concepts
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def folded(text: str) -> str:
    """The text with е for ё, of the same length, so that places in it are places in the text."""
    return text.replace("ё", "е").replace("Ё", "Е")


def terms_file() -> Path:
    """The terms that come with the checkout."""
    return Path(__file__).parents[2] / "configs" / "curation" / "terms.toml"


def load_terms(path: Path | None = None) -> Terms:
    """Read a file of terms.

    Parameters
    ----------
    path:
        The default is :func:`terms_file`.

    Raises
    ------
    CurationError
        The file is missing, is no TOML, or a field does not fit; the message names concept and field.
    """
    path = path or terms_file()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CurationError(
            "The terms cannot be read.", given=f"{path}: {error}", expected="a TOML file", do="correct the file"
        ) from error
    if not raw:
        raise _refuse(path.name, "nothing", "one table a concept")
    return Terms(tuple(_concept(name, table) for name, table in raw.items()))


def _refuse(field: str, given: object, expected: str) -> CurationError:
    return CurationError(
        f"{field} does not fit.", given=given, expected=expected, do=f"correct {field} in the terms"
    )


def _concept(name: str, table: object) -> Concept:
    if not NAME.match(name):
        raise _refuse(f"the name {name!r}", name, "lower-case letters, digits and _")
    if not isinstance(table, Mapping):
        raise _refuse(name, type(table).__name__, "a table")
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise _refuse(f"{name}.{unknown[0]}", unknown[0], ", ".join(sorted(_FIELDS)))
    title, kind = table.get("title"), table.get("kind")
    if not isinstance(title, str) or not title.strip():
        raise _refuse(f"{name}.title", title, "a text")
    if kind not in list(ConceptKind):
        raise _refuse(f"{name}.kind", kind, ", ".join(ConceptKind))
    terms = [
        compile_term(source, absent=field.startswith("normal_"), field=f"{name}.{field}")
        for field in ("ru", "en", "normal_ru", "normal_en")
        for source in _sources(table.get(field, []), f"{name}.{field}")
    ]
    if all(term.absent for term in terms):
        raise _refuse(f"{name}.ru", "no term", "one term or more in ru or en")
    return Concept(name, title, ConceptKind(kind), tuple(terms))


def _sources(value: object, field: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) and entry.strip() for entry in value):
        raise _refuse(field, value, "a list of texts")
    return value


def compile_term(source: str, *, absent: bool = False, field: str = "term") -> Term:
    """Compile a term.

    Raises
    ------
    CurationError
        The notation is wrong; ``field`` says where.
    """
    text = folded(source.strip())
    if text.startswith("re:"):
        try:
            pattern = re.compile(f"(?P<p0>{text.removeprefix('re:')})", re.IGNORECASE)
        except re.error as error:
            raise _refuse(field, f"{source} ({error})", "a regular expression behind re:") from error
        if pattern.match(""):
            raise _refuse(field, source, "an expression that does not match an empty text")
        return Term(source, (pattern,), (), absent)
    parts = [part.split() for part in text.lower().split(" + ")]
    if len(parts) > 3 or any(not part or part[0] == ".." or part[-1] == ".." for part in parts):
        raise _refuse(field, source, "words, .. between words, and at most three parts joined by +")
    words = [word for part in parts for word in part if word != ".."]
    for word in words:
        if not re.fullmatch(r"[\w'/-]+\*?(?:\|[\w'/-]+\*?)*", word):
            raise _refuse(field, source, "words such as сердц*, a|b, .. or +")
    orders = itertools.permutations(parts)
    patterns = tuple(re.compile(_joined(order), re.IGNORECASE) for order in orders)
    stems = tuple(tuple(choice.rstrip("*") for choice in word.split("|")) for word in words)
    return Term(source, patterns, stems, absent)


def _joined(parts: tuple[list[str], ...]) -> str:
    """The expression of parts in this order, each word in a group of its own."""
    number = itertools.count()
    written = []
    for part in parts:
        pieces: list[str] = []
        for word in part:
            if word == "..":
                pieces.append(_GAP + _SPACE)
                continue
            if pieces and not pieces[-1].endswith(_SPACE):
                pieces.append(r"[\s-]+")
            choices = "|".join(
                re.escape(c.rstrip("*")) + (r"\w*" if c.endswith("*") else "") for c in word.split("|")
            )
            pieces.append(rf"(?P<p{next(number)}>\b(?:{choices})\b)")
        written.append("".join(pieces))
    return (_GAP + _SPACE).join(written)
