"""The status of a workspace: without any run, with an invalid project, with damaged tables."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
import yaml

from mlops_assets.components.model_project.status.reports import open_reports
from mlops_assets.stores.duckdb.connection import SPILL
from mlops_assets.stores.governance.ledger.entries import Entry, Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.status.collect import collect_status
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import enter_dg_project, write_dg_project
from mlops_assets_tests.support.loans import ATTRIBUTES, FEATURES_SQL, SCHEMA

FILES = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
DRIFT = """
    select 'training' as reference, 'feature' as kind, column_name, 0.1 * {month} as weighted_effect,
        column_name = 'income' and {month} = 3 as drifted, 1::bigint as model_version
    from (values ('income'), ('age')) as columns(column_name)
    union all select 'training', 'multivariate', null, null, {month} = 3, 1
"""
PERFORMANCE = """
    select '{kind}' as kind, 'roc_auc' as metric, null::varchar as slice_column, null::varchar as slice_value,
        {value} as value, {value} - 0.02 as low, {value} + 0.02 as high, 0.8 as at_registration,
        0.78 as at_registration_low, 0.82 as at_registration_high, {value} > 0.75 as holds,
        1::bigint as model_version
"""
QUALITY = """
    select 'loans' as table_name, 'rows' as measure, null::varchar as column_name, false as in_line
    union all select 'loans', 'nulls', 'income', true
