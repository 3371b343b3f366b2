"""The page Consensus: it asks the worker by itself, shows what was measured, and leads on."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from active_learning.overview import Overview, stamp_of
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.records import JobState, Metric, Mode, Purpose, ReadRequest, RequestState
from data.store import Store
from tests import panel_home
from tests.filled_home import SOURCE_ID, TASK
from tests.test_russian_pages import left
from workbench import jobs
from workbench.views.parts.agreement_plot import Dot, dots, of_model
from workbench.views.parts.context import SEAT
from workbench.views.parts.context import TASK as CHOSEN
from workbench.work_readers import MEASURE, OUTLINES, REPORT, newest_overview

APP = Path(__file__).parent.parent / "workbench" / "app.py"


@pytest.fixture(scope="module")
def filled(filled: Home) -> Home:
    """The filled home, its readers measured."""
    store = Store.of(filled)
    asked = jobs.enqueue(filled, MEASURE, task=TASK, round_id="", stamp=stamp_of(store, TASK).text)
    jobs.run(filled, asked.job_id)
    assert store.jobs.get(asked.job_id).state == JobState.DONE
    store.close()
    return filled


def home_of(store: Store) -> Home:
    return Home(store.path.parent)


def opened(*, reader: str = "", **query: str) -> AppTest:
    """The page, as Streamlit runs it."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("consensus")
    for key, value in {**query, SEAT: reader}.items():
        if value:
            page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    """Everything that it says, the HTML of its tables included."""
    return unescape(re.sub(r"\\+([\"'])", r"\1", "\n".join(_deep(page.main))))


def _deep(block: object) -> Iterator[str]:
    for child in getattr(block, "children", {}).values():
        if hasattr(child, "children"):
            yield from _deep(child)
        else:
            yield str(child.proto)


def asked(store: Store, kind: str) -> list[JobState]:
    return [job.state for job in store.jobs.all() if job.kind == kind]


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click()
    page.run()


def read_more(store: Store) -> None:
    """One read that was there is changed."""
    first = store.reads.annotations(TASK, round_id=f"{TASK}-r1")[0]
    store.reads.keep(replace(first, answers=first.answers[:1]))


def test_an_empty_home_says_how_reads_come(home: Home) -> None:
    said = words(opened())
    assert "Nobody has read anything yet" in said
    assert "consilium round open" in said
    assert Store.of(home).jobs.all() == []


def test_it_asks_for_a_measurement_once(changed: Store) -> None:
    for job in changed.jobs.all():
        changed.db.execute("DELETE FROM jobs WHERE job_id = ?", [job.job_id])
    for _ in range(2):
        said = words(opened())
        assert "measuring the readers" in said
        assert "No worker is running" in said
        assert "Disputes" not in said
    assert asked(changed, MEASURE) == [JobState.WAITING]
    assert asked(changed, OUTLINES) == []  # the task has no masks


def test_what_was_measured_is_shown_and_not_asked_for_again(changed: Store) -> None:
    said = words(opened())
    found = newest_overview(changed, Blobs.of(home_of(changed)), TASK)
    assert found is not None
    assert f"{found.studies} studies · {found.patients} patients · 3 readers" in said
    (projection,) = [one for one in found.asked if one.view.name == "projection"]
    alpha = projection.panel.figures["krippendorff_alpha"]
    assert f"{alpha.value:.2f} ({alpha.low:.2f} to {alpha.high:.2f})" in said
    for band in ("slight", "fair", "moderate", "substantial", "almost perfect"):
        assert band in said
    for profile in found.profiles:
        assert profile.name in said
    assert "1 of 3 readers is a script, no person" in said
    assert "Script C (scripted)" in said
    for one in found.cases:
        assert one.reason in said
    assert asked(changed, MEASURE) == [JobState.DONE]
    assert SOURCE_ID.split(":")[1] not in said


def test_old_figures_stand_until_there_are_new_ones(changed: Store) -> None:
    before = changed.studies.get("study-056").label
    read_more(changed)
    said = words(opened())
    assert "what stands here is of before" in said
    assert before in said
    assert sorted(asked(changed, MEASURE)) == [JobState.DONE, JobState.WAITING]
    jobs.run(home_of(changed), changed.jobs.all(states={JobState.WAITING})[0].job_id)
    after = words(opened())
    assert "what stands here is of before" not in after
    assert asked(changed, MEASURE) == [JobState.DONE, JobState.DONE]


def test_what_was_called_off_is_not_asked_for_by_itself(changed: Store) -> None:
    read_more(changed)
    opened()
    changed.jobs.cancel(changed.jobs.all(states={JobState.WAITING})[0].job_id)
    page = opened()
    assert JobState.WAITING not in asked(changed, MEASURE)
    press(page, "Measure anew")
    assert JobState.WAITING in asked(changed, MEASURE)


