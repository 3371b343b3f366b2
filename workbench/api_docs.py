"""The API's documentation as one page that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from workbench.theme import ACCENT, FONT, LINE, PAGE, PANEL, QUIET, TEXT

_STYLE = f"""
body {{ background: {PAGE}; color: {TEXT}; font: 14px/1.5 {FONT}; margin: 0 auto; max-width: 960px;
  padding: 24px; }}
h1 {{ font-size: 20px; }} h2 {{ font-size: 14px; margin: 24px 0 4px; }} p {{ margin: 4px 0; }}
code, pre {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 3px; padding: 1px 5px;
  font-size: 12px; }}
pre {{ padding: 10px; overflow-x: auto; }} a {{ color: {ACCENT}; }} .q {{ color: {QUIET}; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13px; }}
td {{ border-bottom: 1px solid {LINE}; padding: 3px 10px 3px 0; vertical-align: top; }}
td:first-child {{ white-space: nowrap; width: 1%; }}
"""


def documentation(schema: Mapping[str, Any]) -> str:
    """The page for an OpenAPI description."""
    info = schema["info"]
    body = "".join(_operations(schema))
    example = "curl -F file=@image.dcm 'http://127.0.0.1:8501/api/predict'"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(info['title'])} API</title>"
        f"<style>{_STYLE}</style><h1>{escape(info['title'])} API</h1><p>{escape(info['description'])}</p>"
        f"<p class='q'>Version {escape(info['version'])}. The machine-readable description: "
        f"<a href='/api/openapi.json'>/api/openapi.json</a>. Errors have the form "
        f"<code>{{error, given, expected, do}}</code>.</p><pre>{escape(example)}</pre>{body}</html>"
    )


def _operations(schema: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            said = escape(operation.get("description") or operation.get("summary", ""))
            yield f"<h2><code>{method.upper()}</code> {escape(path)}</h2><p>{said}</p><table>"
            for one in operation.get("parameters", ()):
                about = one.get("description") or ""
                yield _row(one["name"], f"{about} {_bounds(one.get('schema', {}))}")
            if "requestBody" in operation:
                yield _row("file", "multipart/form-data: the image")
            for code, response in operation["responses"].items():
                yield _row(code, response.get("description", ""))
            yield "</table>"


def _bounds(schema: Mapping[str, Any]) -> str:
    names = {"minimum": "from", "maximum": "to", "default": "default"}
    found = [f"{name} {schema[key]}" for key, name in names.items() if schema.get(key) not in (None, "")]
    return f"({', '.join(found)})" if found else ""


def _row(name: str, about: str) -> str:
    return f"<tr><td><code>{escape(name)}</code></td><td>{escape(about)}</td></tr>"
