"""A curated set as JSON under the name of its rule: the rule whole, the flow, and every study with its fate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.curation.flow import Curated, DuplicatePair, Exclusion, FlowStep, PartCount, ReasonCount
from data.curation.rule import rule_from_json
from data.curation.sides import Step
from data.errors import CurationError
from data.records import Part


def curated_as_json(curated: Curated) -> dict[str, Any]:
    """A set as a JSON object; :func:`curated_from_json` gives it back."""
    return {
        "rule": curated.rule.as_json(),
        "rule_digest": curated.rule_digest,
        "terms_digest": curated.terms_digest,
        "positives": list(curated.positives),
        "negatives": list(curated.negatives),
        "steps": [
            [step.step, step.title, step.given, [[r.reason, r.count] for r in step.reasons], step.left]
            for step in curated.steps
        ],
        "exclusions": [[one.study_id, one.step, one.reason] for one in curated.exclusions],
        "across_patients": [[pair.first, pair.second, pair.bits, *pair.parts] for pair in curated.across_patients],
        "parts": [[count.part, count.positives, count.negatives, count.patients] for count in curated.parts],
    }


def curated_from_json(raw: dict[str, Any]) -> Curated:
    """A set from its JSON object.

    Raises
    ------
    CurationError
        Something is missing or does not fit, or the rule is not the one that the set was made by.
    """
    try:
        rule = rule_from_json(raw["rule"])
        curated = Curated(
            rule,
            raw["rule_digest"],
            raw["terms_digest"],
            tuple(raw["positives"]),
            tuple(raw["negatives"]),
            tuple(
                FlowStep(Step(step), title, given, tuple(ReasonCount(*reason) for reason in reasons), left)
                for step, title, given, reasons, left in raw["steps"]
            ),
            tuple(Exclusion(study, Step(step), reason) for study, step, reason in raw["exclusions"]),
            tuple(
                DuplicatePair(first, second, bits, (Part(one), Part(two)))
                for first, second, bits, one, two in raw["across_patients"]
            ),
            tuple(PartCount(Part(part), *counts) for part, *counts in raw["parts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CurationError(
            "This is no curated set.", given=repr(error), expected="what save_curated() wrote", do="curate again"
        ) from error
    if rule.digest != curated.rule_digest:
        raise CurationError(
            "The set was made by another rule than the one it holds.",
            given=curated.rule_digest,
            expected=rule.digest,
            do="curate again",
        )
    return curated


def save_curated(curated: Curated, folder: Path) -> Path:
    """Write a set to ``<rule's name>.json`` in a folder; its path comes back. An older one is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{curated.rule.name}.json"
    path.write_text(json.dumps(curated_as_json(curated), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def load_curated(name: str, folder: Path) -> Curated:
    """Read the set of a name.

    Raises
    ------
    CurationError
        There is none, or it is damaged.
    """
    path = folder / f"{name}.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CurationError(
            "The curated set cannot be read.", given=f"{path}: {error}", expected="a saved set", do="curate again"
        ) from error
    return curated_from_json(raw)
