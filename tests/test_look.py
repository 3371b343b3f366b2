"""The two looks: contrast of every text colour, the choice in cookie and address, pages that keep it."""

from __future__ import annotations

import itertools

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from workbench.demo import language_of
from workbench.headed import Headed
from workbench.look import FIRST
from workbench.style import style_sheet
from workbench.theme import DARK, LIGHT, Palette

TEXTS = ("text", "quiet", "faint", "accent", "good", "doubt", "wrong", "model")
GROUNDS = ("page", "panel", "raised", "now")


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=lambda look: look.name)
def test_every_text_can_be_read(look: Palette) -> None:
    pairs = itertools.product(TEXTS, GROUNDS)
    weak = {(t, g): round(c, 2) for t, g in pairs if (c := contrast(getattr(look, t), getattr(look, g))) < 4.5}
    assert weak == {}


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=lambda look: look.name)
def test_each_readers_hue_can_be_seen_and_told_from_the_others(look: Palette) -> None:
    assert all(contrast(hue, look.page) >= 3 for hue in look.readers)
    assert len(set(look.readers)) == len(look.readers) == len(DARK.readers)


def test_the_style_sheet_has_the_colours_of_its_look_and_no_others() -> None:
    sheet = style_sheet(LIGHT)
    assert f"--page: {LIGHT.page};" in sheet
    assert DARK.page not in sheet


def _client() -> TestClient:
    async def page(_: object) -> HTMLResponse:
        return HTMLResponse(
            "<!DOCTYPE html><html><head><script>first()</script></head></html>", headers={"etag": "x"}
        )

    async def plain(_: object) -> PlainTextResponse:
        return PlainTextResponse("<head>")

    async def report(_: object) -> HTMLResponse:
        return HTMLResponse("<head>", headers={"content-disposition": "attachment"})

    app = Starlette(routes=[Route("/", page), Route("/plain", plain), Route("/report", report)])
    return TestClient(Headed(app, first=FIRST, last="<link rel='modulepreload' href='/a.js'>"))


def test_the_choice_is_read_before_the_pages_own_scripts() -> None:
    reply = _client().get("/", headers={"accept": "text/html"})
    assert reply.text.index("consilium-look") < reply.text.index("first()")
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert "etag" not in reply.headers


def test_the_head_ends_with_what_the_page_will_need() -> None:
    reply = _client().get("/", headers={"accept": "text/html"})
    assert "first()</script><link rel='modulepreload' href='/a.js'></head>" in reply.text


def test_one_page_can_be_meant() -> None:
    async def page(_: object) -> HTMLResponse:
        return HTMLResponse("<head></head>")

    client = TestClient(Headed(Starlette(routes=[Route("/a/", page), Route("/b", page)]), first="<i>", path="/a/"))
    assert client.get("/a/", params={"lang": "ru"}).text == "<head><i></head>"
    assert client.get("/b").text == "<head></head>"


def test_what_is_no_page_is_left_as_it_is() -> None:
    assert _client().get("/plain").text == "<head>"
    assert _client().get("/report", headers={"accept": "text/html"}).text == "<head>"


def test_a_language_that_is_not_whole_is_not_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.demo.OFFERED", ("en",))
    assert language_of({"accept-language": "ru"}, {"consilium-lang": "ru"}) == "en"


@pytest.mark.parametrize(
    ("accepted", "cookie", "code"),
    [("ru-RU,ru;q=0.9", "", "ru"), ("ru", "en", "en"), ("de", "", "en"), ("", "ru", "ru"), ("en", "xx", "en")],
)
def test_the_demo_speaks_as_the_pages_do(
    accepted: str, cookie: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.demo.OFFERED", ("en", "ru"))
    assert language_of({"accept-language": accepted}, {"consilium-lang": cookie}) == code