"""


@pytest.fixture
def root(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    write_dg_project(tmp_path / "project", "lending", ATTRIBUTES, FILES, mlflow=empty_tracking_store)
    monkeypatch.delenv("MLOPS_STATE_DIR", raising=False)
    root = enter_dg_project(tmp_path / "project", monkeypatch)
    (root / "data" / "state" / "mlflow" / "mlflow.db").unlink()
    (root / "data" / "state" / "mlflow").rmdir()
    (root / "data" / "state").rmdir()
    return root


def files_below(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_without_any_run_nothing_is_materialized_and_nothing_is_created(root):
    before = files_below(root)
    [lending] = collect_status(Workspace(root)).projects
    assert (lending.health, lending.reason) == ("missing", "nothing is materialized yet")
    assert {asset.health for asset in lending.assets} == {"missing"}
    assert (lending.champion, lending.disk_bytes, lending.errors) == (None, 0, ())
    assert files_below(root) == before
    done = mlops("status", "--exit-code")
    assert (done.exit_code, files_below(root)) == (0, before)
    assert "lending  missing" in done.stdout
    assert "daemon: not running" in done.stdout


def test_an_invalid_project_does_not_hide_the_others(root):
    [defs] = root.glob("*/defs")
    broken = defs / "broken"
    broken.mkdir()
    declared = {"type": "mlops_assets.ModelProject", "attributes": {**ATTRIBUTES, "colour": "red"}}
    (broken / "defs.yaml").write_text(yaml.safe_dump(declared))
    for name, text in FILES.items():
        (broken / name).write_text(text)
    status = collect_status(Workspace(root))
    assert [(each.name, each.health) for each in status.projects] == [
        ("broken", "unknown"),
        ("lending", "missing"),
    ], status.projects
    assert "defs.yaml:2: colour is not a setting" in status.projects[0].reason
    assert mlops("status", "--exit-code").exit_code == 3
    done = mlops("status", "lending", "--exit-code")
    assert (done.exit_code, "colour" in flat(done.output)) == (0, False)


def test_an_unknown_project_is_an_error_with_a_suggestion(root):
    done = mlops("status", "lendin")
    assert done.exit_code == 1
    assert "there is no project lendin" in done.stderr
    assert "lending" in done.stderr
    done = mlops("status", "lending", "--html", ".")
    assert (done.exit_code, "the page can't be written to .:" in flat(done.stderr)) == (1, True)


def write_records(root: Path) -> Workspace:
    """A champion, a pending version, three months of figures, and an asset that was materialized."""
    workspace = Workspace(root)
    warehouse = Warehouse(workspace.state.warehouse)
    entries: list[Entry] = []
    for event in (
        Event(
            "registered", 1, "dagster run 01234567", "trained", "0" * 64, {"cutoff": "2024-01"}, "", "mlflow1"
        ),
        Event("approved", 1, "anna", "checked", "0" * 64),
        Event("promoted", 1, "anna", "checked", "0" * 64),
        Event("registered", 2, "dagster run 01234567", "trained", "1" * 64),
        Event("gated", 2, "gates", "better", "1" * 64),
    ):
        entries.append(Entry.after(entries[-1] if entries else None, event, datetime.now(UTC)))
    Ledger(warehouse, "lending").append(entries)
    report = workspace.state.reports / "lending" / "mlflow1" / "evaluation_report.json"
    report.parent.mkdir(parents=True)
    numbers = {
        "metric": "roc_auc",
        "scores": {"model": {"roc_auc": 0.8}},
        "intervals": {"model": [0.78, 0.82]},
    }
    report.write_text(json.dumps(numbers))
    with duckdb.connect() as connection:
        for month in (1, 2, 3):
            values = {
                "month": month,
                "kind": "measured" if month < 3 else "estimated",
                "value": 0.9 - month / 10,
            }
            for table, query in (
                ("drift_report", DRIFT),
                ("performance_report", PERFORMANCE),
                ("data_quality", QUALITY),
            ):
                rows = connection.sql(query.format(**values))
                warehouse.write(["lending", table], rows, partition=f"2024-0{month}")
    with workspace.instance() as instance:
        for key in sorted(workspace.project("lending")):
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
    return workspace


def test_figures_champion_and_pending_versions_have_the_recorded_values(root):
    workspace = write_records(root)
    spill = workspace.state.warehouse / SPILL
    spill.rmdir()
    status = collect_status(workspace, "lending")
    assert not spill.exists()  # the state directory may be read-only
    [lending] = status.projects
    assert (lending.health, lending.errors) == ("warning", ())
    assert lending.reason == "pending approval: version 2"
    champion = lending.champion
    assert (champion.version, champion.approved_by, champion.cutoff) == (1, "anna", "2024-01")
    assert (champion.metric, champion.value, champion.low, champion.high) == ("roc_auc", 0.8, 0.78, 0.82)
    assert [each.version for each in lending.pending] == [2]
    assert [(each.partition, each.columns, each.drifted) for each in lending.drift] == [
        ("2024-01", 2, 0),
        ("2024-02", 2, 0),
        ("2024-03", 2, 1),
    ]
    assert lending.drift[2].drifted_kinds == ("multivariate",)
    assert lending.drift[2].largest == pytest.approx(0.3)
    assert [(each.kind, each.holds) for each in lending.performance] == [
        ("measured", True),
        ("measured", False),
        ("estimated", False),
    ]
    assert [(each.measures, each.out_of_line, each.first) for each in lending.quality] == [
        (2, 1, "loans rows")
    ] * 3
    assert lending.disk_bytes > 1_000
    check_command()
    check_damage(root)


def test_the_number_of_queries_does_not_depend_on_the_number_of_projects(tmp_path):
    warehouse, projects = Warehouse(tmp_path), ["lending", "selling", "storing"]
    write_figures(warehouse, projects)
    with open_reports(tmp_path) as reports:
        queries: list[str] = []
        opened = reports.connection
        reports.connection = SimpleNamespace(
            execute=lambda query: queries.append(query) or opened.execute(query)
        )
        reports.read_ahead([*projects, "nothing_yet"])
        found = {
            name: (reports.quality(name), reports.drift(name), reports.ledger(name)) for name in projects
        }
        assert (len(queries), reports.errors) == (4, [])
        assert reports.performance("nothing_yet") == ()
        assert reports.ledger("nothing_yet") == []
    for name in projects:
        with open_reports(tmp_path) as alone:
            assert found[name] == (alone.quality(name), alone.drift(name), alone.ledger(name))
        assert [point.partition for point in found[name][1]] == ["2024-01", "2024-02", "2024-03"]
        assert found[name][2][0].event.reason == name


def test_a_damaged_table_among_others_is_the_error_of_its_project(tmp_path):
    projects = ["lending", "selling"]
    write_figures(Warehouse(tmp_path), projects)
    for damaged in ("drift_report", "ledger"):
        [file, *_] = (tmp_path / "selling" / damaged).rglob("*.parquet")
        file.write_bytes(b"x" * file.stat().st_size)
    with open_reports(tmp_path) as reports:
        reports.read_ahead(projects)
        assert (len(reports.drift("lending")), len(reports.ledger("lending"))) == (3, 1)
        assert reports.errors == []
        assert (reports.drift("selling"), reports.ledger("selling")) == ((), [])
        assert ["selling.drift_report" in reports.errors[0], "selling: the ledger" in reports.errors[1]] == [
            True,
            True,
        ]


def write_figures(warehouse: Warehouse, projects: list[str]) -> None:
    """A ledger and three months of figures for each project."""
    for project in projects:
        event = Event("registered", 1, "dagster run 01234567", project, "0" * 64)
        Ledger(warehouse, project).append([Entry.after(None, event, datetime.now(UTC))])
        with duckdb.connect() as connection:
            for month in (1, 2, 3):
                values = {"month": month, "kind": "measured", "value": 0.9 - month / 10}
                tables = (
                    ("drift_report", DRIFT),
                    ("performance_report", PERFORMANCE),
                    ("data_quality", QUALITY),
                )
                for table, query in tables:
                    rows = connection.sql(query.format(**values))
                    warehouse.write([project, table], rows, partition=f"2024-0{month}")


def check_command():
    """The command shows the same, as text, as JSON and as a page."""
    shown = flat(mlops("status", "lending").stdout)
    assert "version 1, cut-off 2024-01" in shown
    assert "approved by anna: checked" in shown
    assert "▁▅█ 2024-01 to 2024-03: 1 of 2 columns drifted, largest effect 0.3" in shown
    assert "roc_auc 0.6 estimated, at registration 0.8; does not hold" in shown
    assert 'decide: mlops approve lending 2 --reason "…"' in shown
    done = mlops("status", "--json", "--html", "page.html")
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert {*document} == {"schema", "at", "projects", "daemon", "disk", "incidents", "errors"}
    assert document["projects"][0]["champion"]["low"] == 0.78
    page = Path("page.html").read_text("utf-8")
    assert "version 2 is pending approval" in page
    assert "<title>2024-03: 0.3" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def check_damage(root: Path):
    """A damaged table is an error of its project, and all others are read."""
    [file, *_] = (root / "data/state/warehouse/lending/drift_report").rglob("*.parquet")
    file.write_bytes(b"")
    [lending] = collect_status(Workspace(root)).projects
    assert lending.health == "unknown"
    assert "lending.drift_report" in lending.errors[0]
    assert (lending.drift, len(lending.performance)) == ((), 3)
