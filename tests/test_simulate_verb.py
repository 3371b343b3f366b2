"""Simulations from the command line, as background work and on the Loop page: figures, files, and the plot."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from active_learning.learning_curves import Bounded
from active_learning.playing_outcome import Against, Outcome, Simulation
from active_learning.playing_plan import LearnerName, Play
from data.home import HOME_VARIABLE, Home
from data.records import JobState, Part
from data.store import Store
from tests.known_home import PARTS, TASK, fill
from workbench import jobs
from workbench.cli import app
from workbench.learning_plot import learning_curves
from workbench.simulate_work import SIMULATE
from workbench.simulation_report import HEADS, cells_of, html, read_as, settings_of, tables

runner = CliRunner()
ASKED = ["simulate", TASK, "--strategies", "random,entropy", "--budget", "28", "--rounds", "2", "--seeds", "2",
         "--learner", "head"]  # fmt: skip


def outcome(name: str, *, values: tuple[tuple[float, ...], ...], against: Against | None) -> Outcome:
    return Outcome(
        name, values, ((10.0, 20.0, 30.0), (14.0, 22.0, 34.0)), Bounded(0.74, 0.7, 0.78), Bounded(0.8, None, None),
        against, reads=60, wrong_reads=12, cases=40, disputed=3, wrong_cases=2, untrained=0,
    )  # fmt: skip


NEVER = Bounded(None, None, None)
TOLD = Simulation(
    "abc", TASK, "Technical quality", "mean_auc", Play(("random", "entropy", "margin"), (10, 5, 5), seeds=2),
    (10, 15, 20), 240, 81, True,
    (
        outcome("random", values=((0.6, 0.7, 0.8), (0.62, 0.74, 0.8)), against=Against(
            Bounded(0.0, 0.0, 0.0), Bounded(20.0, 18.0, 20.0), Bounded(0.0, 0.0, 0.0))),
        outcome("entropy", values=((0.6, 0.8, 0.9), (0.62, 0.78, 0.86)), against=Against(
            Bounded(0.06, -0.01, 0.12), Bounded(14.6, 12.0, None), Bounded(0.27, None, 0.4))),
        outcome("margin", values=((0.6, 0.6, 0.7), (0.62, 0.6, 0.7)), against=Against(
            Bounded(-0.05, -0.09, -0.02), NEVER, NEVER)),
    ),
)  # fmt: skip
"""A simulation that was told what it came to."""


@pytest.fixture
def known(home: Home) -> Home:
    """A home whose every answer is known."""
    fill(home).close()
    return home


# -- words, tables and the plot --------------------------------------------------------------------------------


def test_a_row_says_how_a_way_stands_beside_random() -> None:
    first, second, third = cells_of(TOLD)
    assert len(HEADS) == len(first)
    assert first == ("random", "0.740 (0.700 to 0.780)", "—", "20", "—", "0.800", "32", "5.0%")
    assert second[2:5] == ("+0.060 (−0.010 to +0.120)", "15", "27% (never to 40%)")
    assert third[2:5] == ("−0.050 (−0.090 to −0.020)", "never", "none")


def test_the_settings_are_said_in_a_sentence() -> None:
    assert settings_of(TOLD) == (
        "2 loops of each way: a start of 10 cases and 2 rounds to 20 of 240 cases, with the profile demo; "
        "3 scripted readers a case, wrong in 10% of the answers; 81 test patients."
    )
    assert "loops and test patients, paired" in read_as(TOLD)


def test_the_tables_hold_every_step_and_every_figure() -> None:
    curves, figures = tables(TOLD)
    assert curves.columns == ("strategy", "loop", "round", "cases", "minutes", "mean_auc")
    assert len(curves.rows) == 3 * 2 * 3
    assert curves.rows[10] == ("entropy", 2, 1, 15, 22.0, 0.78)
    entropy = dict(zip(figures.columns, figures.rows[1], strict=True))
    assert entropy["labels_to_random_final"] == 14.6
    assert (entropy["labels_saved"], entropy["labels_saved_low"], entropy["labels_saved_high"]) == (
        0.27,
        None,
        0.4,
    )
    assert (entropy["wrong_cases"], entropy["disputed"]) == (2, 3)


@pytest.mark.parametrize(("minutes", "across"), [(False, [10, 15, 20]), (True, [12.0, 21.0, 32.0])])
def test_the_plot_draws_means_with_the_loops_as_bands(minutes: bool, across: list[float]) -> None:
    figure = learning_curves(TOLD, minutes=minutes)
    bands, lines = figure.data[:3], figure.data[3:]
    assert [line.name for line in lines] == ["random", "entropy", "margin"]
    assert list(lines[1].x) == pytest.approx(across)
    assert list(lines[1].y) == pytest.approx([0.61, 0.79, 0.88])
    assert list(bands[1].y) == pytest.approx([0.62, 0.8, 0.9, 0.86, 0.78, 0.6])
    assert [line.line.dash for line in lines] == ["dash", "solid", "solid"]
    assert len({line.line.color for line in lines}) == len({line.marker.symbol for line in lines}) == 3


def test_the_report_loads_nothing_from_elsewhere() -> None:
    page = html(TOLD)
    outside = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?[^\"'>]*", page)
    assert outside == []
    assert page.count("Plotly.newPlot(") == 2
    assert "27% (never to 40%)" in page


# -- the command line ------------------------------------------------------------------------------------------


def test_it_plays_prints_and_writes(known: Home, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = runner.invoke(app, [*ASKED, "--out", str(out), "--json"])
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["labels"] == [8, 18, 28]
    assert (told["pool"], told["test_patients"]) == (PARTS[Part.TRAIN], PARTS[Part.TEST])
    assert set(told["strategies"]) == {"random", "entropy"}
    random = told["strategies"]["random"]
    assert random["aulc_gain"]["value"] == 0.0
    assert random["reads"] == 2 * 28 * 3
    assert 0 < random["wrong_reads"] < random["reads"]
    assert {Path(path).name for path in told["files"]} == {
        "learning_curves.html", "learning_curves.csv", "strategies.csv",
    }  # fmt: skip
    with (out / "learning_curves.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * 2 * 3
    finals = [float(row["mean_auc"]) for row in rows if row["strategy"] == "random" and row["cases"] == "28"]
    assert random["final"]["value"] == pytest.approx(sum(finals) / 2)
    again = runner.invoke(app, [*ASKED, "--json"])
    assert {**json.loads(again.stdout.splitlines()[-1]), "files": []} == {**told, "files": []}
    shown = runner.invoke(app, ASKED)
    assert "entropy" in shown.stdout


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (["--strategies", "random,by_guess"], "There is no such way to choose cases."),
        (["--learner", "oracle"], "There is no such learner."),
        (["--profile", "huge"], "There is no such profile."),
        (["--budget", "48"], "There are too few known cases to play the loop on."),
        (["--start", "28"], "Budget, start, batch and rounds do not fit together."),
    ],
)
def test_what_cannot_be_is_an_error_with_a_remedy(known: Home, changed: list[str], error: str) -> None:
    done = runner.invoke(app, [*ASKED, *changed, "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["error"] == error
    assert told["given"]
    assert not (known.path / "simulations").exists()


# -- in the background, and on the page ------------------------------------------------------------------------


def test_the_loop_page_asks_for_a_simulation_and_shows_its_curves(
    known: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(known.path))
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert not page.exception
    assert not page.get("plotly_chart")
    page.multiselect(key=f"simulate ways {TASK}").set_value(["random", "margin"])
    page.number_input(key=f"simulate budget {TASK}").set_value(24)
    page.number_input(key=f"simulate loops {TASK}").set_value(1)
    page.button(key=f"simulate {TASK}").click().run()
    assert not page.exception
    store = Store.of(known)
    (job,) = [one for one in store.jobs.all() if one.kind == SIMULATE]
    play = Play.from_dict(job.arguments["play"])
    assert (play.strategies, play.budget, play.seeds) == (("random", "margin"), 24, 1)
    assert play.learner == LearnerName.HEAD
    jobs.run(known, job.job_id)
    done = store.jobs.get(job.job_id)
    assert (done.state, done.error) == (JobState.DONE, {})
    assert set(done.result["strategies"]) == {"random", "margin"}
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    assert "margin" in "".join(shown.value for shown in page.get("html") if hasattr(shown, "value"))
    store.close()


def _page() -> None:
    """The part alone, as the Loop page shows it."""
    from data.blobs import Blobs
    from data.home import Home
    from data.store import Store
    from models.task import get_task
    from workbench.views.parts import learning_curves
    from workbench.views.parts.context import Here

    home = Home.default()
    learning_curves.show(Here(home, Store.of(home), Blobs.of(home), get_task("cxr_quality"), None))
