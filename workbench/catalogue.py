"""The catalogue of what people read: ``python -m workbench.catalogue`` brings it up to date; ``--check`` looks.

Messages come from these places: what the code marks (``_``, ``n_``, ``p_``, ``N_``, ``NP_``), the forms of the
clinical tasks and what the knobs of their configuration mean (:mod:`workbench.knobs`), the ways to choose cases
and to a consensus, what errors say, and the sentences that are kept in the store (:mod:`workbench.kept`). What is
written with values in it (an f-string of an error) becomes a template, its values ``{1}``, ``{2}`` and so on.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from active_learning.methods import METHODS
from active_learning.outlines import MaskRule
from active_learning.strategies.registry import STRATEGIES
from data.answers import Choice, Findings, Form, Grade, Mask, Measurement
from models.task import discover
from workbench.knobs import TABLES, meanings
from workbench.language import ENGLISH, LANGUAGES, catalogue

ROOT = Path(__file__).parent.parent
PACKAGES = ("data", "models", "active_learning", "labelstudio", "workbench")
MARKED = {"_": 0, "N_": 0, "p_": 1, "NP_": 1, "n_": 0}
"""Function -> which argument is the message."""
SAID = ("expected", "do")
"""What an error says besides its first sentence; ``given`` is a value."""
PLACES = re.compile(r"\{[^{}]*\}")


class Message(NamedTuple):
    """A message as the code has it. ``plural`` and ``context`` are empty where it has none."""

    text: str
    plural: str = ""
    context: str = ""


def messages() -> dict[Message, list[str]]:
    """Every message, with the files that have it."""
    found: dict[Message, list[str]] = {}
    for place, message in (*_of_forms(), *_of_code()):
        if any(letter.isalpha() for letter in PLACES.sub("", message.text)):
            places = found.setdefault(message, [])
            places += [place] if place not in places else []
    return dict(sorted(found.items(), key=lambda item: (item[1][0], item[0])))


def _of_forms() -> Iterator[tuple[str, Message]]:
    for name, task in sorted(discover().items()):
        place = f"models/tasks/{name}.py"
        knobs = (m for table in TABLES for knob, m in meanings(type(getattr(task.config, table))))
        for text in (task.title, task.description, *_of_form(task.form), *knobs):
            yield place, Message(text)
        for finding in getattr(task.config, "findings", {}).values():
            yield f"configs/tasks/{name}.toml", Message(finding.title)
    for name in (*STRATEGIES, *METHODS, *MaskRule):
        yield "active_learning", Message(name.replace("_", " "))


def _of_form(form: Form) -> Iterator[str]:
    for question in form.questions:
        yield from (question.title, question.name.replace("_", " "))
        kind = question.kind
        if isinstance(kind, Choice):
            yield from (option.replace("_", " ") for option in kind.options)
        elif isinstance(kind, Grade):
            yield from kind.levels
        elif isinstance(kind, Findings | Mask):
            yield from (label.replace("_", " ") for label in kind.labels)
        elif isinstance(kind, Measurement):
            yield kind.unit
        for site in question.sites:
            where, _, rest = site.key.partition(":")
            if where not in ("study", "page", "lesion"):
                yield from (part.replace("_", " ") for part in rest.split(":"))


def _of_code() -> Iterator[tuple[str, Message]]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            place = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    for message in _of_call(node, errors=not place.startswith("workbench/verbs/")):
                        yield place, message


def _of_call(call: ast.Call, *, errors: bool) -> Iterator[Message]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in MARKED:
        texts = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
        at = MARKED[name]
        text = texts[at] if at < len(texts) else None
        if isinstance(text, str):
            yield Message(text, str(texts[1]) if name == "n_" else "", str(texts[0]) if at else "")
    elif errors and name.endswith("Error") and name[0].isupper():
        for node in (*call.args[:1], *(k.value for k in call.keywords if k.arg in SAID)):
            yield from (Message(text) for text in _texts(node))


def _texts(node: ast.expr) -> Iterator[str]:
    """The sentences that an expression can be; values in them become ``{1}``, ``{2}`` ..."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        pieces, number = [], 0
        for part in node.values:
            if isinstance(part, ast.Constant):
                pieces.append(str(part.value))
            else:
                number += 1
                pieces.append(f"{{{number}}}")
        yield "".join(pieces)


def update(code: str) -> Catalog:
    """A language's catalogue with every message of the code and no other; kept translations stay."""
    with catalogue(code).open("rb") as file:
        old = read_po(file, locale=code)
    new = Catalog(locale=code, project="Consilium", version="", charset="utf-8", header_comment="")
    new.mime_headers = old.mime_headers
    for message, places in messages().items():
        kept = old.get(message.text, message.context or None)
        said = kept.string if kept else ""
        ids = (message.text, message.plural) if message.plural else message.text
        if message.plural and isinstance(said, str):
            said = (said,) + ("",) * (new.num_plurals - 1)
        new.add(ids, said, context=message.context or None, locations=[(place, 0) for place in places[:1]])
    return new


def wanting(code: str) -> list[str]:
    """What is missing from a language's catalogue or does not fit, a line each; empty where it is whole."""
    with catalogue(code).open("rb") as file:
        kept = read_po(file, locale=code)
    faults, known = [], messages()
    for message in known:
        entry = kept.get(message.text, message.context or None)
        given = entry.string if entry is not None else None
        said = (given,) if isinstance(given, str) else tuple(given or ())
        if not said or not all(said):
            faults.append(f"not translated: {message.text!r}")
            continue
        asked = set(PLACES.findall(message.text)) | set(PLACES.findall(message.plural))
        for one in said:
            has = set(PLACES.findall(one))
            if has != asked and not (message.plural and has <= asked and asked - has <= {"{n}"}):
                faults.append(f"other values: {message.text!r}: {one!r}")
    ids = {(message.text, message.context) for message in known}
    for entry in kept:
        text = entry.id[0] if isinstance(entry.id, tuple | list) else entry.id
        if text and (text, entry.context or "") not in ids:
            faults.append(f"nobody says it any more: {text!r}")
    return faults


def main(arguments: Sequence[str]) -> int:
    """Bring the catalogues up to date, or only look whether they are."""
    faults = []
    for code in LANGUAGES:
        if code == ENGLISH:
            continue
        if "--check" not in arguments:
            brought = io.BytesIO()
            write_po(brought, update(code), width=110, include_lineno=False)
            catalogue(code).write_bytes(brought.getvalue())
        faults += [f"{code}: {fault}" for fault in wanting(code)]
    print("\n".join(faults) or "Every message is translated.")  # noqa: T201 - a command
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
