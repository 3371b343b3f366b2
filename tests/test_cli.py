"""The command line: documented, quick to answer, and strict about what it prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from data.phantoms.cxr_quality import write
from workbench.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
runner = CliRunner()


def verbs() -> Iterator[tuple[str, Any]]:
    def walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, f"{path}{name} ")
            else:
                yield f"{path}{name}", command

    yield from walk(typer.main.get_command(app), "")


VERBS = dict(verbs())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    row = re.search(rf"^\| `consilium {re.escape(verb)}[ `].*$", README, re.MULTILINE)
    assert row, f"the README's reference has no row for `consilium {verb}`"
    command = VERBS[verb]
    assert command.help
    names = [name for parameter in command.params for name in parameter.opts if name.startswith("--")]
    assert "--json" in names
    for name in set(names) - {"--json"}:
        assert f"`{name}`" in row[0], f"the README's row of `consilium {verb}` leaves out {name}"


def test_the_reference_documents_no_verb_that_is_not_there() -> None:
    rows = re.findall(r"^\| `consilium ([^`]+)`", README, re.MULTILINE)
    named = {" ".join(word for word in row.split() if word.islower()) for row in rows}
    assert named == set(VERBS)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom workbench.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'streamlit', 'gradio', 'pandas', 'sklearn', 'pydicom', 'label_studio_sdk'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_json_is_the_only_line_on_standard_output() -> None:
    done = runner.invoke(app, ["tasks", "--json"])
    assert done.exit_code == 0
    (line,) = done.stdout.splitlines()
    (task,) = [t for t in json.loads(line)["tasks"] if t["name"] == "cxr_quality"]
    assert task["profiles"] == ["paper", "demo", "tiny"]
    assert task["questions"] == ["projection", "borders_frontal", "borders_lateral", "rotation_lateral"]
    assert task["champion"] is None


def test_an_error_of_the_users_says_what_to_do() -> None:
    done = runner.invoke(app, ["evaluate", "cxr_quality", "--json"])
    assert done.exit_code == 1
    error = json.loads(done.stdout)
    assert error["error"] == "The task has no champion yet."
    assert error["given"] == "cxr_quality"
    assert "consilium train" in error["do"]
    assert error["expected"]


def test_wrong_usage_is_two() -> None:
    assert runner.invoke(app, ["train"]).exit_code == 2
    assert runner.invoke(app, ["no-such-verb"]).exit_code == 2


def test_readers_are_added_once() -> None:
    first = runner.invoke(app, ["readers", "add", "ivanova", "--name", "A. Ivanova", "--json"])
    again = runner.invoke(app, ["readers", "add", "ivanova", "--json"])
    assert json.loads(first.stdout) == {
        "reader": "ivanova", "name": "A. Ivanova", "role": "reader", "kind": "person", "experience_y": None,
        "active": True,
    }  # fmt: skip
    assert json.loads(again.stdout) == json.loads(first.stdout)
    changed = runner.invoke(app, ["readers", "change", "ivanova", "--experience", "12", "--inactive", "--json"])
    assert json.loads(changed.stdout) == {**json.loads(first.stdout), "experience_y": 12.0, "active": False}
    both = runner.invoke(app, ["readers", "add", "petrov", "--adjudicator", "--curator", "--json"])
    assert (both.exit_code, json.loads(both.stdout)["given"]) == (1, "adjudicator and curator")
    assert [
        r["reader"] for r in json.loads(runner.invoke(app, ["readers", "list", "--json"]).stdout)["readers"]
    ] == ["ivanova"]
    bad = runner.invoke(app, ["readers", "add", "Dr Who", "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["given"] == "Dr Who"


def test_a_home_s_own_guideline_is_the_next_version(tmp_path: Path) -> None:
    shipped = json.loads(runner.invoke(app, ["guideline", "show", "cxr_quality", "--json"]).stdout)
    assert (shipped["version"], shipped["outdated_questions"]) == (1, [])
    assert "lung borders" in shipped["text"]
    own = tmp_path / "ours.md"
    own.write_text("# Ours\n", encoding="utf-8")
    made = json.loads(runner.invoke(app, ["guideline", "publish", "cxr_quality", str(own), "--json"]).stdout)
    assert made["version"] == 2
    assert (
        json.loads(runner.invoke(app, ["guideline", "show", "cxr_quality", "--json"]).stdout)["text"] == "# Ours\n"
    )
    first = runner.invoke(app, ["guideline", "show", "cxr_quality", "--version", "1", "--json"])
    assert json.loads(first.stdout)["text"] == shipped["text"]
    missing = runner.invoke(app, ["guideline", "publish", "cxr_quality", str(tmp_path / "none.md"), "--json"])
    assert (missing.exit_code, json.loads(missing.stdout)["expected"]) == (1, "Markdown in UTF-8")


def test_a_case_that_is_not_yours_is_not_decided() -> None:
    told = runner.invoke(
        app, ["case", "decide", "cxr_quality-r1", "s", "--reader", "a", "--answer", "projection=frontal",
              "--why", "seen", "--json"],
    )  # fmt: skip
    assert (told.exit_code, json.loads(told.stdout)["error"]) == (1, "There is no such round.")


def test_ingest_tells_what_came_in_and_what_was_refused(tmp_path: Path) -> None:
    (phantom,) = write(1, tmp_path)
    (tmp_path / "notes.txt").write_text("no image")
    done = runner.invoke(app, ["ingest", str(tmp_path), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert {k: told[k] for k in ("files", "ingested", "studies", "series", "duplicates")} == {
        "files": 2, "ingested": 1, "studies": 1, "series": 1, "duplicates": 0,
    }  # fmt: skip
    assert [(r["path"], r["reason"]) for r in told["refused"]] == [
        (str((tmp_path / "notes.txt").resolve()), "not an image")
    ]
    again = json.loads(runner.invoke(app, ["ingest", str(phantom), "--json"]).stdout)
    assert (again["ingested"], again["duplicates"], again["studies"]) == (0, 1, 1)
