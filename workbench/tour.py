"""Screens of every page of a home, in each language and look, and a page that shows them."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from data.errors import ServiceError
from data.home import Home
from data.records import Annotation, RequestState
from data.store import Store
from workbench.language import LANGUAGES, OFFERED
from workbench.look import COOKIES, LOOK, LOOKS
from workbench.order import in_order
from workbench.views.places import PLACES
from workbench.worklist_filter import Sort

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSER_VARIABLE = "CONSILIUM_CHROMIUM"
WIDTH_PX, HEIGHT_PX = 1440, 900
QUALITY = 80
"""Of a picture, 1 to 100 (WebP)."""
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(("--no-sandbox",) if os.getuid() == 0 else ()),  # which root cannot have
)
READY = """() => !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
    && !document.querySelector('.stMain [class*="st-key-cancel-job"]')
    && [...document.querySelectorAll('.viewer')].every((one) => one.dataset.loaded !== undefined)"""
_TIMEOUT_MS, _SETTLED_MS = 90_000, 800

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Stop:
    """A page as it is shown: the picture's name, the title, the address; in the demo, whose picture is dropped."""

    name: str
    title: str
    address: str
    dropped: str = ""


def stops(store: Store) -> Iterator[Stop]:
    """Every page that a curator has, the study page once a task that has studies with reads, and the demo."""
    tasks, asked = in_order(store), _asked(store)
    for name, place in PLACES.items():
        if name == "home":
            continue
        if name != "study":
            query = f"?{urlencode(asked[name])}" if name in asked else ""
            yield Stop(name, place.title, f"/{name}{query}")
            continue
        for task in tasks.values():
            read = _most_read(store, task.name)
            if read:
                address = f"/study?{urlencode({'study': read, 'task': task.name})}"
                yield Stop(f"study-{task.name}", f"{place.title}: {task.title}", address)
    yield Stop("demo", "Demo", "/gradio/", _most_read(store, next(iter(tasks))))


def _asked(store: Store) -> dict[str, dict[str, str]]:
    """What is asked of pages that have more to show than at first: one's own cases, those that are undecided."""
    asked = {"worklist": {"sort": Sort.UNCERTAIN.value}}
    waiting = Counter(r.reader_id for r in store.reads.requests(states={RequestState.PUSHED}))
    for reader, _cases in waiting.most_common(1):
        asked["reading"] = {"as": reader}
    return asked


def _most_read(store: Store, task: str) -> str:
    reads: dict[str, list[Annotation]] = {}
    for read in store.reads.annotations(task):
        reads.setdefault(read.study_id, []).append(read)
    return max(reads, key=lambda study_id: (len(reads[study_id]), study_id), default="")


def shoot(home: Home, url: str, folder: Path, *, progress: Progress) -> list[Path]:
    """Take the screens of a served home into a folder, with ``README.md`` beside them.

    Parameters
    ----------
    url:
        Where the home is served.
    folder:
        Made if it is missing; pictures of the same name are replaced.

    Returns
    -------
    list
        The pictures: ``<page>-<language>-<look>.webp``.

    Raises
    ------
    ServiceError
        There is no browser, or a page does not come to its end.
    """
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - loads its driver

    store, made = Store.of(home), list[Path]()
    walk = list(stops(store))
    looks = [(code, look) for code in OFFERED for look in LOOKS]
    folder.mkdir(parents=True, exist_ok=True)
    where = os.environ.get(BROWSER_VARIABLE, "/usr/bin/chromium")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=where, args=list(FLAGS))
            for number, (code, look) in enumerate(looks):
                context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, base_url=url,
                                              locale=code)  # fmt: skip
                chosen = {"lang": code, LOOK: look}
                context.add_cookies([{"name": COOKIES[key], "value": value, "url": url}
                                     for key, value in chosen.items()])  # fmt: skip
                page = context.new_page()
                for place, stop in enumerate(walk):
                    progress((number + place / len(walk)) / len(looks), f"{stop.title}, {code}, {look}")
                    page.goto(stop.address)
                    _come_to_its_end(page, stop)
                    made.append(_kept(page.screenshot(), folder / f"{stop.name}-{code}-{look}.webp"))
                context.close()
            browser.close()
    except Error as error:
        raise ServiceError(
            "The screens cannot be taken.", given=str(error).splitlines()[0],
            expected=f"a Chromium at {where} and a served home",
            do=f"install Chromium, or name it with {BROWSER_VARIABLE}",
        ) from error  # fmt: skip
    (folder / "README.md").write_text(_shown(walk), encoding="utf-8")
    return made


def _come_to_its_end(page: Page, stop: Stop) -> None:
    page.wait_for_selector(".c-top" if stop.name == "demo" else ".c-notice", timeout=_TIMEOUT_MS)
    if stop.dropped:
        png = page.request.get(f"/api/studies/{stop.dropped}/picture.png").body()
        page.set_input_files("input[type=file]", {"name": "study.png", "mimeType": "image/png", "buffer": png})
        page.wait_for_selector(".c-shown img", timeout=_TIMEOUT_MS)
    page.wait_for_function(READY, timeout=_TIMEOUT_MS)
    page.wait_for_timeout(_SETTLED_MS)


def _kept(screen: bytes, path: Path) -> Path:
    from PIL import Image  # noqa: PLC0415 - loads native libraries

    draft = path.with_suffix(".draft")
    with Image.open(io.BytesIO(screen)) as picture:
        picture.convert("RGB").save(draft, format="WEBP", quality=QUALITY, method=6)
    return draft.replace(path)


def _shown(walk: list[Stop]) -> str:
    """The page that shows the pictures: one each, the others as links."""
    lines = [
        "# Every page",
        "",
        "Made by `consilium tour FOLDER` from the embedded demo: phantoms, no patient.",
        "",
    ]
    first = f"{OFFERED[0]}-{next(iter(LOOKS))}"
    for stop in walk:
        named = {f"{LANGUAGES[code]}, {look}": f"{code}-{look}" for code in OFFERED for look in LOOKS}
        links = " · ".join(f"[{said}]({stop.name}-{end}.webp)" for said, end in named.items())
        lines += [f"## {stop.title}", "", f"![{stop.title}]({stop.name}-{first}.webp)", "", links, ""]
    return "\n".join(lines)
