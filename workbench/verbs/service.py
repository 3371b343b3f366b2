"""``consilium labelstudio ...``, ``worker``, ``serve``, ``run``, ``demo``, ``jobs`` and ``health``: what runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from workbench.report import Json, Report, reporting, table

app = typer.Typer(no_args_is_help=True, help="The labelling server on this machine.")

Port = Annotated[int, typer.Option(help="The port of pages, demo and API, on loopback.", min=1, max=65535)]


def _server(port: int | None = None) -> Any:
    from data.home import Home
    from labelstudio.server import LabelStudioServer

    home = Home.default().prepare()
    return LabelStudioServer(home, port=port)


def _show_server(report: Report, status: Any) -> None:
    values = {
        "running": status.running,
        "url": status.url,
        "pid": status.pid,
        "port": status.port,
        "version": status.version,
        "installed": status.installed,
    }
    report.result(
        values, table=table("Label Studio", ["", ""], [(k, v) for k, v in values.items() if v is not None])
    )


@app.command()
def start(
    port: Annotated[int | None, typer.Option(help="Its port, on loopback.", min=1, max=65535)] = None,
    as_json: Json = False,
) -> None:
    """Install the server if it is missing, start it, and make its users. Started already, nothing changes."""
    with reporting(as_json) as report:
        from workbench.labelling_work import start_with_users

        server = _server(port)
        server.install(progress=report.progress)
        _show_server(report, start_with_users(server))


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop the server. What was read stays."""
    with reporting(as_json) as report:
        server = _server()
        server.stop()
        _show_server(report, server.status())


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether the server runs, and where."""
    with reporting(as_json) as report:
        _show_server(report, _server().status())


@app.command()
def login(
    reader: Annotated[str, typer.Argument(help="The reader's id.")],
    as_json: Json = False,
) -> None:
    """Show with which address and password a reader signs in to the labelling server."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from labelstudio.users import ensure_reader_user

        server = _server()
        known = Store.of(Home.default()).reads.reader(reader)
        user = ensure_reader_user(server, known)
        values = {"reader": reader, "url": server.status().url, "email": user.email, "password": user.password}
        report.result(values, table=table("Sign in", ["", ""], list(values.items())))


def worker(as_json: Json = False) -> None:
    """Do the background work of this home until stopped."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.worker import Worker

        report.say("The worker runs. Stop it with Ctrl-C.")
        Worker(Home.default()).run()
        report.result({"stopped": True})


def serve(port: Port = 8501, as_json: Json = False) -> None:
    """Serve pages, demo and API on one port of this machine until stopped."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.serve import serve as serve_all

        report.say(f"http://127.0.0.1:{port}  (demo: /gradio, API: /docs). Stop it with Ctrl-C.")
        serve_all(Home.default(), port=port)
        report.result({"stopped": True})


def run(
    port: Port = 8501,
    label_port: Annotated[
        int | None, typer.Option(help="The labelling server's port; the last one, or 8085.", min=1, max=65535)
    ] = None,
    demo: Annotated[bool, typer.Option(help="Whether an empty home gets the embedded demo.")] = True,
    as_json: Json = False,
) -> None:
    """Start everything: labelling server, worker, pages, demo and API; an empty home gets the embedded demo."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.everything import run_everything

        run_everything(Home.default(), port=port, label_port=label_port, report=report, demo=demo)
        report.result({"stopped": True})


def demo(
    phantoms: Annotated[int | None, typer.Option(help="Phantom patients.", min=40)] = None,
    profile: Annotated[str, typer.Option(help="demo, or tiny to try the machinery.")] = "demo",
    task: Annotated[str, typer.Option(help="The clinical task.")] = "cxr_quality",
    as_json: Json = False,
) -> None:
    """Play one whole round on phantoms: scripted readers, real labelling server, without serving pages."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.embedded import play

        played = play(Home.default(), task=task, profile=profile, phantoms=phantoms, report=report)
        rows = [(key, value) for key, value in played.items() if key not in ("seconds", "candidate", "champion")]
        report.result(played, table=table("One round on phantoms", ["", ""], rows))


def jobs(as_json: Json = False) -> None:
    """List the background work, the newest first."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from workbench.worker import is_running

        home = Home.default()
        found = Store.of(home).jobs.all()
        values = {
            "worker": is_running(home),
            "jobs": [
                {
                    "job": j.job_id,
                    "kind": j.kind,
                    "state": j.state.value,
                    "progress": round(j.progress, 3),
                    "message": j.message,
                    "attempts": j.attempts,
                    "error": dict(j.error) or None,
                }
                for j in found
            ],
        }
        rows = [
            (j.job_id, j.kind, j.state.value, f"{j.progress:.0%}", j.error.get("error") or j.message)
            for j in found
        ]
        report.result(values, table=table("Background work", ["job", "kind", "state", "", ""], rows))


def health(as_json: Json = False) -> None:
    """Say which parts run and which do not, with what to do about it."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.health import check

        parts = check(Home.default())
        values = {"healthy": all(p.ok for p in parts), "parts": [p.as_dict() for p in parts]}
        rows = [(p.name, "runs" if p.ok else "does not", p.detail, "" if p.ok else p.do) for p in parts]
        report.result(values, table=table("Health", ["part", "", "", "do"], rows))
