"""The rule that a data set is curated by: frozen, checked when built, and kept in a file under its name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.curation.intensity import IntensityLimits
from data.curation.terms import NAME, ConceptKind, Terms
from data.errors import CurationError

RULE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}\Z")


@dataclass(frozen=True, slots=True)
class CurationRule:
    """Which studies make a finding's data set.

    Parameters
    ----------
    name:
        Lower-case letters, digits, ``-`` and ``_``; also the file's name.
    finding:
        The finding that the set is about.
    positives:
        Concepts of which any makes a study positive; the finding alone where it is left empty.
    confounders:
        Concepts that leave a study out of both sides.
    others:
        Further findings of the list: a positive study with one of them has several findings, a negative one has
        none of them.
    keep_several:
        Whether positives with several findings stay.
    sexes, views, devices:
        Those that are taken; all where empty. ``devices`` are manufacturers, whatever their case.
    age_y:
        Least and greatest age in years, both included; None leaves an end open.
    quality:
        Question of quality -> answers that are taken. A study without an answer is left out unless
        ``quality_optional`` holds.
    intensity:
        Limits, or None to leave intensities alone; a study without statistics stays.
    normal_statement:
        Whether a negative study's report must say that the radiograph is normal.
    negatives_per_positive:
        Size of the classes: 1 balances them; None keeps all.
    seed:
        Of the draw.
    duplicate_distance:
        Bits of 64 up to which two pictures are near-duplicates; None leaves duplicates alone.
    """

    name: str
    finding: str
    positives: tuple[str, ...] = ()
    confounders: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    keep_several: bool = False
    sexes: tuple[str, ...] = ()
    age_y: tuple[float | None, float | None] = (None, None)
    views: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    quality: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quality_optional: bool = False
    intensity: IntensityLimits | None = field(default_factory=IntensityLimits)
    normal_statement: bool = False
    negatives_per_positive: float | None = 1.0
    seed: int = 0
    duplicate_distance: int | None = 4

    def __post_init__(self) -> None:
        if not self.positives:
            object.__setattr__(self, "positives", (self.finding,))
        kept = {question: tuple(answers) for question, answers in self.quality.items()}
        object.__setattr__(self, "quality", kept)
        self._check_names()
        self._check_lists()
        self._check_numbers()

    def __hash__(self) -> int:
        return hash(self.digest)

    def _check_names(self) -> None:
        if not RULE_NAME.match(self.name):
            raise _refuse("name", self.name, "lower-case letters, digits, - and _, at most 80")
        for part in ("positives", "confounders", "others"):
            for concept in getattr(self, part):
                if not NAME.match(concept):
                    raise _refuse(part, concept, "names of concepts")
        if not NAME.match(self.finding) or self.finding not in self.positives:
            raise _refuse("finding", self.finding, "one of the positives")
        both = (set(self.positives) & {*self.confounders, *self.others}) | (
            set(self.confounders) & set(self.others)
        )
        if both:
            raise _refuse("confounders", ", ".join(sorted(both)), "concepts that stand in one list only")

    def _check_lists(self) -> None:
        for part in ("positives", "confounders", "others", "sexes", "views", "devices"):
            entries = getattr(self, part)
            if len(set(entries)) != len(entries) or not all(_is_text(entry) for entry in entries):
                raise _refuse(part, entries, "texts, each once")
        if not set(self.sexes) <= {"F", "M"}:
            raise _refuse("sexes", self.sexes, "F, M or both")
        for question, answers in self.quality.items():
            if not NAME.match(question) or not answers or not all(_is_text(answer) for answer in answers):
                raise _refuse("quality", f"{question}: {answers}", "a question's name with one answer or more")

    def _check_numbers(self) -> None:
        low, high = self.age_y
        ages = [age for age in (low, high) if age is not None]
        if any(not 0 <= age <= 150 for age in ages) or ages != sorted(ages):
            raise _refuse("age_y", self.age_y, "two ages from 0 to 150, the lesser first")
        ratio = self.negatives_per_positive
        if ratio is not None and not (math.isfinite(ratio) and ratio > 0):
            raise _refuse("negatives_per_positive", ratio, "a number above 0")
        if self.duplicate_distance is not None and not 0 <= self.duplicate_distance <= 64:
            raise _refuse("duplicate_distance", self.duplicate_distance, "0 to 64 bits")
        if not 0 <= self.seed < 2**63:
            raise _refuse("seed", self.seed, "a whole number of 0 or more")

    @property
    def digest(self) -> str:
        """SHA-256 of the rule's content."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The rule as a JSON object; :func:`rule_from_json` gives it back."""
        raw: dict[str, Any] = {}
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, IntensityLimits):
                value = dataclasses.asdict(value)
            elif isinstance(value, Mapping):
                value = {question: list(answers) for question, answers in value.items()}
            elif isinstance(value, tuple):
                value = list(value)
            raw[entry.name] = value
        return raw


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _refuse(field_name: str, given: object, expected: str) -> CurationError:
    return CurationError(
        f"{field_name} of the rule does not fit.", given=given, expected=expected, do=f"correct {field_name}"
    )


def rule_for(finding: str, terms: Terms, *, name: str = "", **changes: Any) -> CurationRule:
    """The rule of the source for a finding: that one alone, without any confounder, against normal radiographs.

    Parameters
    ----------
    changes:
        Further fields of :class:`CurationRule`.
    """
    if terms[finding].kind is not ConceptKind.FINDING:
        raise _refuse("finding", finding, ", ".join(terms.names(ConceptKind.FINDING)))
    positives = changes.get("positives", (finding,))
    given: dict[str, Any] = {
        "confounders": terms.names(ConceptKind.CONFOUNDER),
        "others": tuple(other for other in terms.names(ConceptKind.FINDING) if other not in positives),
        **changes,
    }
    return CurationRule(name or finding.replace("_", "-"), finding, **given)


