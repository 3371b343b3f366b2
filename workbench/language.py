"""What people read, in their language: one gettext catalogue, English as it stands in the code.

``_`` translates where a sentence is shown, ``n_`` one that counts something, ``N_`` marks a sentence that is
translated later. ``told`` translates a sentence that was kept, with its figures in it, by the template that made
it. The catalogue is ``locale/ru/LC_MESSAGES/consilium.po``; ``python -m workbench.catalogue`` keeps it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from babel.localedata import locale_identifiers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

from workbench.kept import Kept

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = MappingProxyType({ENGLISH: "English", "ru": "Русский"})
"""Code -> how its speakers call it."""
OFFERED: tuple[str, ...] = (ENGLISH, "ru")
"""Those that people may choose: a language is offered once its catalogue is whole."""
KEY = "lang"
"""The key in the session, and the query parameter."""
COOKIE = "consilium-lang"
"""Where the browser keeps the choice."""
FOLDER = Path(__file__).with_name("locale")
DOMAIN = "consilium"

THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]|\.\d)")
"""A count as kept sentences write it, with its thousands apart."""

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The language of whoever is looked after just now: the page's, else that of :func:`speaking`."""
    streamlit = sys.modules.get("streamlit.runtime.scriptrunner_utils.script_run_context")
    context = streamlit.get_script_run_ctx(suppress_warning=True) if streamlit else None
    return _of_page() if context is not None else _spoken.get()


def _of_page() -> str:
    """What the address says, else what was chosen once, else the browser's own; the same for the whole visit."""
    import streamlit as st  # noqa: PLC0415 - loaded already

    if KEY not in st.session_state:
        own = (st.context.locale or ENGLISH).split("-")[0]
        said = (st.query_params.get(KEY), st.context.cookies.get(COOKIE), own)
        st.session_state[KEY] = next((code for code in said if code in OFFERED), ENGLISH)
    return str(st.session_state[KEY])


def locale() -> str:
    """How dates and numbers are written: the browser's locale where it is one of the page's language."""
    code = language()
    streamlit = sys.modules.get("streamlit.runtime.scriptrunner_utils.script_run_context")
    if streamlit is None or streamlit.get_script_run_ctx(suppress_warning=True) is None:
        return code
    import streamlit as st  # noqa: PLC0415 - loaded already

    own = (st.context.locale or code).replace("-", "_")
    return own if own.split("_")[0] == code and own in _known() else code


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(locale_identifiers())


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language in this thread, where there is no page that knows it."""
    before = _spoken.set(code if code in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(before)


def catalogue(code: str) -> Path:
    """Where the translations into a language lie."""
    return FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"


@lru_cache(maxsize=8)
def _read(code: str) -> Catalog:
    with catalogue(code).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN)


@lru_cache(maxsize=8)
def _translations(code: str) -> Translations:
    """The catalogue of a language, read once a process."""
    stream = io.BytesIO()
    write_mo(stream, _read(code))
    stream.seek(0)
    return Translations(stream, DOMAIN)


def _(message: str, **values: object) -> str:
    """A sentence in the language of the page, with its values in place of ``{names}``."""
    code = language()
    said = message if code == ENGLISH or not message else _translations(code).gettext(message)
    return said.format(**values) if values else said


def n_(one: str, several: str, count: float, **values: object) -> str:
    """A sentence that counts something; ``{n}`` is the count, with its thousands apart."""
    code = language()
    if code == ENGLISH:
        said = one if count == 1 else several
    else:
        said = _translations(code).ngettext(one, several, int(count))
    return said.format(**{"n": number(count), **values})


def number(count: float) -> str:
    """A number with its thousands apart."""
    return str(format_decimal(count, locale=locale()))


def p_(context: str, message: str) -> str:
    """A word that means several things, in the language of the page, as it is meant in a context."""
    code = language()
    return message if code == ENGLISH else str(_translations(code).pgettext(context, message))


def NP_(context: str, message: str) -> str:  # noqa: N802 - gettext's own name; the catalogue reads both
    """Mark a word for the catalogue in a context, and give it back as it is."""
    return message


def N_(message: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a sentence for the catalogue, and give it back as it is."""
    return message


def told(sentence: str) -> str:
    """A kept sentence in the language of the page; as it is where no template of the catalogue made it."""
    code = language()
    return sentence if code == ENGLISH or not sentence else _told(code, sentence)


@lru_cache(maxsize=20_000)
def _told(code: str, sentence: str) -> str:
    said = _kept(code).said(sentence)
    return THOUSANDS.sub(lambda found: str(format_decimal(int(found[0].replace(",", "")), locale=code)), said)


@lru_cache(maxsize=8)
def _kept(code: str) -> Kept:
    """What is kept has no context: a message that stands in the catalogue in one alone is taken from there."""
    singular = [
        (entry.id[0] if isinstance(entry.id, tuple | list) else entry.id, entry.context) for entry in _read(code)
    ]
    plain = {text for text, context in singular if not context}
    contexts = {text: context for text, context in singular if context and text not in plain}
    known = _translations(code)

    def translated(text: str) -> str:
        return str(known.pgettext(contexts[text], text)) if text in contexts else str(known.gettext(text))

    return Kept((text for text, context in singular if text), translated)
