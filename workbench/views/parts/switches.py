"""Language and look: two choices that the browser keeps, so that each page opens in them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from workbench.language import KEY, LANGUAGES, N_, OFFERED, _, language
from workbench.look import CHOOSE, COOKIES, LOOK, LOOKS
from workbench.theme import palette
from workbench.views.parts.markup import Html, join, tag

_NAMES: Mapping[str, str] = {"dark": N_("Dark"), "light": N_("Light")}
_SCRIPT = f"""
export default function ({{ data, parentElement }}) {{
  const place = parentElement.querySelector(".c-switches");
  if (place.innerHTML !== data.html) place.innerHTML = data.html;
  place.onclick = {CHOOSE};
}}
"""


def switches() -> None:
    """Show both. A choice loads the page anew: task, seat and state stay, since they stand in the address."""
    component = st.components.v2.component(
        "consilium_switches", html='<div class="c c-switches"></div>', js=_SCRIPT, isolate_styles=False
    )
    component(data={"html": str(choices(palette().name))}, key="switches")


def choices(look: str) -> Html:
    """Both choices, in the language that is spoken and this look."""
    offered = {code: LANGUAGES[code] for code in OFFERED}
    languages = _choice(_("Language"), KEY, offered, language()) if len(offered) > 1 else ""
    return join((languages, _choice(_("Look"), LOOK, {name: _(_NAMES[name]) for name in LOOKS}, look)))


def _choice(label: str, name: str, options: Mapping[str, str], chosen: str) -> Html:
    buttons = [
        tag("button", said, type="button", name_=name, value=option, data_cookie=COOKIES[name], lang=_lang(option),
            aria_pressed=str(option == chosen).lower())
        for option, said in options.items()
    ]  # fmt: skip
    return tag("div", *buttons, role="group", aria_label=label)


def _lang(option: str) -> str:
    return option if option in LANGUAGES else ""