_TUPLES = ("positives", "confounders", "others", "sexes", "views", "devices")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "finding": (str,), "keep_several": (bool,), "quality_optional": (bool,),
    "normal_statement": (bool,), "seed": (int,), "duplicate_distance": (int, type(None)),
    "negatives_per_positive": (int, float, type(None)), "quality": (dict,), "intensity": (dict, type(None)),
    "age_y": (list,), **dict.fromkeys(_TUPLES, (list,)),
}  # fmt: skip


def rule_from_json(raw: Mapping[str, Any]) -> CurationRule:
    """A rule from its JSON object; missing fields take their defaults.

    Raises
    ------
    CurationError
        A field is unknown, missing or does not fit.
    """
    unknown = sorted(set(raw) - set(_TYPES))
    if unknown:
        raise _refuse(unknown[0], unknown[0], ", ".join(_TYPES))
    for needed in ("name", "finding"):
        if needed not in raw:
            raise _refuse(needed, "nothing", "a text")
    for key, value in raw.items():
        wrong_bool = isinstance(value, bool) and bool not in _TYPES[key]
        if wrong_bool or not isinstance(value, _TYPES[key]):
            raise _refuse(key, repr(value), " or ".join(kind.__name__ for kind in _TYPES[key]))
    given: dict[str, Any] = dict(raw)
    for key in _TUPLES:
        if key in given:
            given[key] = tuple(given[key])
    if "age_y" in given:
        given["age_y"] = _ages(given["age_y"])
    if given.get("quality") is not None:
        given["quality"] = {
            question: _answers(question, answers) for question, answers in given["quality"].items()
        }
    if isinstance(given.get("intensity"), dict):
        given["intensity"] = _limits(given["intensity"])
    return CurationRule(**given)


def _ages(value: list[object]) -> tuple[float | None, float | None]:
    if len(value) != 2 or not all(age is None or isinstance(age, int | float) for age in value):
        raise _refuse("age_y", value, "two numbers, or null for an open end")
    low, high = (
        None if age is None else float(age) for age in value if age is None or isinstance(age, int | float)
    )
    return low, high


def _answers(question: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _refuse("quality", f"{question}: {value!r}", "a list of answers")
    return tuple(value)


def _limits(value: Mapping[str, object]) -> IntensityLimits:
    known = {entry.name for entry in dataclasses.fields(IntensityLimits)}
    given: dict[str, float] = {}
    for key, limit in value.items():
        if key not in known or isinstance(limit, bool) or not isinstance(limit, int | float):
            raise _refuse(f"intensity.{key}", limit, "numbers for " + ", ".join(sorted(known)))
        given[key] = float(limit)
    return IntensityLimits(**given)


def save_rule(rule: CurationRule, folder: Path) -> Path:
    """Write a rule to ``<name>.toml`` in a folder; its path comes back.

    Raises
    ------
    CurationError
        There is another rule under that name.
    """
    path = folder / f"{rule.name}.toml"
    if path.exists() and load_rule(rule.name, folder) != rule:
        raise CurationError(
            "There is another rule under that name.",
            given=path,
            expected="a new name, or the same rule",
            do="give the changed rule a name of its own: sets were made by the old one",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(_toml(rule.as_json()), encoding="utf-8")
    return path


def load_rule(name: str, folder: Path) -> CurationRule:
    """Read the rule of a name from a folder, ``<name>.toml`` or ``<name>.json``.

    Raises
    ------
    CurationError
        There is none, it cannot be read, or it bears another name.
    """
    for path, parse in ((folder / f"{name}.toml", tomllib.loads), (folder / f"{name}.json", json.loads)):
        if not path.is_file():
            continue
        try:
            raw = parse(path.read_text(encoding="utf-8"))
        except ValueError as error:  # both parsers' errors are
            raise CurationError(
                "The rule cannot be read.",
                given=f"{path}: {error}",
                expected="TOML or JSON",
                do="correct the file",
            ) from error
        if not isinstance(raw, dict):
            raise _refuse(path.name, type(raw).__name__, "a table of fields")
        rule = rule_from_json(_opened(raw))
        if rule.name != name:
            raise _refuse("name", rule.name, name)
        return rule
    known = sorted(path.stem for path in folder.glob("*.toml")) if folder.is_dir() else []
    raise CurationError(
        "There is no such rule.", given=name, expected=", ".join(known) or "a saved rule", do="correct the name"
    )


_OPEN = "open"
"""TOML has no null: this stands in its place."""


def _opened(raw: dict[str, Any]) -> dict[str, Any]:
    """With None again where the file says ``"open"``."""
    closed = {
        key: None if value == _OPEN and str not in _TYPES.get(key, ()) else value for key, value in raw.items()
    }
    ages = closed.get("age_y")
    if isinstance(ages, list):
        closed["age_y"] = [None if age == _OPEN else age for age in ages]
    return closed


def _toml(raw: Mapping[str, Any]) -> str:
    """The rule as TOML: plain fields, then the tables."""
    plain = [f"{key} = {_value(value)}" for key, value in raw.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"\n[{key}]", *(f"{name} = {_value(entry)}" for name, entry in value.items())])
        for key, value in raw.items()
        if isinstance(value, dict)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _value(value: object) -> str:
    if value is None:
        return f'"{_OPEN}"'
    if isinstance(value, list):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)
