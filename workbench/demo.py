"""The Gradio demo: drop an image, see what the champion says of it. Nothing is kept."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.answers import Form, MaskValue, Site, decode_value
from data.errors import ConsiliumError, JobError, NotAnImageError
from data.home import Home
from data.records import Job, JobState, QuestionPrediction
from data.store import Store
from data.tables.versions import decode_measured
from models.task import ClinicalTask, get_task
from workbench import jobs
from workbench.demo_work import remove_upload, take_upload
from workbench.order import first_task, in_order
from workbench.theme import ACCENT, FONT, LINE, PAGE, PANEL, QUIET, RAISED, TEXT
from workbench.worker import is_running

if TYPE_CHECKING:
    import gradio as gr

NOTICE = "For research and quality work. Not a medical device."
SHOWN_FROM = 0.005
"""The least probability of an option that is named."""
TIMEOUT_S = 180.0
POLL_S = 0.2
_EMPTY = "The picture appears here, with a heat map for each answer."
PROMISE = "The image stays on this machine, and is deleted as soon as it has been predicted."

_CSS = f"""
:root, .dark, body {{ --body-background-fill: {PAGE};
--background-fill-primary: {PAGE};
--background-fill-secondary: {PANEL}; --block-background-fill: {PANEL}; --border-color-primary: {LINE};
--block-border-color: {LINE}; --input-background-fill: {RAISED}; --body-text-color: {TEXT};
--body-text-color-subdued: {QUIET}; --block-label-background-fill: {PANEL}; --block-label-text-color: {QUIET};
--block-title-text-color: {QUIET}; --button-primary-background-fill: {ACCENT};
--button-primary-text-color: #071019;
--button-primary-background-fill-hover: #7bb8ff; --button-secondary-background-fill: {RAISED};
--button-secondary-text-color: {TEXT}; --radius-lg: 4px; --radius-md: 4px; --radius-sm: 3px;
--block-radius: 4px; --button-large-radius: 4px; --shadow-drop: none; --block-shadow: none; }}
body, gradio-app {{ background: {PAGE} !important; color: {TEXT}; }}
.gradio-container {{ max-width: 1440px !important; font-family: {FONT} !important; font-size: 14px; }}
footer {{ display: none !important; }}
.c-said table {{ width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }}
.c-said th {{ text-align: left; font-weight: 500; color: {QUIET}; font-size: 12px; padding: 4px 8px 4px 0; }}
.c-said table, .c-said tr, .c-said td, .c-said th {{ border: 0 !important; }}
.c-said td, .c-said th {{ border-bottom: 1px solid {LINE} !important; padding: 6px 8px 6px 0; }}
.c-said td.v {{ font-weight: 600; }} .c-said .q {{ color: {QUIET}; }} .c-said p {{ margin: 8px 0 0; }}
.c-bad {{ border-left: 3px solid #e5675f; padding: 8px 12px; background: {PANEL}; }}
.c-bad dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 6px 0 0; }}
.c-bad dt {{ color: {QUIET}; }} .c-bad dd {{ margin: 0; overflow-wrap: anywhere; }}
.c-shown {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 12px; }}
.c-shown figure {{ margin: 0; }} .c-shown img {{ width: 100%; max-height: 62vh; object-fit: contain;
background: #000; border-radius: 4px; }} .c-shown figcaption {{ color: {QUIET}; font-size: 12px; padding: 4px 0; }}
.c-none {{ min-height: 420px; border: 1px dashed {LINE}; border-radius: 4px; color: {QUIET};
place-items: center; }}
.c-top h1 {{ font-size: 20px; font-weight: 600; margin: 0; }} .c-top p {{ color: {QUIET}; margin: 4px 0 0; }}
"""


def _theme() -> Any:
    import gradio as gr  # noqa: PLC0415 - heavy

    fonts = ["Inter", "system-ui", "sans-serif"]
    return gr.themes.Base(font=[gr.themes.Font(name) for name in fonts],
                          font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")])  # fmt: skip


_DARK = "() => { document.body.classList.add('dark'); }"


def look() -> dict[str, Any]:
    """Theme, style sheet and script with which the demo is mounted. Fonts are the system's own."""
    return {"theme": _theme(), "css": _CSS, "js": _DARK}


def _about(task: ClinicalTask) -> str:
    """What a task answers, as it stands below the button."""
    return f"<div class='c-said q'>{escape(task.description)}</div>"


def create_demo(home: Home) -> gr.Blocks:
    """The demo of a home."""
    import gradio as gr  # noqa: PLC0415 - heavy

    store = Store.of(home)
    tasks = in_order(store)
    with gr.Blocks(title="Consilium demo", analytics_enabled=False, delete_cache=(600, 600)) as demo:
        gr.HTML(
            f"<div class='c-top'><h1>Consilium demo</h1><p>{escape(PROMISE)} {escape(NOTICE)}</p></div>",
            padding=False,
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=340):
                task = gr.Radio(
                    [(t.title, name) for name, t in tasks.items()],
                    value=lambda: first_task(store).name,
                    label="Task",
                    visible=len(tasks) > 1,
                )
                upload = gr.File(
                    label="DICOM, NIfTI, PNG, JPEG, or a ZIP of one study", file_count="single", height=160
                )
                ask = gr.Button("Predict", variant="primary")
                said = gr.HTML(lambda: _about(first_task(store)), padding=False)
            with gr.Column(scale=2):
                shown = gr.HTML(f"<div class='c-shown c-none'>{_EMPTY}</div>", padding=False)
            answer = gr.JSON(visible=False)
        task.input(
            lambda name: _about(tasks[name]), [task], [said], api_visibility="private", show_progress="hidden"
        )
        ask.click(
            _predictor(home), [upload, task], [said, shown, answer], api_name="predict", concurrency_limit=1,
            concurrency_id="predict", show_progress="full",
        )  # fmt: skip
    queued: gr.Blocks = demo.queue(max_size=16)
    return queued


Shown = tuple[str, str, dict[str, Any]]
"""Answers and pictures as HTML, and the answers as JSON."""


def _predictor(home: Home) -> Callable[..., Shown]:
    import gradio as gr  # noqa: PLC0415

    def predict(
        upload: str | None,
        task: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
    ) -> Shown:
        """Predict an image with the champion of a task."""
        try:
            return predict_upload(home, upload, task, progress)
        except ConsiliumError as error:
            return problem(error), f"<div class='c-shown c-none'>{_EMPTY}</div>", error.as_dict()

    return predict


def predict_upload(home: Home, upload: str | None, task: str, progress: Callable[..., object]) -> Shown:
    """What the champion says of an upload. The upload and what was made of it are gone afterwards.

    Raises
    ------
    ConsiliumError
        Nothing was uploaded, it cannot be read, or no worker is running.
    """
    if not upload:
        raise NotAnImageError(
            "No image was given.", given="nothing", expected="a file", do="drop one on the field"
        )
    clinical = get_task(task)
    source = Path(upload)
    path = take_upload(home, source.read_bytes())
    source.unlink(missing_ok=True)
    try:
        job = jobs.enqueue(home, "demo.predict", task=clinical.name, upload=str(path), pictures=True)
        done = _follow(home, job, progress)
        results = [_result(raw) for raw in done.result["results"]]
        shown = "".join(_figure(path.parent / name) for name in done.result["pictures"])
        kept = {name: value for name, value in done.result.items() if name != "pictures"}
        return said(clinical.form, results, done.result), f"<div class='c-shown'>{shown}</div>", kept
    finally:
        remove_upload(home, path)


def _figure(path: Path) -> str:
    """A picture inside the page itself, so that no file of it stays."""
    content = b64encode(path.read_bytes()).decode()
    words = _caption(path.name)
    return (
        f"<figure><img src='data:image/jpeg;base64,{content}' alt='{escape(words)}'>"
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _follow(home: Home, job: Job, progress: Callable[..., object]) -> Job:
    store, end = Store.of(home), time.monotonic() + TIMEOUT_S
    if not is_running(home):
        store.jobs.cancel(job.job_id)
        raise JobError(
            "Nobody does the work.", given="no worker is running", expected="a running worker",
            do="start one with `consilium worker`",
        )  # fmt: skip
    while time.monotonic() < end:
        job = store.jobs.get(job.job_id)
        if job.state == JobState.DONE:
            return job
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            raise JobError(
                job.error.get("error") or "The work was called off.",
                given=job.error.get("given", ""),
                expected=job.error.get("expected", ""),
                do=job.error.get("do", ""),
            )
        progress(job.progress, desc=job.message or "waiting for the worker")
        time.sleep(POLL_S)
    store.jobs.cancel(job.job_id)
    raise JobError("It took too long.", given=f"{TIMEOUT_S:.0f} s", expected="less", do="try a smaller image")


def _caption(name: str) -> str:
    stem = name.removesuffix(".jpg")
    about = stem.removeprefix("heat-").replace("_", " ")
    return "the picture" if stem == "picture" else f"where “{about}” comes from: blue little, yellow most"


def _result(raw: Mapping[str, Any]) -> QuestionPrediction:
    return QuestionPrediction(
        raw["question"], Site(raw["site"]), decode_value(raw["value"]), raw["probabilities"], raw["uncertainty"]
    )


def said(form: Form, results: list[QuestionPrediction], result: Mapping[str, Any]) -> str:
    """The answers as a table: question, answer, calibrated probability of each option that is not excluded."""
    from workbench.views.parts import answers, words  # noqa: PLC0415 - loads Streamlit

    rows = []
    for one in results:
        if isinstance(one.value, MaskValue):
            continue
        question = words.asked(form, one.question)
        likely = sorted(one.probabilities.items(), key=lambda pair: -pair[1])
        options = ", ".join(f"{words.short(n)} {p:.2f}" for n, p in likely if p >= SHOWN_FROM)
        title = question.title if question else words.short(one.question)
        share = answers.probability(form, one)
        rows.append(
            f"<tr><td>{escape(title)} <span class='q'>{escape(words.site(one.site))}</span></td>"
            f"<td class='v'>{escape(answers.said(form, one.question, one.value))}</td>"
            f"<td>{'' if share is None else f'P = {share:.2f}'}</td><td class='q'>{escape(options)}</td></tr>"
        )
    found = "".join(
        f"<tr><td>{escape(words.short(m.name))} <span class='q'>{escape(words.site(m.site))}</span></td>"
        f"<td class='v'>{m.value:.3g} {escape(m.unit)}</td><td colspan='2' class='q'>{escape(m.note)}</td></tr>"
        for m in (decode_measured(raw) for raw in result.get("measured", ()))
    )
    caution = f"<p class='c-bad' role='note'>{escape(result['caution'])}</p>" if result.get("caution") else ""
    held = f"<p>Look at the picture: {escape(str(result['held']))}.</p>" if result.get("held") else ""
    return (
        "<div class='c-said'><table><tr><th>Question</th><th>Answer</th><th>Probability</th>"
        "<th>By option</th></tr>"
        f"{''.join(rows)}{found}</table>"
        f"<p class='q'>Probabilities are calibrated. Version {escape(result['version'])}, "
        f"uncertainty {result['uncertainty']:.2f} of 1.</p>{caution}{held}<p class='q'>{escape(NOTICE)}</p></div>"
    )


def problem(error: ConsiliumError) -> str:
    """An error with what to do."""
    given = error.as_dict()
    pairs = "".join(
        f"<dt>{name}</dt><dd>{escape(given[key])}</dd>"
        for key, name in (("given", "Given"), ("expected", "Expected"), ("do", "Do"))
        if given[key]
    )
    return f"<div class='c-bad' role='alert'><b>{escape(given['error'])}</b><dl>{pairs}</dl></div>"
