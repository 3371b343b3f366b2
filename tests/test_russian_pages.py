"""Every page in Russian: no English sentence is left on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from data.home import HOME_VARIABLE, Home
from tests import filled_home
from tests.test_faces import show
from workbench import catalogue
from workbench.language import OFFERED
from workbench.views.places import PLACES

SAID = ("body", "label", "help", "placeholder", "options", "caption", "text", "alt")
"""The fields of Streamlit's elements that people read."""
ENGLISH = re.compile(r"\b[A-Za-z][a-z']+(?: [a-z']+)+\b")
"""Two or more English words in a row, the second without a capital."""
NAMES = re.compile(
    r"Label Studio|Dr \w+|First reader|Scripted \w+|consilium [a-z-]+( [a-z-]+)*|make run|"
    r"is unsure|which projection is it"  # what the homes of these tests say
)


def sentences(page: AppTest) -> Iterator[str]:
    """What people read, without markup, code and addresses."""
    for element in _elements(page.main):
        for field, value in _strings(element):
            if field in SAID:
                plain = re.sub(
                    r"<(code|style|script)[^>]*>.*?</\1>|<span class=\"c-mono[^>]*>.*?</span>", " ", value
                )
                named = re.findall(r"(?:alt|title|aria-label)=\"([^\"]*)\"", plain)
                yield from (unescape(one) for one in (*re.split(r"<[^>]*>", plain), *named))


def _elements(block: object) -> Iterator[object]:
    for child in getattr(block, "children", {}).values():
        if hasattr(child, "children"):
            yield from _elements(child)
        else:
            yield child.proto


def _strings(proto: object, field: str = "") -> Iterator[tuple[str, str]]:
    for descriptor, value in proto.ListFields():  # type: ignore[attr-defined]
        values = value if descriptor.is_repeated else [value]
        for one in values if not isinstance(values, dict) else ():
            if isinstance(one, str):
                yield descriptor.name, one
            elif hasattr(one, "ListFields"):
                yield from _strings(one, descriptor.name)


def left(page: AppTest) -> list[str]:
    """The English that is left."""
    found = (match for said in sentences(page) for match in ENGLISH.findall(NAMES.sub(" ", said)))
    return sorted(set(found))


@pytest.mark.skipif("ru" not in OFFERED, reason="Russian is not offered")
def test_every_message_is_translated() -> None:
    assert catalogue.wanting("ru") == []


@pytest.mark.parametrize("name", [name for name in PLACES if name != "home"])
@pytest.mark.parametrize("reader", ["", "reader-1"])
def test_a_page_in_russian_says_nothing_in_english(
    name: str, reader: str, filled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(filled.path))
    page = show(name, reader=reader, lang="ru", task=filled_home.TASK)
    assert not page.exception
    assert left(page) == []


@pytest.mark.parametrize("name", ["adjudication", "consensus", "study", "loop"])
def test_disputes_in_russian_say_nothing_in_english(
    name: str, disputed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(disputed.path))
    query = {"study": "q-view"} if name in ("study", "adjudication") else {}
    page = show(name, reader="senior" if name == "adjudication" else "", lang="ru", task="cxr_quality", **query)
    assert not page.exception
    assert left(page) == []
