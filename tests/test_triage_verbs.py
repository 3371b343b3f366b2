"""``consilium triage`` from the first refusal to a lifted alarm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from data.home import Home
from data.records import Watched
from tests import triage_home
from tests.triage_home import TASK
from workbench.cli import app

runner = CliRunner()


def said(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = runner.invoke(app, ["triage", *arguments, "--json"])
    assert done.exit_code == code, done.output
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


def test_a_promise_that_cannot_be_given_says_how_many_more_it_takes(home: Home) -> None:
    triage_home.fill(home, calibration=100, train=10)
    refused = said("plan", TASK, code=1)
    assert refused["error"].endswith("109 more are needed.")
    assert "149" in refused["expected"]
    assert said("status", TASK)["clearing"] == "no operating point"


def test_from_an_operating_point_to_a_lifted_alarm(home: Home) -> None:
    store = triage_home.fill(home, calibration=200, train=200)
    made = said("plan", TASK, "--miss", "0.1", "--confidence", "0.9", "--prevalence", "0.05")
    assert (made["miss"], made["confidence"], made["pathological"]) == (0.1, 0.9, 80)
    assert made["bound"] <= 0.1
    assert made["pathology_if_cleared"]["value"] < 0.05
    done = said("run", TASK)
    assert done["clear"] + done["read"] + done["adjudicate"] == 224
    assert done["newly_cleared"] == done["clear"] > 0
    assert sum(row["studies"] for row in done["reasons"]) == 224
    found = said("status", TASK)
    assert (found["clearing"], found["cleared"], len(found["due"])) == ("on", done["clear"], done["audits"])
    policy = store.triage.policy(TASK, made["version"])
    assert policy is not None
    store.triage.alarm(policy, Watched.SCORES, "other scores.")
    stopped = said("status", TASK)
    assert (stopped["clearing"], stopped["cleared"]) == ("stopped", 0)
    assert said("run", TASK)["clear"] == 0
    lifted = said("resume", TASK, "--reason", "a new device, checked")
    assert [alarm["reason"] for alarm in lifted["lifted"]] == ["a new device, checked"]
    assert said("status", TASK)["clearing"] == "on"
    assert said("resume", TASK, "--reason", "again", code=1)["error"] == "No alarm stands."


@pytest.mark.parametrize(
    ("verb", "told"),
    [("plan", "pathology_if_cleared"), ("run", "Decided by chest_ct_norm-v1"), ("status", "clearing")],
)
def test_people_get_a_table(verb: str, told: str, home: Home) -> None:
    triage_home.fill(home, calibration=150, train=20)
    if verb != "plan":
        said("plan", TASK, "--miss", "0.1")
    done = runner.invoke(app, ["triage", verb, TASK, *(["--miss", "0.1"] if verb == "plan" else [])])
    assert done.exit_code == 0
    assert told in done.stdout
