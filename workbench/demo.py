"""The Gradio demo: drop an image, see what the champion says of it. Nothing is kept."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict
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
from workbench.api_replies import NOTICE
from workbench.demo_work import remove_upload, take_upload
from workbench.language import COOKIE, ENGLISH, N_, OFFERED, _, speaking, told
from workbench.look import CHOOSE, COOKIES, LOOK, LOOKS
from workbench.order import first_task, in_order
from workbench.style import FOLDER as SHEETS
from workbench.theme import DARK, LIGHT
from workbench.worker import is_running

if TYPE_CHECKING:
    import gradio as gr

SHOWN_FROM = 0.005
"""The least probability of an option that is named."""
TIMEOUT_S = 180.0
POLL_S = 0.2
_EMPTY = N_("The picture appears here, with a heat map for each answer.")
_TAKES = N_("DICOM, NIfTI, PNG, JPEG, or a ZIP of one study")
PROMISE = N_("The image stays on this machine, and is deleted as soon as it has been predicted.")

_SCRIPT = f"""() => {{
  const kept = document.cookie.match(/(?:^|; ){COOKIES[LOOK]}=light/) ? "light" : "dark";
  document.documentElement.dataset.look = kept;
  document.body.classList.toggle("dark", kept === "dark");
  document.addEventListener("click", {CHOOSE});
}}"""


def _css() -> str:
    """The style sheet, in the colours of either look."""
    looks = ""
    for palette in (DARK, LIGHT):
        colours = " ".join(
            f"--{name}: {value};" for name, value in asdict(palette).items() if isinstance(value, str)
        )
        looks += f":root[data-look={palette.name}] {{ color-scheme: {palette.name}; {colours} }}\n"
    sheets = (Path(__file__).with_name("demo.css"), SHEETS / "switches.css")
    return looks + "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def _theme() -> Any:
    import gradio as gr  # noqa: PLC0415 - heavy

    fonts = ["Inter", "system-ui", "sans-serif"]
    return gr.themes.Base(font=[gr.themes.Font(name) for name in fonts],
                          font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")])  # fmt: skip


def look() -> dict[str, Any]:
    """Theme, style sheet and script with which the demo is mounted. Fonts are the system's own."""
    return {"theme": _theme(), "css": _css(), "js": _SCRIPT}


def language_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str:
    """The language of whoever asks: as it was chosen on the pages, else the browser's first."""
    accepted = headers.get("accept-language", "")[:2].lower()
    return next((code for code in (cookies.get(COOKIE, ""), accepted) if code in OFFERED), ENGLISH)


def _look(request: gr.Request) -> str:
    kept = request.cookies.get(COOKIES[LOOK], "")
    return kept if kept in LOOKS else next(iter(LOOKS))


def _named(store: Store, task: ClinicalTask) -> str:
    title = _(task.title)
    return title if store.versions.champion(task.name) else _("{task} (no version yet)", task=title)


def _about(task: ClinicalTask) -> str:
    """What a task answers, as it stands below the button."""
    return f"<div class='c-said q'>{escape(_(task.description))}</div>"


def _top(look: str = next(iter(LOOKS))) -> str:
    """The title, the way to the pages and to the API, and the choice of language and look."""
    from workbench.views.parts.switches import choices  # noqa: PLC0415 - loads Streamlit

    title, promise = escape(_("Consilium demo")), escape(f"{_(PROMISE)} {_(NOTICE)}")
    ways = f"<a href='/'>{escape(_('Workbench'))}</a><a href='/docs'>API</a>"
    aside = f"<div class='c-aside'>{ways}<div class='c-switches'>{choices(look)}</div></div>"
    return f"<div class='c-top'><div><h1>{title}</h1><p>{promise}</p></div>{aside}</div>"


def _nothing() -> str:
    return f"<div class='c-shown c-none'>{escape(_(_EMPTY))}</div>"


def create_demo(home: Home) -> gr.Blocks:
    """The demo of a home. It is drawn in English, and speaks the visitor's language once the page is there."""
    import gradio as gr  # noqa: PLC0415 - heavy

    store = Store.of(home)
    tasks = in_order(store)

    def spoken(request: gr.Request) -> tuple[Any, ...]:
        """Every word of the empty page in the visitor's language."""
        with speaking(_language(request)):
            named = gr.update(label=_("Task"), choices=[(_named(store, t), name) for name, t in tasks.items()])
            return (_top(_look(request)), named, gr.update(label=_(_TAKES)), gr.update(value=_("Predict")),
                    _about(first_task(store)), _nothing())  # fmt: skip

    def about(name: str, request: gr.Request) -> str:
        with speaking(_language(request)):
            return _about(tasks[name])

    with gr.Blocks(title="Consilium demo", analytics_enabled=False, delete_cache=(600, 600)) as demo:
        top = gr.HTML(_top(), padding=False)
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=340):
                task = gr.Radio(
                    [(t.title, name) for name, t in tasks.items()],
                    value=lambda: first_task(store).name,
                    label=N_("Task"),
                    visible=len(tasks) > 1,
                )
                upload = gr.File(label=_TAKES, file_count="single", height=160)
                ask = gr.Button("Predict", variant="primary")
                said = gr.HTML(_about(first_task(store)), padding=False)
            with gr.Column(scale=2):
                shown = gr.HTML(_nothing(), padding=False)
            answer = gr.JSON(visible=False)
        demo.load(_with_request(spoken), None, [top, task, upload, ask, said, shown], api_visibility="private",
                  show_progress="hidden")  # fmt: skip
        task.input(_with_request(about), [task], [said], api_visibility="private", show_progress="hidden")
        gr.on(
            [upload.upload, ask.click], _predictor(home), [upload, task], [said, shown, answer],
            api_name="predict", concurrency_limit=1, concurrency_id="predict", show_progress="full",
            show_progress_on=[shown],
        ).then(
            lambda done: gr.skip() if "error" in done else None, [answer], [upload], api_visibility="private",
            show_progress="hidden",
        )  # fmt: skip
    queued: gr.Blocks = demo.queue(max_size=16)
    return queued


