"""`mlops new` at a terminal: questions whose defaults are the silent draft."""

import io
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mlops_assets.cli.app import app
from mlops_assets.cli.commands import new
from mlops_assets.cli.output.questions import is_interactive
from mlops_assets_tests.support.command_line import flat

PYPROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "my_models"
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A project root with rows, and the folder of declarations."""
    defs = tmp_path / "my_models" / "defs"
    defs.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    rows = {
        "order_id": range(40),
        "at": ["1/2/2024", "3/4/2024"] * 20,
        "churn": ["no", "yes"] * 20,
        "size": [n % 7 * 1.5 for n in range(40)],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new, "is_interactive", lambda: True)
    return defs


def run(*arguments: str, answers: str = ""):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["new", "shop", *arguments], input=answers)


def test_the_default_answers_are_the_suggestions(place):
    done = run("--data", "rows.csv", answers="\n" * 3)
    assert done.exit_code == 0, done.output
    output = flat(done.output)
    assert "at has dates such as 1/2/2024; which is first, the day or the month (day, month)?" in output
    assert "candidates: churn, size Which column is the target? [churn]" in output
    assert "Which columns are ids and no features, separated by commas, or - for none? [order_id]" in output
    assert "column: churn" in (place / "shop" / "defs.yaml").read_text("utf-8")
    assert "key: [order_id]" in (place / "shop" / "defs.yaml").read_text("utf-8")


def test_other_answers_change_the_draft_and_wrong_ones_are_asked_again(place):
    done = run(answers="rows.csv\nday\nchurm\nsize\n-\n")
    assert done.exit_code == 0, done.output
    assert "'churm' is none of the choices; did you mean churn?" in flat(done.output)
    declared = (place / "shop" / "defs.yaml").read_text("utf-8")
    assert "at: '%d/%m/%Y'" in declared
    assert "column: size" in declared
    assert "key:" not in declared
    assert "order of day and month" not in (place / "shop" / "README.md").read_text("utf-8")


def test_a_log_of_events_is_suggested(place):
    days = pd.date_range("2024-01-01", "2024-02-12", periods=200).astype(str)
    pd.DataFrame({"member_id": [n % 9 for n in range(200)], "at": days, "paid": range(200)}).to_csv("log.csv")
    done = run("--data", "log.csv", answers="\n" * 2)
    assert done.exit_code == 0, done.output
    output = flat(done.output)
    assert "log of events, with the time at and several rows for each member_id" in output
    assert "What is predicted for each member_id: an aggregate over its later rows" in output
    assert "entity: [member_id]" in (place / "shop" / "defs.yaml").read_text("utf-8")


@pytest.mark.parametrize("arguments", [("--yes",), ("--yes", "--target", "churn", "--day-first")])
def test_yes_asks_nothing(place, arguments):
    done = run("--data", "rows.csv", *arguments)
    assert "?" not in done.stdout
    if "--target" in arguments:
        assert done.exit_code == 0, done.output
    else:
        assert "the target column is missing" in flat(done.stderr)
        assert not (place / "shop").exists()


def test_nothing_is_asked_where_the_options_decide(place):
    done = run("--data", "rows.csv", "--target", "churn", "--month-first", "--id", "order_id")
    assert done.exit_code == 0, done.output
    assert "?" not in done.stdout


def test_an_interrupted_question_leaves_nothing_behind(place):
    done = run("--data", "rows.csv", answers="month\n")  # the input ends at the second question
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert list(place.iterdir()) == []


def test_an_interrupted_write_leaves_nothing_behind(place, monkeypatch):
    def interrupt(_: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops_assets.components.model_project.settings.json_schema.write_schema", interrupt)
    done = run("--yes", "--data", "rows.csv", "--target", "churn")
    assert done.exit_code != 0
    assert list(place.iterdir()) == []


def test_an_existing_folder_is_reported_before_any_question(place):
    (place / "shop").mkdir()
    done = run("--data", "rows.csv")
    assert "already exists" in flat(done.stderr)
    assert "?" not in done.stdout


def test_a_session_is_interactive_if_input_and_output_are_a_terminal(monkeypatch):
    _, terminal = os.openpty()
    with os.fdopen(terminal, "r+b", buffering=0) as raw:
        shown = io.TextIOWrapper(raw, write_through=True)
        monkeypatch.setattr(sys, "stdin", shown)
        monkeypatch.setattr(sys, "stdout", shown)
        found = is_interactive()
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        piped = is_interactive()
        monkeypatch.undo()
    assert (found, piped) == (True, False)
