"""Finds what a page shows and nobody marked for translation, in the code's syntax tree.

What a call shows is followed to where it was written: through names of the same function, constants of the module,
and what the module's own functions return.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

MARKS = frozenset({"_", "n_", "N_", "p_", "NP_", "told", "kept"})
SKIPPED: dict[str, tuple[int, ...]] = {
    "tag": (0,), "tone": (1,), "chip": (1,), "note": (1,), "empty": (2,), "image": (0,), "table": (), "facts": (),
    "show": (), "section": (), "header": (), "join": (1,), "choose": (), "switch": (), "csv_button": (0, 1, 2),
    "Dot": (3, 4), "of_model": (), "dots": (), "plot": (), "segments": (), "text": (), "cell": (0,),
}  # fmt: skip
"""Our own functions that show text, with the places of what is no text."""
WIDGETS = frozenset({
    "button", "toggle", "selectbox", "radio", "checkbox", "text_input", "text_area", "number_input", "expander",
    "popover", "segmented_control", "multiselect", "caption", "markdown", "link_button", "date_input", "slider",
    "download_button", "write", "tabs", "spinner", "info", "warning", "error", "file_uploader", "metric", "pills",
    "form_submit_button", "toast", "success", "subheader", "page_link", "select_slider", "time_input", "progress",
})  # fmt: skip
"""Streamlit's: their first argument is a label."""
SAYING = frozenset({"title", "alt", "label", "help", "placeholder", "aria_label", "heads", "name", "about",
                    "title_text"})  # fmt: skip
"""Named arguments that are text, of a function that shows something."""
ALWAYS = frozenset({"help", "placeholder", "label", "alt", "heads", "title_text", "hovertemplate", "ticktext",
                    "aria_label"})  # fmt: skip
"""Named arguments that are text, whatever is called."""
NAMES = frozenset({"P", "px", "mm", "s", "h", "CSV", "UTC", "Label Studio", "R", "L", "A", "F", "H"})
"""What is called the same in every language."""
HIDDEN = re.compile(r"%\{[^{}]*\}|</?\w[^<>]*>")
"""What a plot puts figures into, and marks of HTML."""
LOGS = frozenset({"log", "_log", "logger"})
"""What writes into the log of a process, in English."""

Given = dict[str, list[ast.expr]]


def unmarked(file: Path, *, english: frozenset[str] = frozenset()) -> list[str]:
    """``line: text`` of every literal with a word in it that reaches the page untranslated.

    Parameters
    ----------
    english:
        Functions that write what stays English.
    """
    module = _Module(ast.parse(file.read_text(encoding="utf-8")))
    found: dict[tuple[int, int], str] = {}
    for given, loops, call in module.calls(english):
        scope = given | loops if _name(call) == "_" else given
        for node in _shown(call):
            for constant in module.literals(node, scope):
                found.setdefault((constant.lineno, constant.col_offset), f"{constant.lineno}: {constant.value}")
    return [found[place] for place in sorted(found)]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _logs(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id in LOGS


def _shown(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that people read."""
    name = _name(call)
    said = ALWAYS
    if name in MARKS:
        if name == "_" and not isinstance(call.args[0], ast.Constant):
            yield call.args[0]
        return
    if isinstance(call.func, ast.Name) and name in SKIPPED:
        if name == "tag" and call.args and getattr(call.args[0], "value", "") == "code":
            return
        skipped = SKIPPED[name]
        yield from (argument for at, argument in enumerate(call.args) if at not in skipped)
        said |= SAYING
    elif isinstance(call.func, ast.Attribute) and name in WIDGETS and not _logs(call.func):
        yield from call.args[:1]
        said |= SAYING
    for keyword in call.keywords:
        if keyword.arg in said and not (keyword.arg == "placeholder" and _example(keyword.value)):
            yield keyword.value


def _example(node: ast.expr) -> bool:
    """Whether a placeholder shows how something is written: a path, a name with a hyphen; no word by itself."""
    said = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return bool(said) and not any(piece.strip(".,:;…").isalpha() for piece in said.split())


class _Module:
    """A module: what its names are given, its constants and the results of its functions."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._constants = _given(tree)
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    def calls(self, english: frozenset[str]) -> Iterator[tuple[Given, Given, ast.Call]]:
        """Each call, with what the names of its function are given, and what its loops go through."""
        for part in self._tree.body:
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                if part.name not in english:
                    given, loops = _given(part), _loops(part)
                    yield from ((given, loops, node) for node in ast.walk(part) if isinstance(node, ast.Call))
            else:
                yield from (({}, {}, node) for node in ast.walk(part) if isinstance(node, ast.Call))

    def literals(self, node: ast.expr, scope: Given, seen: frozenset[str] = frozenset()) -> Iterator[ast.Constant]:
        """The literals with a letter that an expression puts on the page."""
        if isinstance(node, ast.Constant):
            said = HIDDEN.sub("", node.value) if isinstance(node.value, str) else ""
            if any(letter.isalpha() for letter in said) and said.strip(" .,:;=()·") not in NAMES:
                yield node
        elif isinstance(node, ast.Name):
            if node.id not in seen:
                for given in scope.get(node.id, self._constants.get(node.id, [])):
                    yield from self.literals(given, scope, seen | {node.id})
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, scope, seen)
        else:
            for part in _parts(node):
                yield from self.literals(part, scope, seen)

    def _of_call(self, call: ast.Call, scope: Given, seen: frozenset[str]) -> Iterator[ast.Constant]:
        name = _name(call)
        if isinstance(call.func, ast.Attribute):
            if name in ("join", "capitalize", "format", "removeprefix", "strip", "replace"):
                yield from self.literals(call.func.value, scope, seen)
        elif name in self._functions and name not in seen:
            function = self._functions[name]
            given = _given(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from self.literals(node.value, given, seen | {name})


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions whose text is the text of an expression."""
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.JoinedStr | ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        yield from node.elts
    elif isinstance(node, ast.Dict):
        yield from node.values
    elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
        yield node.elt
    elif isinstance(node, ast.FormattedValue | ast.Starred | ast.NamedExpr | ast.Subscript):
        yield node.value


def _given(scope: ast.AST) -> Given:
    """What each name is given: at the top of a module, or anywhere in a function."""
    found: Given = defaultdict(list)
    nodes = scope.body if isinstance(scope, ast.Module) else ast.walk(scope)
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _pair(target, node.value, found)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            if node.value is not None:
                _pair(node.target, node.value, found)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("append", "extend", "insert") and isinstance(node.func.value, ast.Name)
        ):  # fmt: skip
            found[node.func.value.id] += node.args[-1:]
    if isinstance(scope, ast.FunctionDef):
        for argument in (*scope.args.args, *scope.args.kwonlyargs):
            found.setdefault(argument.arg, [])
    return dict(found)


def _loops(scope: ast.AST) -> Given:
    """What each name of a loop stands for in turn."""
    found: Given = defaultdict(list)
    for node in ast.walk(scope):
        if isinstance(node, ast.comprehension | ast.For) and isinstance(node.target, ast.Name):
            found[node.target.id].append(node.iter)
    return dict(found)


def _pair(target: ast.expr, value: ast.expr, found: Given) -> None:
    """A name with its value; names side by side with theirs, where these stand side by side too."""
    if isinstance(target, ast.Name):
        found[target.id].append(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, its in zip(target.elts, value.elts, strict=True):
            _pair(one, its, found)
