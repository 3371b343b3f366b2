"""Scenes for the canvas with known voxels, and a small server that shows them without Streamlit."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.responses import HTMLResponse, Response

from tests.ports import free_port
from workbench.viewer.canvas_files import add_canvas, address
from workbench.viewer.component import WORDS
from workbench.viewer.scene import SLAB_SLICES, Heat, Layer, Pane, Picture, Scene

AXIAL = (0.0, 0.0, 0.8, -20.0, 0.0, 0.8, 0.0, -16.0, 2.5, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 1.0)
"""Slices run to the head 2.5 mm apart, rows to the back, columns to the left, 0.8 mm each."""


@dataclass
class Served:
    """What the server gives: by address the bytes, and by name the scenes."""

    bytes_at: dict[str, bytes] = field(default_factory=dict)
    scenes: dict[str, Scene] = field(default_factory=dict)
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Address -> the states of the next answers."""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def picture(self, key: str, array: NDArray[Any], **more: Any) -> Picture:
        """A picture of an array (slices, rows, columns) or (slices, rows, columns, 3), with its slabs served."""
        slabs = tuple((first, min(SLAB_SLICES, len(array) - first)) for first in range(0, len(array), SLAB_SLICES))
        at = f"/slabs/{key}/"
        for number, (first, count) in enumerate(slabs):
            self.bytes_at[f"{at}{number}"] = np.ascontiguousarray(array[first : first + count]).tobytes()
        settings = {"title": key, "window": (40.0, 400.0), **more}
        dtype = "rgb" if array.ndim == 4 else str(array.dtype)
        shape = (array.shape[0], array.shape[1], array.shape[2])
        return Picture(key=key, shape=shape, dtype=dtype, address=at, slabs=slabs, **settings)

    def layer(self, group: str, masks: Mapping[int, NDArray[np.bool_]], picture: str, **more: Any) -> Layer:
        """The masks of one hand, with their bits served."""
        name = more.pop("name", "lesion")
        at = f"/masks/{picture}/{group}/{name}"
        self.bytes_at[at] = b"".join(np.packbits(masks[s].reshape(-1)).tobytes() for s in sorted(masks))
        settings = {"who": group, "colour": "#56b4e9", **more}
        return Layer(key=f"{group} {name}", name=name, group=group, picture=picture, slices=tuple(sorted(masks)),
                     address=at, **settings)  # fmt: skip

    def heat(self, name: str, picture: str, index: int, array: NDArray[np.uint8]) -> Heat:
        """A heat map over a slice."""
        at = f"/heats/{picture}/{index}/{name}"
        self.bytes_at[at] = array.tobytes()
        return Heat(name, picture, index, (array.shape[0], array.shape[1]), at)

    def scene(self, name: str, *panes: Pane, **more: Any) -> str:
        """Keep a scene. Returns the address of a page that shows it."""
        self.scenes[name] = Scene(panes=panes, words={word: word for word in WORDS}, **more)
        return f"{self.url}/page/{name}"

    def one(self, name: str, array: NDArray[Any], start: int = 0, **more: Any) -> str:
        """Keep a scene of one picture. Returns the address of its page."""
        layers = more.pop("layers", ())
        rest = {key: more.pop(key) for key in ("planes", "height_px", "can_ask_heat") if key in more}
        picture = self.picture(name, array, **more)
        return self.scene(name, Pane(name, name, (picture,), (name, start), layers=layers), **rest)


PAGE = """<!doctype html><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style>
:root {{ --page: #0e1116; --panel: #161b22; --raised: #1c232c; --line: #2a323d; --text: #e6edf3; --quiet: #9aa7b4;
  --faint: #8592a0; --accent: #4c9ffe; --good: #3fb68b; --wrong: #f0766e; }}
body {{ background: var(--page); margin: 8px; }}</style>
<input id="typed" aria-label="typed"><div id="host"></div>
<script type="module">
  const show = (await import("{address}/main.js")).default;
  const parentElement = document.getElementById("host").attachShadow({{ mode: "open" }});
  window.asked = [];
  const setTriggerValue = (event, value) => window.asked.push([event, value]);
  window.show = (data) => {{ window.leave = show({{ data, parentElement, setTriggerValue }}); }};
  window.show({scene});
</script>"""


def application(served: Served) -> FastAPI:
    """The canvas's files, the bytes, and a page for each scene."""
    app = FastAPI(openapi_url=None)

    @app.get("/page/{name}")
    def page(name: str) -> HTMLResponse:
        scene = json.dumps(served.scenes[name].as_dict())
        return HTMLResponse(PAGE.format(address=address(), scene=scene))

    def answer(path: str) -> Response:
        served.asked.append(path)
        states: Sequence[int] = served.refused.get(path, [])
        if states:
            return Response(status_code=served.refused[path].pop(0), headers={"Cache-Control": "no-store"})
        if path not in served.bytes_at:
            return Response(status_code=404)
        headers = {"Content-Encoding": "gzip", "Cache-Control": "no-store"}
        packed = gzip.compress(served.bytes_at[path], 1)
        return Response(packed, headers=headers, media_type="application/octet-stream")

    for kind in ("slabs", "masks", "heats"):
        app.add_api_route(f"/{kind}/{{rest:path}}", lambda rest, kind=kind: answer(f"/{kind}/{rest}"))
    add_canvas(app.router)
    return app


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """The server on a port of its own, while the block runs."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application(served), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started and time.monotonic() < end:
        time.sleep(0.02)
    served.url = f"http://127.0.0.1:{port}"
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(10)


def turned(affine: Sequence[float], angle_deg: float, axis: int) -> tuple[float, ...]:
    """An affine turned about one of the patient's axes."""
    angle = np.deg2rad(angle_deg)
    one, other = [i for i in range(3) if i != axis]
    turn = np.eye(4)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return tuple(float(v) for v in (turn @ np.array(affine).reshape(4, 4)).reshape(-1))


def streamlit_scene(served: Served) -> Scene:
    """What the page of :func:`serve_streamlit` shows."""
    array = np.arange(24 * 64 * 64).reshape(24, 64, 64).astype(np.int16)
    served.one("stack", array, start=5, affine=AXIAL, unit="HU", can_ask_heat=True)
    return replace(served.scenes["stack"], words={})


SCRIPT = """
import streamlit as st
from tests.viewer_scenes import Served, streamlit_scene
from workbench.viewer.component import viewer

st.session_state.runs = st.session_state.get("runs", 0) + 1
st.button("again")
asked = viewer(streamlit_scene(Served()), key="viewer")
st.text(f"runs {st.session_state.runs}, asked {asked!r}")
"""


def serve_streamlit(port: int, script: str) -> None:
    """Serve a Streamlit page with the viewer on it, until stopped."""
    import streamlit as st

    from workbench.guard import Guard
    from workbench.serve import HOSTS
    from workbench.theme import apply_settings

    apply_settings()
    served = Served()
    streamlit_scene(served)
    pages = st.App(script)
    app = application(served)
    app.router.lifespan_context = pages.lifespan()
    app.mount("/", pages)
    uvicorn.run(Guard(app, hosts=HOSTS), port=port, log_level="warning")
