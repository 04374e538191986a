"""Settings of an event project that don't go together: each is told with its path, its file and its line."""

import copy

import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from pydantic import ValidationError

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets_tests.support.loans import SCHEMA as LOANS_SCHEMA
from mlops_assets_tests.support.shop import FEATURES_SQL, SCHEMA, SETTINGS, TARGET_SQL

LOANS = {
    "description": "Which loans are paid late.",
    "task": "binary",
    "target": {"column": "outcome"},
    "tables": {"loans": {"source": "data/*.csv"}},
}


def changed(settings, path, value):
    """The same settings with another value at a path; None takes it away."""
    found = copy.deepcopy(settings)
    *groups, last = path.split(".")
    inner = found
    for group in groups:
        inner = inner.setdefault(group, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return found


def told(settings):
    with pytest.raises(ValidationError) as caught:
        ModelProject.model_validate(settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("entity", None, "entity is missing: an event project names the columns"),
        ("target.horizon", None, "target.horizon is missing: how many partitions after its own"),
        ("tables.purchases.time", None, "tables has no table with `time`, and so no events"),
        ("split", {"holdout": 0.3}, "split is for projects without partitions"),
        (
            "partitions.start",
            "soon",
            "partitions.start soon is not a valid start or end of monthly partitions",
        ),
        (
            "partitions.end",
            "2023-01",
            "partitions.start the end of the partitions, 2023-01, is before their start",
        ),
        ("training.window", 1, "training.window is 1, and must be more than target.horizon, 1"),
        ("target.column", "customer", "target.column is customer, which is what is predicted for"),
        ("tables.entities", {"source": "x.csv"}, "tables.entities is no name for a table"),
        ("tables.features", {"source": "x.csv"}, "and is not features or entities"),
        ("tables.people", {"source": "x.csv", "arrival": "day"}, "tables.people.arrival needs `time`"),
        ("schedules.train", "0 25 * * *", "schedules.train is '0 25 * * *', which cron does not know"),
        ("schedules.score", "0 7 31 2 99", "schedules.score is"),
        ("schedules.backfill", {"cron": "61 * * * *"}, "schedules.backfill.cron is"),
        ("tuning.metric", "rmse", "tuning.metric is rmse, and binary has"),
        ("tuning.families", ["linear", "linear"], "tuning.families names linear more than once"),
        ("tuning.decision", {"metric": "f1", "false_positive": 1}, "tuning.decision names either metric, or"),
        (
            "tuning.decision",
            {"false_positive": 1},
            "tuning.decision needs both costs, and one of them above 0",
        ),
        ("target.maximum", 5.0, "target.maximum is for regression, and task is binary"),
    ],
)
def test_event_settings_that_do_not_go_together_are_told(path, value, fault):
    assert fault in told(changed(SETTINGS, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("entity", ["customer"]),
        ("target.horizon", 3),
        ("schedules.score", "@daily"),
        ("schedules.backfill", {"cron": "@daily"}),
        ("freshness.predictions_hours", 24),
        ("training", {"window": 3}),
        ("tables.loans.time", "paid_at"),
    ],
)
def test_what_is_for_event_projects_is_told_where_there_are_no_partitions(path, value):
    assert f"{path} is for event projects, which declare `partitions`" in told(changed(LOANS, path, value))


def test_without_partitions_there_is_one_table():
    assert "tables has 2 entries" in told(changed(LOANS, "tables.more", {"source": "x.csv"}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("target.horizon", 0),
        ("partitions.lookback", 0),
        ("partitions.cadence", "hourly"),
        ("training.window", 0),
        ("training.refitt", True),
        ("schedules.train", "daily"),
        ("schedules.backfill", {"cron": "@daily", "last": 0}),
        ("automation.seconds", 0),
        ("freshness.champion_hours", 0),
    ],
)
def test_a_setting_out_of_its_bounds_is_told_with_its_path(path, value):
    assert path.split(".")[0] in told(changed(SETTINGS, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.window", 2),
        ("partitions.lookback", None),
        ("schedules.train", "@monthly"),
        ("tables.people", {"source": "people.csv"}),
        ("tables.purchases.arrival", "bought_at"),
    ],
)
def test_settings_that_go_together_are_taken(path, value):
    assert ModelProject.model_validate(changed(SETTINGS, path, value)).partitions


def loading(attributes, **files):
    """What is told when the folder is loaded."""
    contents = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL, "target.sql": TARGET_SQL, **files}
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.defs_folder_path / "shop"
        folder.mkdir()
        declared = {"type": "mlops_assets.ModelProject", "attributes": attributes}
        (folder / "defs.yaml").write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")
        for name, text in contents.items():
            if text is not None:
                (folder / name).write_text(text, "utf-8")
        with pytest.raises(Exception) as caught, sandbox.build_all_defs():  # noqa: PT011 - the text is judged
            pass
        lines = (folder / "defs.yaml").read_text("utf-8").splitlines()
    found, error = [], caught.value
    while error:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(found), lines


@pytest.mark.parametrize(
    ("path", "value", "fault", "line"),
    [
        ("training.window", 1, "training.window is 1", "window: 1"),
        ("target.column", "customer", "target.column is customer", "column: customer"),
        ("schedules.train", "0 25 * * *", "schedules.train is '0 25 * * *'", "train: 0 25 * * *"),
        ("target.horizon", None, "target.horizon is missing", "target:"),
        ("partitions.start", "soon", "partitions.start soon is not a valid start", "start: soon"),
    ],
)
def test_what_does_not_go_together_is_told_with_file_and_line(path, value, fault, line):
    error, lines = loading(changed(SETTINGS, path, value))
    assert fault in error
    [number] = [number for number, text in enumerate(lines, 1) if text.strip() == line]
    assert f"shop/defs.yaml:{number}" in error


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"target.sql": None}, "target.sql"),
        ({"target.sql": "  "}, "target.sql is empty"),
        ({"features.sql": None}, "features.sql"),
        ({"schema.py": LOANS_SCHEMA}, "has no class Purchases for the table purchases"),
    ],
)
def test_a_folder_of_events_without_one_of_its_files_is_a_clear_error(files, fault):
    error, _ = loading(SETTINGS, **files)
    assert fault in error
    assert "shop" in error
