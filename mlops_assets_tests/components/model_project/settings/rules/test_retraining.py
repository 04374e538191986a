"""Settings of retraining: contradictions are refused with path, file and line number."""

from pathlib import Path

import pytest
from dagster.components.testing import create_defs_folder_sandbox

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.workspace.definition_errors import translate_definition_error
from mlops_assets_tests.components.model_project.settings.rules.test_consistency import LOANS, error_of
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA
from mlops_assets_tests.support.shop import SETTINGS

EVENTS = {**SETTINGS, "monitoring": {"reports": ["drift"]}}
DAILY = {"schedules": {"train": "@daily"}}


@pytest.mark.parametrize(
    ("settings", "retrain", "message"),
    [
        (EVENTS, {"when": []}, "List should have at least 1 item"),
        (EVENTS, {"when": ["sometimes"]}, "Input should be 'schedule', 'drift', 'performance' or 'new_data'"),
        (EVENTS, {"when": ["drift", "drift"]}, "retrain.when lists drift more than once"),
        (
            EVENTS,
            {"when": ["drift"], "m_of_n": [3, 2]},
            "retrain.m_of_n is [3, 2]: 3 of 2 reports can't have evidence; write [2, 3]",
        ),
        (EVENTS, {"when": ["drift"], "m_of_n": [0, 2]}, "greater than or equal to 1"),
        (EVENTS, {"when": ["drift"], "m_of_n": [1]}, "at least 2 items"),
        (EVENTS, {"when": ["drift"], "cooldown": -1}, "greater than or equal to 0"),
        (EVENTS, {"when": ["schedule"]}, "retrain.when has schedule, which requires schedules.train"),
        (
            EVENTS | DAILY,
            {"when": ["drift"]},
            "schedules.train starts trainings, but retrain.when does not have schedule; add schedule",
        ),
        (
            EVENTS,
            {"when": ["new_data", "performance"]},
            "retrain.when.1 is performance, which monitoring.reports does not have; add it there",
        ),
        (
            LOANS,
            {"when": ["drift"]},
            "retrain.when.0 is drift, which requires predictions",
        ),
        (EVENTS, {"when": ["new_data"], "m_of_n": [1, 2]}, "retrain.m_of_n requires drift or performance"),
        (EVENTS, {"when": ["drift"], "new_cutoffs": 2}, "retrain.new_cutoffs requires new_data"),
        (
            EVENTS,
            {"when": ["new_data"], "new_rows": 2},
            "retrain.new_rows is for projects without",
        ),
        (LOANS, {"when": ["new_data"], "new_cutoffs": 2}, "retrain.new_cutoffs is for event projects"),
        (LOANS, {"when": ["new_data"], "cooldown": 2}, "retrain.cooldown is for event projects: it counts"),
    ],
)
def test_contradictions_are_refused(settings, retrain, message):
    assert message in error_of({**settings, "retrain": retrain})


@pytest.mark.parametrize(
    ("settings", "retrain"),
    [
        (EVENTS | DAILY, {"when": ["schedule", "drift", "new_data"], "m_of_n": [2, 3], "cooldown": 2}),
        (LOANS, {"when": ["new_data"], "new_rows": 500}),
        (EVENTS, None),
    ],
)
def test_what_fits_together_is_accepted(settings, retrain):
    assert ModelProject.model_validate({**settings, "retrain": retrain})


def test_the_error_names_file_and_line():
    with create_defs_folder_sandbox() as sandbox:
        folder = Path(sandbox.defs_folder_path) / "lending"
        folder.mkdir()
        (folder / "defs.yaml").write_text(
            "type: mlops_assets.ModelProject\nattributes:\n  description: Which loans are paid late.\n"
            "  task: binary\n  target: {column: outcome}\n  tables: {loans: {source: data/*.csv}}\n"
            "  retrain:\n    when: [new_data]\n    cooldown: 3\n",
            "utf-8",
        )
        (folder / "schema.py").write_text(SCHEMA, "utf-8")
        (folder / "features.sql").write_text(FEATURES_SQL, "utf-8")
        with pytest.raises(Exception) as caught, sandbox.build_all_defs():  # noqa: PT011
            pass
        error = translate_definition_error(caught.value, "definitions", sandbox.defs_folder_path)
    assert "defs.yaml:9" in error.message
    assert "retrain.cooldown is for event projects" in error.message
