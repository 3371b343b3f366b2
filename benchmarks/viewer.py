"""How fast the viewer is in a browser, against ``st.image`` and a slider in a fragment.

    python -m benchmarks.viewer [--steps N] [--visits N] [--json]

Both show one CT of 512 x 512 x 120 int16 through Streamlit in a headless Chromium on this machine, ours with the
outlines and fills of two masks, the peer the bare picture. Times are in ms, the medians of ``--visits`` visits:
the first picture from navigation with an empty browser (and, of ours, from the start of the component, and with a
browser that has been there before: ``again``), all slabs loaded, and from a wheel's or key's event to the next
slice on the screen. Ratios are peer / ours: above 1 ours is faster. Printed too: the bytes of voxels and masks as
sent, and those of the viewer's JavaScript. ``CONSILIUM_CHROMIUM`` names another Chromium than /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright
from starlette.responses import Response

from data.pixels import apply_window
from workbench.headed import Headed
from workbench.look import FIRST
from workbench.theme import apply_settings
from workbench.viewer.canvas_files import add_canvas, files, preloads
from workbench.viewer.scene import SLAB_SLICES, Layer, Pane, Picture, Scene

CHROMIUM = os.environ.get("CONSILIUM_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SHAPE = (120, 512, 512)
WINDOW = (40.0, 400.0)
START = 60
MASKED = range(30, 90)
SLABS = tuple((first, min(SLAB_SLICES, SHAPE[0] - first)) for first in range(0, SHAPE[0], SLAB_SLICES))
AFFINE = (0.0, 0.0, 0.8, -200.0, 0.0, 0.8, 0.0, -200.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
SCRIPT = "from benchmarks.viewer import show\nshow()\n"
STEP = """async (steps) => {
  const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot);
  const root = roots.find((one) => one?.querySelector(".viewer"));
  const [view, canvas] = [root.querySelector(".view"), root.querySelector("canvas[data-plane]")];
  const times = [], paints = [];
  for (let i = 0; i < steps; i++) {
    const [before, start] = [canvas.dataset.slice, performance.now()];
    view.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, bubbles: true, cancelable: true }));
    while (canvas.dataset.slice === before) await new Promise((done) => requestAnimationFrame(done));
    times.push(performance.now() - start);
    paints.push(Number(root.querySelector(".viewer").dataset.paintMs));
  }
  return [times, paints];
}"""
MARKS = """() => Object.fromEntries(["mount", "first", "loaded"].map((name) =>
  [name, performance.getEntriesByName("viewer:" + name)[0].startTime]))"""
BYTES = """() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/bench/"))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
BEGIN = """() => addEventListener("keydown", () => { window.began = performance.now(); },
  { once: true, capture: true })"""
WATCH = """window.loads = [];
document.addEventListener("load", ({ target }) => {
  if (target.closest?.("[data-testid=stImage]")) window.loads.push(performance.now());
}, true);"""


@cache
def volume() -> NDArray[np.int16]:
    """A body that is smooth with noise, in HU."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[-1 : 1 : SHAPE[1] * 1j, -1 : 1 : SHAPE[2] * 1j]
    body = np.where(rows**2 + columns**2 < 0.7, 40 + 60 * np.sin(9 * rows) * np.cos(7 * columns), -1000)
    return np.stack([(body + rng.normal(0, 20, body.shape)).astype(np.int16) for _ in range(SHAPE[0])])


def mask(shift: int) -> NDArray[np.bool_]:
    """A lesion with a ragged border."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    angle = np.arctan2(rows - 256, columns - 256 - shift)
    inside: NDArray[np.bool_] = np.hypot(rows - 256, columns - 256 - shift) < 90 + 12 * np.sin(9 * angle)
    return inside


@cache
def answers() -> dict[str, bytes]:
    """Gzipped bytes by address."""
    sent = {f"slab/{i}": volume()[first : first + n].tobytes() for i, (first, n) in enumerate(SLABS)}
    sent |= {f"mask/{shift}": np.packbits(mask(shift)).tobytes() * len(MASKED) for shift in (0, 20)}
    return {name: gzip.compress(raw, 1) for name, raw in sent.items()}


def scene() -> Scene:
    """What ours shows."""
    spacing = (1.0, 0.8, 0.8)
    picture = Picture("ct", "CT", SHAPE, "int16", "/bench/slab/", SLABS, WINDOW, "HU", spacing, AFFINE)
    layers = tuple(
        Layer(key=who, name="lesion", group=who, who=who, colour=colour, picture="ct", slices=tuple(MASKED),
              address=f"/bench/mask/{shift}", dashed=who == "model", filled=True)
        for who, colour, shift in (("model", "#e6edf3", 0), ("reader", "#56b4e9", 20))
    )  # fmt: skip
    return Scene((Pane("bench", "Benchmark", (picture,), ("ct", START), layers=layers),), address_key="")