def test_what_failed_says_why_and_is_not_tried_for_ever(changed: Store) -> None:
    read_more(changed)
    opened()
    (job,) = changed.jobs.all(states={JobState.WAITING})
    changed.jobs.lease(job.job_id, "test", seconds=5)
    changed.jobs.fail(job.job_id, "test", {"error": "The disk is full.", "do": "make room"})
    for _ in range(2):
        said = words(opened())
        assert "The disk is full." in said
        assert "what stands here is of before" in said
    assert sorted(asked(changed, MEASURE)) == [JobState.DONE, JobState.FAILED]


def test_a_result_of_another_form_is_said_and_measured_anew(changed: Store) -> None:
    blobs = Blobs.of(home_of(changed))
    name = blobs.put(b'{"task": "cxr_quality"}')
    changed.db.execute(
        "UPDATE jobs SET result = json_set(result, '$.measured', ?) WHERE kind = ?", [name, MEASURE]
    )
    page = opened()
    assert "What was measured of the readers cannot be read." in words(page)
    press(page, "Measure anew")
    assert JobState.WAITING in asked(changed, MEASURE)


def test_a_round_is_measured_by_itself(changed: Store) -> None:
    page = opened(round=f"{TASK}-r1")
    (job,) = changed.jobs.all(states={JobState.WAITING})
    assert (job.kind, job.arguments["round_id"]) == (MEASURE, f"{TASK}-r1")
    jobs.run(home_of(changed), job.job_id)
    page.run()
    found = newest_overview(changed, Blobs.of(home_of(changed)), TASK, f"{TASK}-r1")
    assert found is not None
    assert (found.round_id, found.studies) == (f"{TASK}-r1", 8)
    assert "8 studies · 8 patients" in words(page)


def test_a_case_with_an_adjudicator_leads_there(changed: Store) -> None:
    found = newest_overview(changed, Blobs.of(home_of(changed)), TASK)
    assert found is not None
    study = found.cases[0].study_id
    assert 'data-open="adjudication' not in words(opened())
    request = ReadRequest("rq-judge", f"{TASK}-r2", TASK, study, "senior", Purpose.ADJUDICATION, Mode.INDEPENDENT)
    changed.reads.plan([request])
    changed.reads.set_requests([replace(request, state=RequestState.PUSHED)])
    said = words(opened())
    rows = sum(case.study_id == study for case in found.cases)
    assert said.count(f'data-open="adjudication {study}"') == rows
    assert f"With the adjudicator ({rows})" in said


def test_the_report_is_written_and_brought(changed: Store) -> None:
    home = home_of(changed)
    press(opened(), "Write the reading-study report")
    (job,) = [job for job in changed.jobs.all() if job.kind == REPORT]
    jobs.run(home, job.job_id)
    done = changed.jobs.get(job.job_id)
    path = home.reports / str(done.result["zip"])
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        names = archive.namelist()
        page = archive.read(f"reading-study-{TASK}/report.html").decode()
    assert f"reading-study-{TASK}/agreement.csv" in names
    assert "Technical quality of chest radiographs" in page
    assert SOURCE_ID.split(":")[1] not in page
    assert {f.name for f in (home.reports / f"reading-study-{TASK}").iterdir()} == {Path(n).name for n in names}
    assert "Download the report (ZIP)" in words(opened())


WRITE = {"en": "Write the reading-study report", "ru": "Составить отчёт об исследовании чтений"}
BRING = {"en": "Download the report (ZIP)", "ru": "Скачать отчёт (ZIP)"}


def test_each_language_has_its_report(changed: Store) -> None:
    home, pages = home_of(changed), {}
    for code, ending in (("en", ""), ("ru", "-ru")):
        page = opened(lang=code)
        assert BRING[code] not in words(page)  # the other language's is none of its own
        press(page, WRITE[code])
        (job,) = [job for job in changed.jobs.all() if job.kind == REPORT and job.state == JobState.WAITING]
        assert job.arguments["language"] == code
        jobs.run(home, job.job_id)
        assert BRING[code] in words(opened(lang=code))
        name = f"reading-study-{TASK}{ending}"
        assert changed.jobs.get(job.job_id).result["zip"] == f"{name}.zip"
        with zipfile.ZipFile(home.reports / f"{name}.zip") as archive:
            pages[code] = archive.read(f"{name}/report.html").decode()
    assert BRING["en"] in words(opened())
    assert '<html lang="en">' in pages["en"]
    assert "Technical quality of chest radiographs" in pages["en"]
    assert '<html lang="ru">' in pages["ru"]
    assert "Техническое качество рентгенограмм органов грудной клетки" in pages["ru"]


def test_what_was_measured_is_told_in_russian(changed: Store) -> None:
    page = opened(lang="ru")
    assert "среднее по экспертам" in words(page)
    assert left(page) == []


