"""Look and language of the pages as the browser keeps them: two cookies, and an address that may name either.

Streamlit keeps its look by path in the browser's local storage, and reads it before anything else; Streamlit and
Gradio take the words of their own parts (a calendar, where files are dropped) from the browser's language. A few
lines that are put before their scripts (:mod:`workbench.headed`) tell both what was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workbench import language

LOOK = "look"
"""The query parameter."""
LOOKS: Mapping[str, str] = MappingProxyType({"dark": "Dark", "light": "Light"})
"""Id -> how Streamlit calls it; the first is the default."""
COOKIES: Mapping[str, str] = MappingProxyType({LOOK: "consilium-look", language.KEY: language.COOKIE})
"""Query parameter -> the cookie that keeps it."""

CHOOSE = """(event) => {
  const chosen = event.target.closest("button[data-cookie]");
  if (!chosen || chosen.ariaPressed === "true") return;
  document.cookie = `${chosen.dataset.cookie}=${chosen.value}; path=/; max-age=31536000; samesite=lax`;
  const address = new URL(location.href);
  address.searchParams.delete(chosen.name);
  history.replaceState(null, "", address);
  location.reload();
}"""
"""What a click on a choice of language or look does, in the browser."""
FIRST = f"""<script>
(() => {{
  const asked = new URLSearchParams(location.search);
  const kept = (name) => (document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)")) || [])[1];
  const known = {{ {LOOK}: {list(LOOKS)}, {language.KEY}: {list(language.OFFERED)} }};
  const chosen = {{}};
  for (const [name, cookie] of Object.entries({dict(COOKIES)})) {{
    chosen[name] = [asked.get(name), kept(cookie)].find((one) => known[name].includes(one));
    if (chosen[name]) document.cookie = `${{cookie}}=${{chosen[name]}}; path=/; max-age=31536000; samesite=lax`;
  }}
  const look = {dict(LOOKS)}[chosen.{LOOK} || "{next(iter(LOOKS))}"];
  try {{
    localStorage.setItem(`stActiveTheme-${{location.pathname}}-v2`, JSON.stringify(look));
  }} catch {{ /* the browser keeps nothing: it stays dark */ }}
  const spoken = chosen.{language.KEY};
  document.documentElement.lang = spoken || "{language.ENGLISH}";
  if (spoken && !navigator.language.startsWith(spoken)) {{
    const told = {{ language: spoken, languages: [spoken, ...navigator.languages] }};
    for (const name in told) Object.defineProperty(navigator, name, {{ get: () => told[name] }});
  }}
}})();
</script>"""
"""What stands before the first script of every page."""
