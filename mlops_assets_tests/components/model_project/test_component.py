"""`ModelProject` as Dagster loads it from a folder; errors have file and line number."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from mlops_assets import ModelProject, Stores
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.resources import resources
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA, loans
from mlops_assets_tests.support.workbooks import workbook

DEFS = {
    "type": "mlops_assets.ModelProject",
    "attributes": {
        "description": "Which loans are paid late.",
        "task": "binary",
        "target": {"column": "outcome"},
        "tables": {"loans": {"source": "data/loans.csv"}},
        "tuning": {"trials": 2, "folds": 3, "families": ["xgboost"], "threads": 1},
    },
}


@pytest.fixture
def sandbox() -> Iterator[dg.components.testing.DefsFolderSandbox]:
    with create_defs_folder_sandbox() as made:
        yield made


def write_project(sandbox, defs=DEFS, *, name="lending", schema=SCHEMA, sql=FEATURES_SQL) -> Path:
    folder = sandbox.defs_folder_path / name
    folder.mkdir()
    (folder / "defs.yaml").write_text(yaml.safe_dump(defs, sort_keys=False), "utf-8")
    if schema is not None:
        (folder / "schema.py").write_text(schema, "utf-8")
    (folder / "features.sql").write_text(sql, "utf-8")
    return folder


@contextmanager
def all_defs(sandbox, state) -> Iterator[dg.Definitions]:
    """The sandbox's definitions with the resources that a project requires."""
    with sandbox.build_all_defs() as defs:
        yield dg.Definitions.merge(defs, dg.Definitions(resources=resources(state)))


def changed(**attributes) -> dict:
    return {**DEFS, "attributes": {**DEFS["attributes"], **attributes}}


def load_error(sandbox) -> str:
    """The messages of all errors of a failed load, from the outermost to the cause."""
    with pytest.raises(Exception) as caught, sandbox.build_all_defs():  # noqa: PT011 - any; the text is checked
        pass
    messages, error = [], caught.value
    while error:
        messages.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(messages)


def test_a_project_in_its_own_folder_runs_to_a_champion(sandbox, state, tracking, instance):
    write_project(sandbox)
    (sandbox.project_root / "data").mkdir()
    loans(400).to_csv(sandbox.project_root / "data" / "loans.csv", index=False)
    with all_defs(sandbox, state) as defs:
        job = defs.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance).success
    assert tracking.registry.champion("lending").version == 1
    predicted = tracking.load_pyfunc("models:/lending@champion").predict(loans(5).drop(columns="outcome"))
    assert len(predicted) == 5


def test_preprocessing_beside_a_pipeline_is_an_error(sandbox):
    folder = write_project(sandbox, changed(preprocessing={"encode": {"purpose": "text"}}))
    (folder / "pipeline.py").write_text("def make_pipeline():\n    return None\n", "utf-8")
    message = load_error(sandbox)
    assert "lending: preprocessing in" in message
    assert "has no effect beside pipeline.py" in message


def test_declared_encodings_reach_the_default_pipeline(sandbox):
    folder = write_project(sandbox, changed(preprocessing={"encode": {"purpose": "text"}, "topics": 4}))
    declared = ModelProject.model_validate(yaml.safe_load((folder / "defs.yaml").read_text())["attributes"])
    made = declared._project(folder, sandbox.project_root).files.make_pipeline()()
    assert (made.encode, made.topics, made.few_values) == ({"purpose": "text"}, 4, 50)


def test_texts_that_read_like_python_literals_stay_texts(sandbox):
    nulls = ["-999", "1,2", "None", "'a'", "1_0", " "]
    source = {"source": "data/loans.csv", "csv": {"nulls": nulls}}
    folder = write_project(
        sandbox,
        changed(tables={"loans": source}, target={"column": "64"}, description="{{ context.project_root }}"),
    )
    (folder / "schema.py").write_text(
        SCHEMA.replace("outcome: str = pa.Field(", 'n64: str = pa.Field(alias="64", ')
    )
    with sandbox.load_component_and_build_defs(folder) as (component, _):
        assert component.target.column == "64"
        assert component.tables["loans"].csv.nulls == nulls
        assert component.description == str(sandbox.project_root)


