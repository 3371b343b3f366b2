"""HTML of the pages, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from data.records import Reader
from workbench.theme import SHAPES, palette

TONES = frozenset({"", "good", "doubt", "wrong", "accent", "quiet", "faint"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """A value escaped, unless it is HTML already."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Parts one after another."""
    return Html(between.join(text(part) for part in parts))


def tag(name: str, *content: object, cls: str = "", **attributes: object) -> Html:
    """An element. A trailing ``_`` of an attribute's name falls away, another becomes ``-``."""
    given = {"class": cls, **{n.rstrip("_").replace("_", "-"): v for n, v in attributes.items()}}
    written = "".join(f' {n}="{escape(str(v))}"' for n, v in given.items() if v not in ("", None))
    return Html(f"<{name}{written}>{join(content)}</{name}>")


def coded(value: str) -> Html:
    """Text in which what stands between back-ticks is code."""
    pieces = value.split("`")
    return join(tag("code", piece) if i % 2 else text(piece) for i, piece in enumerate(pieces))


def image(source: str, *, alt: str, cls: str = "") -> Html:
    """A picture that the browser loads when it comes into view."""
    return Html(f'<img src="{escape(source)}" alt="{escape(alt)}" class="{cls}" loading="lazy">')


def chip(words: object, tone: str = "") -> Html:
    """A small label; the tone colours it, the words carry the meaning."""
    return tag("span", words, cls=f"c-chip c-{tone}" if tone else "c-chip")


def tone(words: object, name: str) -> Html:
    """Words in a colour of meaning."""
    return tag("span", words, cls=f"c-{name}")


def bar(share: float | None, *, cls: str = "") -> Html:
    """A share from 0 to 1 as a thin bar; nothing for None."""
    if share is None:
        return Html("")
    inner = Html(f'<i style="width:{100 * min(max(share, 0.0), 1.0):.0f}%"></i>')
    return tag("span", inner, cls=f"c-bar {cls}".strip())


def reader_dot(reader_id: str, readers: Sequence[Reader]) -> Html:
    """The reader's own hue and shape, the same everywhere."""
    position = next((i for i, r in enumerate(readers) if r.reader_id == reader_id), 0)
    hues = palette().readers
    colour, shape = hues[position % len(hues)], SHAPES[position % len(SHAPES)]
    return Html(f'<span style="color:{colour}" aria-hidden="true">{shape}</span>')


def facts(pairs: Mapping[str, object] | Sequence[tuple[str, object]]) -> Html:
    """Names and values in two columns."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    listed = (part for name, value in items for part in (tag("dt", name), tag("dd", value)))
    return tag("dl", *listed, cls="c-facts")


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Sequence[int] = (),
    opens: Sequence[str] = (),
) -> Html:
    """A table.

    Parameters
    ----------
    numeric:
        Columns that are set to the right.
    opens:
        What each row opens when it is clicked; see :func:`workbench.views.parts.rows.rows`.
    """

    def cells(name: str, values: Sequence[object]) -> Html:
        return join(tag(name, v, cls="c-num" if i in numeric else "") for i, v in enumerate(values))

    body = (
        tag("tr", cells("td", row), data_open=opens[i] if i < len(opens) else "") for i, row in enumerate(rows)
    )
    return tag("table", tag("thead", tag("tr", cells("th", heads))), tag("tbody", *body), cls="c-table")