Shown = tuple[str, str, dict[str, Any]]
"""Answers and pictures as HTML, and the answers as JSON."""


def _language(request: gr.Request | None) -> str:
    if request is None:
        return ENGLISH
    return language_of(request.headers, request.cookies)


def _predictor(home: Home) -> Callable[..., Shown]:
    import gradio as gr  # noqa: PLC0415

    def predict(
        upload: str | None,
        task: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
    ) -> Shown:
        """Predict an image with the champion of a task."""
        with speaking(_language(request)):
            try:
                return predict_upload(home, upload, task, progress)
            except ConsiliumError as error:
                return problem(error), _nothing(), error.as_dict()

    return _with_request(predict)


def _with_request(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose ``request`` Gradio fills in: it goes by annotations, which are names alone here."""
    import gradio as gr  # noqa: PLC0415

    own = {"request": gr.Request, "progress": gr.Progress}
    function.__annotations__ |= {name: own[name] for name in own if name in function.__annotations__}
    return function


def predict_upload(home: Home, upload: str | None, task: str, progress: Callable[..., object]) -> Shown:
    """What the champion says of an upload. The upload and what was made of it are gone afterwards.

    An upload that could not be predicted can be tried again, with another task too; Gradio clears it away later.

    Raises
    ------
    ConsiliumError
        Nothing was uploaded, it cannot be read, or no worker is running.
    """
    source = Path(upload or "")
    if not source.is_file():
        raise NotAnImageError(
            "No image was given.", given="one that is deleted already" if upload else "nothing", expected="a file",
            do="drop one on the field",
        )  # fmt: skip
    clinical = get_task(task)
    path = take_upload(home, source.read_bytes())
    try:
        job = jobs.enqueue(home, "demo.predict", task=clinical.name, upload=str(path), pictures=True)
        done = _follow(home, job, progress)
        results = [_result(raw) for raw in done.result["results"]]
        shown = "".join(_figure(path.parent / name) for name in done.result["pictures"])
        kept = {name: value for name, value in done.result.items() if name != "pictures"}
        source.unlink(missing_ok=True)
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
        progress(job.progress, desc=told(job.message) or _("waiting for the worker"))
        time.sleep(POLL_S)
    store.jobs.cancel(job.job_id)
    raise JobError("It took too long.", given=f"{TIMEOUT_S:.0f} s", expected="less", do="try a smaller image")


def _caption(name: str) -> str:
    stem = name.removesuffix(".jpg")
    about = stem.removeprefix("heat-").replace("_", " ")
    if stem == "picture":
        return _("the picture")
    return _("where “{answer}” comes from: blue little, yellow most", answer=_(about))


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
        title = _(question.title) if question else words.short(one.question)
        share = answers.probability(form, one)
        rows.append(
            f"<tr><td>{escape(title)} <span class='q'>{escape(words.site(one.site))}</span></td>"
            f"<td class='v'>{escape(answers.said(form, one.question, one.value))}</td>"
            f"<td>{'' if share is None else f'P = {share:.2f}'}</td><td class='q'>{escape(options)}</td></tr>"
        )
    found = "".join(
        f"<tr><td>{escape(words.short(m.name))} <span class='q'>{escape(words.site(m.site))}</span></td>"
        f"<td class='v'>{m.value:.3g} {escape(_(m.unit))}</td>"
        f"<td colspan='2' class='q'>{escape(told(m.note))}</td></tr>"
        for m in (decode_measured(raw) for raw in result.get("measured", ()))
    )
    caution = (
        f"<p class='c-bad' role='note'>{escape(told(result['caution']))}</p>" if result.get("caution") else ""
    )
    look_at = _("Look at the picture: {why}.", why=told(str(result.get("held", ""))))
    held = f"<p>{escape(look_at)}</p>" if result.get("held") else ""
    heads = "".join(f"<th>{escape(_(name))}</th>" for name in _HEADS)
    below = _("Probabilities are calibrated. Version {version}, uncertainty {uncertainty:.2f} of 1.",
              version=result["version"], uncertainty=result["uncertainty"])  # fmt: skip
    return (
        f"<div class='c-said'><table><tr>{heads}</tr>{''.join(rows)}{found}</table>"
        f"<p class='q'>{escape(below)}</p>{caution}{held}<p class='q'>{escape(_(NOTICE))}</p></div>"
    )


_HEADS = (N_("Question"), N_("Answer"), N_("Probability"), N_("By option"))


def problem(error: ConsiliumError) -> str:
    """An error with what to do."""
    from workbench.views.parts.markup import coded  # noqa: PLC0415 - a package that loads Streamlit

    given = error.as_dict()
    names = {"given": _("Given"), "expected": _("Expected"), "do": _("What to do")}
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{coded(told(given[key]))}</dd>" for key, name in names.items() if given[key]
    )
    return f"<div class='c-bad' role='alert'><b>{escape(told(given['error']))}</b><dl>{pairs}</dl></div>"