def test_the_graph_has_an_asset_for_every_stage_in_one_group(sandbox, state):
    write_project(sandbox)
    with all_defs(sandbox, state) as defs:
        specs = defs.resolve_all_asset_specs()
        assert {"/".join(spec.key.path) for spec in specs} == {
            "lending/raw_loans",
            "lending/validated_loans",
            "lending/quarantine_loans",
            "lending/features",
            "lending/training_set",
            "lending/tuned_model",
            "lending/evaluation_report",
            "lending/registered_model",
            "lending/champion",
            "lending/status_page",
        }
        assert {spec.group_name for spec in specs} == {"lending"}
        assert all(spec.description and spec.kinds and spec.code_version for spec in specs)
        assert {job.name for job in defs.resolve_all_job_defs()} >= {"lending_ingest", "lending_train"}


def test_assets_name_their_sql_table_and_the_files_that_define_them(sandbox, state):
    write_project(sandbox)
    with all_defs(sandbox, state) as defs:
        metadata = {spec.key.path[1]: spec.metadata for spec in defs.resolve_all_asset_specs()}
    tables = {
        name: found["dagster/table_name"] for name, found in metadata.items() if "dagster/table_name" in found
    }
    assert tables == {
        name: f"lending.{name}"
        for name in ("raw_loans", "validated_loans", "quarantine_loans", "features", "training_set")
    }
    files = {
        name: {Path(each.file_path).name for each in found["dagster/code_references"].value.code_references}
        for name, found in metadata.items()
    }
    assert files["validated_loans"] == {"defs.yaml", "schema.py"}
    assert files["features"] == {"defs.yaml", "features.sql"}
    assert files["champion"] == {"defs.yaml"}


def test_a_materialized_table_records_its_address(make_project, write_loans, stores, warehouse, instance):
    write_loans(loans(40))
    project = make_project()
    result = dg.materialize([raw_asset(project, "loans")], resources=stores, instance=instance)
    [made] = result.asset_materializations_for_node("lending__raw_loans")
    assert made.metadata["dagster/table_name"].value == "lending.raw_loans"
    assert made.metadata["dagster/uri"].value == (warehouse.root / "lending" / "raw_loans").as_uri()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"tasks": "binary"}, "tasks"),
        ({"task": "ranking"}, "'regression', 'binary' or 'multiclass'"),
        ({"tuning": {"trials": 0}}, "greater than or equal to 1"),
        ({"tuning": {"trails": 3}}, "trails"),
        ({"tuning": {"metric": "rmse"}}, "tuning.metric is rmse; choose a metric of binary: roc_auc"),
        ({"split": {"method": "group"}}, "split.group is required with split.method: group"),
        ({"split": {"group": ["a"]}}, "split.group requires split.method: group or time"),
        ({"split": {"method": "time"}}, "split.column is required with split.method: time"),
        ({"split": {"column": "day"}}, "split.column is required with split.method: time, and not allowed"),
        ({"split": {"holdout_from": "2025-01-01"}}, "split.holdout_from requires split.method: time"),
        (
            {"split": {"method": "time", "column": "day", "holdout": 0.1, "holdout_from": 2025}},
            "split.holdout_from conflicts with split.holdout",
        ),
        (
            {"split": {"method": "time", "column": "outcome"}},
            "split.column is outcome, which is the target; choose another column",
        ),
        ({"tables": {}}, "tables has 0 entries; declare exactly one table"),
        ({"tables": {"Loans 1": {"source": "x.csv"}}}, "tables.Loans 1 is not a valid table name"),
        (
            {"task": "regression", "split": {"method": "stratified"}},
            "split.method is stratified, which requires classes",
        ),
    ],
)
def test_an_invalid_setting_is_reported_with_its_file(sandbox, attributes, message):
    write_project(sandbox, changed(**attributes))
    error = load_error(sandbox)
    assert message in error
    assert "lending/defs.yaml:" in error, "file and line"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"schema": None}, "schema.py can't be read"),
        ({"schema": "class Loans(:"}, "schema.py, line 1: invalid syntax"),
        ({"schema": "x = 1"}, "has no class Loans for the table loans"),
        ({"sql": "  "}, "features.sql is empty"),
        ({"name": "My-Project"}, "My-Project is not a valid project name"),
        ({"name": "information_schema"}, "information_schema is the name of a schema of DuckDB"),
    ],
)
def test_an_invalid_folder_is_reported(sandbox, kwargs, message):
    write_project(sandbox, **kwargs)
    assert message in load_error(sandbox)


