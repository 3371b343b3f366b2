"""Language and look: two choices that the browser keeps, so that each page opens in them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from workbench.language import KEY, LANGUAGES, N_, OFFERED, _, language
from workbench.look import COOKIES, LOOK, LOOKS
from workbench.theme import palette
from workbench.views.parts.markup import Html, join, tag

_NAMES: Mapping[str, str] = {"dark": N_("Dark"), "light": N_("Light")}
_SCRIPT = """
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".c-switches");
  if (place.innerHTML !== data.html) place.innerHTML = data.html;
  place.onclick = (event) => {
    const chosen = event.target.closest("button[data-cookie]");
    if (!chosen || chosen.ariaPressed === "true") return;
    document.cookie = `${chosen.dataset.cookie}=${chosen.value}; path=/; max-age=31536000; samesite=lax`;
    const address = new URL(location.href);
    address.searchParams.delete(chosen.name);
    history.replaceState(null, "", address);
    location.reload();
  };
}
"""


def switches() -> None:
    """Show both. A choice loads the page anew: task, seat and state stay, since they stand in the address."""
    component = st.components.v2.component(
        "consilium_switches", html='<div class="c c-switches"></div>', js=_SCRIPT, isolate_styles=False
    )
    offered = {code: LANGUAGES[code] for code in OFFERED}
    languages = _choice(_("Language"), KEY, offered, language()) if len(offered) > 1 else ""
    looks = _choice(_("Look"), LOOK, {look: _(_NAMES[look]) for look in LOOKS}, palette().name)
    component(data={"html": str(join((languages, looks)))}, key="switches")


def _choice(label: str, name: str, options: Mapping[str, str], chosen: str) -> Html:
    buttons = [
        tag("button", said, type="button", name_=name, value=option, data_cookie=COOKIES[name], lang=_lang(option),
            aria_pressed=str(option == chosen).lower())
        for option, said in options.items()
    ]  # fmt: skip
    return tag("div", *buttons, role="group", aria_label=label)


def _lang(option: str) -> str:
    return option if option in LANGUAGES else ""
