"""Pages, demo and API in one process on one port: API under ``/api``, demo at ``/gradio``, pages at ``/``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp

from data.home import HOME_VARIABLE, Home
from workbench.api import add_api
from workbench.api_docs import documentation
from workbench.api_errors import add_errors
from workbench.api_replies import NOTICE, own_version
from workbench.guard import Guard
from workbench.headed import Headed
from workbench.labelling import add_sign_in
from workbench.log_route import add_log
from workbench.look import FIRST
from workbench.theme import UPLOAD_MB, apply_settings
from workbench.viewer.canvas_files import add_canvas, preloads
from workbench.viewer.routes import add_routes

HOST = "127.0.0.1"
DEMO = "/gradio/"
"""Where the demo's page is."""
HOSTS: Sequence[str] = ("127.0.0.1", "localhost", "[::1]")
"""The names under which the process may be addressed."""


def create_api(home: Home) -> FastAPI:
    """The REST API of a home alone, without pages and demo."""
    app = FastAPI(
        title="Consilium",
        version=own_version(),
        description=f"What the champions say, and how far the loop is. {NOTICE}",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    add_api(app.router, home)
    add_log(app.router, home)
    add_routes(app.router, home)
    add_sign_in(app.router, home)

    @app.get("/docs", include_in_schema=False)
    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(documentation(app.openapi()))

    add_errors(app)
    return app


def create_app(home: Home) -> ASGIApp:
    """The whole application of a home: one process, one port.

    Streamlit's pages find the home in the environment, so that a process serves one home.
    """
    home.prepare()
    os.environ[HOME_VARIABLE] = str(home.path)
    apply_settings()
    cache = home.path / "gradio"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(cache),
                   "GRADIO_RUN_HISTORY": "False", "HF_HUB_OFFLINE": "1"}  # fmt: skip
    import gradio as gr  # noqa: PLC0415 - after its settings
    import streamlit as st  # noqa: PLC0415

    from workbench.demo import create_demo, look  # noqa: PLC0415

    pages = st.App(Path(__file__).with_name("app.py"))
    app = create_api(home)
    add_canvas(app.router)
    app.router.lifespan_context = pages.lifespan()
    app = gr.mount_gradio_app(
        app, create_demo(home), path="/gradio", max_file_size=UPLOAD_MB * 2**20, run_history=False,
        footer_links=[], show_error=True, ssr_mode=False, enable_monitoring=False, pwa=False, **look(),
    )  # fmt: skip

    app.add_route("/gradio", _to_demo)  # before the pages, which take all the rest
    app.mount("/", Headed(pages, first=FIRST, last=preloads()))
    return Guard(Headed(app, first=FIRST, path=DEMO), hosts=HOSTS)


def _to_demo(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{DEMO}?{request.url.query}" if request.url.query else DEMO)


def serve(home: Home, *, port: int = 8501, host: str = HOST) -> None:
    """Serve until stopped.

    Raises
    ------
    ServiceError
        The port is taken.
    """
    import uvicorn  # noqa: PLC0415

    from labelstudio.webhook import announce  # noqa: PLC0415
    from workbench.everything import refuse_busy  # noqa: PLC0415

    refuse_busy(port)
    announce(home, f"http://{host}:{port}")
    uvicorn.run(create_app(home), host=host, port=port, log_level="warning", access_log=False,
                timeout_graceful_shutdown=3)  # fmt: skip