def test_a_changed_file_changes_the_code_version_of_the_assets_that_use_it(sandbox, state):
    folder = write_project(sandbox)

    def versions() -> dict[str, str | None]:
        with all_defs(sandbox, state) as defs:
            return {spec.key.path[1]: spec.code_version for spec in defs.resolve_all_asset_specs()}

    before = versions()
    (folder / "features.sql").write_text(FEATURES_SQL + " -- changed", "utf-8")
    after = versions()
    assert {name for name in before if before[name] != after[name]} == {"features", "tuned_model"}


def test_dg_scaffolds_a_project_that_loads(sandbox, state):
    folder = sandbox.scaffold_component(component_cls=ModelProject, defs_path="new_project")
    assert {path.name for path in folder.iterdir()} >= {"defs.yaml", "schema.py", "features.sql"}
    first, _, _ = (folder / "defs.yaml").read_text("utf-8").partition("\n")
    assert (folder / first.removeprefix("# yaml-language-server: $schema=")).is_file()
    with all_defs(sandbox, state) as defs:
        assert "new_project/champion" in {"/".join(spec.key.path) for spec in defs.resolve_all_asset_specs()}


def test_dg_scaffolds_a_project_from_a_file(sandbox, state, tmp_path):
    rows = loans(60).astype(object).to_numpy().tolist()
    (tmp_path / "loans.xlsx").write_bytes(workbook([list(loans(60)), *rows], [["note"], ["x"]]))
    given = {"data": str(tmp_path / "loans.xlsx"), "sheet": "one", "target": "outcome", "table": "loans"}
    folder = sandbox.scaffold_component(
        component_cls=ModelProject, defs_path="lending", scaffold_params=given
    )
    assert 'outcome: str = pa.Field(isin=["late", "paid"])' in (folder / "schema.py").read_text("utf-8")
    assert "| outcome | text |  | 0 | 2 distinct | target |" in (folder / "README.md").read_text("utf-8")
    with all_defs(sandbox, state) as defs:
        assert "lending/raw_loans" in {"/".join(spec.key.path) for spec in defs.resolve_all_asset_specs()}


def test_dg_scaffolds_an_event_project_from_a_log(sandbox, state, tmp_path):
    days = pd.date_range("2024-01-01", "2024-01-12", periods=200).astype(str)
    log = pd.DataFrame({"member": np.arange(200) % 9, "at": days, "minutes": np.arange(200) % 50})
    log.to_csv(tmp_path / "visits.csv", index=False)
    given = {"csv": str(tmp_path / "visits.csv"), "time": "at", "entity": "member", "horizon": 2}
    folder = sandbox.scaffold_component(
        component_cls=ModelProject, defs_path="gym", scaffold_params={**given, "table": "visits"}
    )
    assert "as inactive" in (folder / "target.sql").read_text("utf-8")
    readme = (folder / "README.md").read_text("utf-8")
    assert "- Entity: member; time: at; partitions: daily from 2024-01-01 to 2024-01-12" in readme
    assert "- [ ] partitions end with 2024-01-12" in readme
    with all_defs(sandbox, state) as defs:
        assert "gym/target" in {"/".join(spec.key.path) for spec in defs.resolve_all_asset_specs()}


def test_a_failed_dg_scaffold_is_reported_and_leaves_no_folder(sandbox, tmp_path):
    loans(60).to_csv(tmp_path / "loans.csv", index=False)
    given = {"csv": str(tmp_path / "loans.csv"), "target": "outcme"}
    with pytest.raises(click.ClickException, match="did you mean outcome"):
        sandbox.scaffold_component(component_cls=ModelProject, defs_path="lending", scaffold_params=given)
    assert not (sandbox.defs_folder_path / "lending").exists()


def test_stores_provides_all_resources_that_projects_require(sandbox, monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "state"))
    write_project(sandbox)
    sandbox.scaffold_component(
        component_cls=Stores,
        defs_path="stores",
        defs_yaml_contents={
            "type": "mlops_assets.Stores",
            "attributes": {"memory_limit": "2GiB", "mlflow_tracking_uri": "http://mlflow.example"},
        },
    )
    with sandbox.build_all_defs() as defs:
        dg.Definitions.validate_loadable(defs)
        found = defs.resources
    assert found["warehouse"].memory_limit == "2GiB"
    assert found["warehouse"].root == str(tmp_path / "state" / "warehouse")
    assert found["warehouse"].state == str(tmp_path / "state"), "its layout is checked"
    assert found["mlflow"].mlflow_tracking_uri == "http://mlflow.example"
