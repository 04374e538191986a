"""`mlops metrics` over a project: before a run, beside an invalid project, with a damaged instance."""

import logging
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from mlops_assets.workspace.metrics.declarations import Declarations
from mlops_assets_tests.support.command_line import mlops
from mlops_assets_tests.support.prometheus import promtool

LENDING = {"project": "lending"}
DAGSTER = {"collector": "dagster"}


class Samples(dict):
    """The samples of a text by name, each as its labels and value."""

    def value(self, name: str, **labels: str) -> float | None:
        return next((value for found, value in self.get(name, ()) if found == labels), None)


def metrics() -> Samples:
    answered = mlops("metrics")
    assert answered.exit_code == 0, answered.output
    checked = promtool("check", "metrics", text=answered.stdout)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    found = Samples()
    for family in text_string_to_metric_families(answered.stdout):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_one_part_that_fails_leaves_the_others(place: Path, caplog):
    state = place / "data" / "state"
    before = {path for path in state.rglob("*") if path.is_file()}
    found = metrics()
    assert found.value("mlops_collector_success", **DAGSTER) == 1
    assert found.value("mlops_project_load_error", **LENDING) == 0
    assert found.value("mlops_dagster_daemon_running") == 0
    ended = {**LENDING, "job_name": "lending_train", "state": "failure"}
    assert found.value("mlops_runs_finished_total", **ended) == 0
    assert {path for path in state.rglob("*") if path.is_file()} == before, "it only reads"

    [defs] = place.glob("lending_*/defs")
    (defs / "broken").mkdir()
    (defs / "broken" / "defs.yaml").write_text("type: mlops_assets.ModelProject\nattributes: {tusk: 3}\n")
    found = metrics()
    assert found.value("mlops_project_load_error", project="broken") == 1
    assert found.value("mlops_project_load_error", **LENDING) == 0
    assert found.value("mlops_pending_approvals", **LENDING) == 0

    runs = state / "dagster" / "history" / "runs.db"
    runs.parent.mkdir(parents=True)
    runs.write_bytes(b"no database" * 1_000)
    with caplog.at_level(logging.ERROR):
        found = metrics()
    assert found.value("mlops_collector_success", **DAGSTER) == 0
    assert found.value("mlops_collector_success", collector="projects") == 1
    assert "mlops_dagster_daemon_running" not in found
    assert "mlops_runs_finished_total" not in found
    assert found.value("mlops_pending_approvals", **LENDING) == 0
    assert "metrics of dagster can't be collected" in caplog.text


def test_declarations_have_changed_once_a_file_is_added_written_or_removed(tmp_path):
    declared, other = tmp_path / "shop" / "defs.yaml", tmp_path / "shop" / "schema.py"
    declared.parent.mkdir()
    declared.write_text("a")
    loaded = Declarations(tmp_path)
    (tmp_path / "shop" / "__pycache__").mkdir()
    (tmp_path / "shop" / "__pycache__" / "schema.pyc").touch()
    assert not loaded.have_changed()
    declared.write_text("ab")
    assert loaded.have_changed()
    loaded = Declarations(tmp_path)
    other.touch()
    assert loaded.have_changed()
    loaded = Declarations(tmp_path)
    other.unlink()
    assert loaded.have_changed()
