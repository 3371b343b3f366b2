"""Finds what a page shows and nobody marked for translation, in the code's syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MARKS = frozenset({"_", "n_", "N_", "p_", "NP_", "told", "kept"})
SKIPPED: dict[str, tuple[int, ...]] = {
    "tag": (0,), "tone": (1,), "chip": (1,), "note": (1,), "empty": (2,), "image": (0,), "table": (), "facts": (),
    "show": (), "section": (), "header": (), "join": (1,), "choose": (), "switch": (), "csv_button": (0, 1, 2),
    "Dot": (3, 4), "of_model": (), "dots": (), "plot": (),
}  # fmt: skip
"""Our own functions that show text, with the places of what is no text."""
WIDGETS = frozenset({
    "button", "toggle", "selectbox", "radio", "checkbox", "text_input", "text_area", "number_input", "expander",
    "popover", "segmented_control", "multiselect", "caption", "markdown", "link_button", "date_input", "slider",
    "download_button", "write", "tabs", "spinner", "info", "warning", "error", "file_uploader", "metric",
})  # fmt: skip
"""Streamlit's: their first argument is a label."""
SAYING = frozenset({"title", "alt", "label", "help", "placeholder", "aria_label", "heads", "name", "about",
                    "title_text"})  # fmt: skip
"""Named arguments that are text."""
NAMES = frozenset({"P", "px", "mm", "s", "h", "CSV", "UTC", "Label Studio", "R", "L", "A", "F", "H"})
"""What is called the same in every language."""


def unmarked(file: Path) -> list[str]:
    """``line: text`` of every literal with a word in it that reaches the page untranslated."""
    found = {}
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call):
            for node in _shown(call):
                for constant in _literals(node):
                    found[constant.lineno, constant.col_offset] = f"{constant.lineno}: {constant.value}"
    return [found[place] for place in sorted(found)]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _shown(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that people read."""
    name = _name(call)
    if isinstance(call.func, ast.Name) and name in SKIPPED:
        if name == "tag" and call.args and getattr(call.args[0], "value", "") == "code":
            return
        skipped = SKIPPED[name]
        yield from (argument for at, argument in enumerate(call.args) if at not in skipped)
    elif isinstance(call.func, ast.Attribute) and name in WIDGETS:
        yield from call.args[:1]
    else:
        return
    yield from (k.value for k in call.keywords if k.arg in SAYING)


def _literals(node: ast.expr) -> Iterator[ast.Constant]:
    """The literals with a letter that an expression puts on the page; what other calls make is looked at there."""
    if isinstance(node, ast.Constant):
        said = node.value if isinstance(node.value, str) else ""
        if any(letter.isalpha() for letter in said) and said.strip(" .,:;=()·") not in NAMES:
            yield node
    elif isinstance(node, ast.IfExp):
        yield from (*_literals(node.body), *_literals(node.orelse))
    elif isinstance(node, ast.JoinedStr | ast.BoolOp):
        for part in node.values:
            yield from _literals(part)
    elif isinstance(node, ast.BinOp):
        yield from (*_literals(node.left), *_literals(node.right))
    elif isinstance(node, ast.List | ast.Tuple):
        for part in node.elts:
            yield from _literals(part)
    elif isinstance(node, ast.FormattedValue | ast.Starred | ast.NamedExpr):
        yield from _literals(node.value)