def test_a_reader_does_not_see_the_page(changed: Store) -> None:
    assert "Disputes" not in words(opened(reader="reader-1"))


def test_earlier_results_are_removed_but_the_last(changed: Store) -> None:
    home = home_of(changed)
    blobs = Blobs.of(home)
    names = []
    for number in range(3):
        first = changed.reads.annotations(TASK, round_id=f"{TASK}-r1")[number]
        changed.reads.keep(replace(first, answers=first.answers[:1]))
        job = jobs.enqueue(home, MEASURE, task=TASK, round_id="", stamp=str(number))
        jobs.run(home, job.job_id)
        names.append(str(changed.jobs.get(job.job_id).result["measured"]))
    assert [name in blobs for name in names] == [False, True, True]
    found = newest_overview(changed, blobs, TASK)
    assert isinstance(found, Overview)
    assert found.stamp == stamp_of(changed, TASK)


def test_outlines_are_asked_for_where_a_task_has_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "panel").prepare()
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store = panel_home.fill(home, panel_home.tell(studies=8))
    asked_for = jobs.enqueue(
        home, MEASURE, task=panel_home.TASK, round_id="", stamp=stamp_of(store, panel_home.TASK).text
    )
    jobs.run(home, asked_for.job_id)
    page = opened(**{CHOSEN: panel_home.TASK})
    assert asked(store, OUTLINES) == [JobState.WAITING]
    (job,) = [job for job in store.jobs.all() if job.kind == OUTLINES]
    jobs.run(home, job.job_id)
    page.run()
    assert "Nobody has drawn anything yet." in words(page)
    assert "Level by level" in words(page)
    assert "L4/L5" in words(page)
    assert "7 of 7 readers are scripts, not people" in words(page)


# -- the plot ----------------------------------------------------------------------------------------------------


def test_a_dot_stands_on_its_figure_between_its_ends() -> None:
    rows = [Dot("a", Metric(0.5, 0.2, 0.7, 9)), Dot("b", None), of_model("m", Metric(0.8, 0.6, 0.9, 9))]
    figure = dots(rows, bands=True)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    marks = [trace for trace in figure.data if trace.mode == "text"]
    assert [tuple(line.x) for line in lines] == [(0.2, 0.7), (0.6, 0.9)]
    assert [line.line.dash for line in lines] == ["solid", "3px,3px"]
    assert [(mark.x[0], mark.y[0]) for mark in marks] == [(0.5, 0), (0.8, 2)]
    said = [note.text for note in figure.layout.annotations]
    assert said[-3:] == ["0.50 (0.20 to 0.70)", "—", "0.80 (0.60 to 0.90)"]
    assert said[:5] == ["slight", "fair", "moderate", "substantial", "almost perfect"]


def test_agreement_below_chance_has_its_band() -> None:
    figure = dots([Dot("a", Metric(-0.2, -0.4, 0.1, 9))], bands=True)
    assert figure.layout.annotations[0].text == "poor"
    assert figure.layout.xaxis.range[0] < -0.4
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"][1] == (0.0, 0.2)


def test_an_axis_with_a_unit_has_no_end_at_one() -> None:
    figure = dots([Dot("a", Metric(7.0, 5.0, 9.0, 9))], unit="mm", title="HD95")
    assert figure.layout.xaxis.range[1] > 9.0
    assert figure.layout.xaxis.title.text == "HD95, mm"


def test_the_disputes_are_filtered_by_the_address(changed: Store) -> None:
    found = newest_overview(changed, Blobs.of(home_of(changed)), TASK)
    assert found is not None
    question = found.cases[0].question
    of_question = [case for case in found.cases if case.question == question]
    kind = of_question[0].doubt
    fitting = {case.study_id for case in of_question if case.doubt == kind}
    others = {case.study_id for case in found.cases} - fitting
    page = opened(about=question, doubt=kind.value)
    told = words(page)
    assert {
        study for study in fitting | others if f'data-open="{study}"' in told.split("Where the next")[0]
    } == fitting
    assert page.query_params["doubt"] in (kind.value, [kind.value])


def test_many_disputes_are_paged(changed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = newest_overview(changed, Blobs.of(home_of(changed)), TASK)
    assert found is not None
    assert len(found.cases) > 2
    monkeypatch.setattr("workbench.views.parts.dispute_rows.PAGE", 2)
    told = words(opened(disputes="2")).split("Where the next")[0]
    on_page = [case.reason for case in found.cases[2:4]]
    assert f"3 to {2 + len(on_page)} of {len(found.cases)}" in told
    assert all(reason in told for reason in on_page)
    assert f'data-open="{found.cases[0].study_id}"' not in told or found.cases[0].study_id in {
        case.study_id for case in found.cases[2:4]
    }