def show() -> None:
    """The page of the viewer; at ``?peer=1`` that of the peer: a slider and a picture, alone run again."""
    import streamlit as st

    from workbench.viewer.component import viewer

    if "peer" not in st.query_params:
        viewer(scene(), key="viewer")
        return

    @st.fragment
    def picture() -> None:
        index = st.slider("Slice", 0, SHAPE[0] - 1, START)
        st.image(apply_window(volume()[index], WINDOW))

    picture()


@contextmanager
def serving() -> Iterator[str]:
    """The page with what it fetches. Gives its address."""
    import streamlit as st

    apply_settings()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.py"
        file.write_text(SCRIPT)
        pages = st.App(file)
        app = FastAPI(openapi_url=None, lifespan=pages.lifespan())

        @app.get("/bench/{name:path}")
        def answer(name: str) -> Response:
            headers = {"Content-Encoding": "gzip", "Cache-Control": "no-store"}
            return Response(answers()[name], headers=headers, media_type="application/octet-stream")

        add_canvas(app.router)
        app.mount("/", Headed(pages, first=FIRST, last=preloads()))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(10)


def _ours(page: Page, url: str, steps: int) -> dict[str, Any]:
    page.goto(url)
    page.wait_for_selector(".viewer[data-loaded]", timeout=120_000)
    marks = page.evaluate(MARKS)
    times, paints = page.evaluate(STEP, steps)
    return {
        "first_ms": marks["first"],
        "first_in_component_ms": marks["first"] - marks["mount"],
        "loaded_ms": marks["loaded"],
        "sent_bytes": page.evaluate(BYTES),
        "step_ms": times,
        "paint_ms": paints,
    }


def _peer(page: Page, url: str, steps: int) -> dict[str, Any]:
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_function("window.loads.length > 0", timeout=60_000)
    first = page.evaluate("window.loads[0]")
    slider, times = page.get_by_role("slider"), []
    slider.focus()
    for _ in range(steps):
        seen = page.evaluate("window.loads.length")
        page.evaluate(BEGIN)
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(seen) => window.loads.length > seen", arg=seen, timeout=60_000)
        times.append(page.evaluate("(seen) => window.loads[seen] - window.began", seen))
    return {"first_ms": first, "step_ms": times}


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


def _medians(visits: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure; the steps of all visits together."""
    return {
        name: [step for visit in visits for step in visit[name]]
        if isinstance(visits[0][name], list)
        else statistics.median(visit[name] for visit in visits)
        for name in visits[0]
    }


def measure(steps: int, visits: int) -> dict[str, float]:
    """Ours and the peer in turn, each visit in a fresh context of one browser."""
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": [], "again": []}
    volume(), answers()
    with serving() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for _ in range(visits + 1):  # the first visit warms the server
            for name, address, run in (("ours", url, _ours), ("peer", f"{url}/?peer=1", _peer)):
                context = browser.new_context(viewport={"width": 1280, "height": 860})
                found[name].append(run(context.new_page(), address, steps))
                if name == "ours":
                    found["again"].append(run(context.new_page(), address, 1))
                context.close()
        browser.close()
    ours, peer, again = (_medians(found[name][1:]) for name in ("ours", "peer", "again"))
    step, other = statistics.median(ours["step_ms"]), statistics.median(peer["step_ms"])
    return {
        "first_ms": ours["first_ms"],
        "first_again_ms": again["first_ms"],
        "first_in_component_ms": ours["first_in_component_ms"],
        "loaded_ms": ours["loaded_ms"],
        "sent_mb": ours["sent_bytes"] / 1e6,
        "step_ms": step,
        "step_p95_ms": _p95(ours["step_ms"]),
        "paint_ms": statistics.median(ours["paint_ms"]),
        "paint_p95_ms": _p95(ours["paint_ms"]),
        "peer_first_ms": peer["first_ms"],
        "peer_step_ms": other,
        "peer_step_p95_ms": _p95(peer["step_ms"]),
        "first_ratio": peer["first_ms"] / ours["first_ms"],
        "step_ratio": other / step,
        "javascript_bytes": sum(len(sent) for name, sent in files().items() if name.endswith(".js")),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=30, help="slices to go through")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--visits", type=int, default=5, help="visits of which the medians are taken")
    options = parser.parse_args()
    result = {name: round(value, 2) for name, value in measure(options.steps, options.visits).items()}
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
