"""The first files of a project load, and accept the rows that they were drafted from."""

import json
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml

from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.errors import MlopsError
from mlops_assets.resources import WarehouseResource
from mlops_assets.scaffolding import templates
from mlops_assets.scaffolding.drafting import draft_from
from mlops_assets.scaffolding.templates import _yaml, new_folder, write_files
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets_tests.support.workbooks import workbook


def nasty_rows(count: int = 60) -> pd.DataFrame:
    """Columns of every type, with names and values that require quotes."""
    number = np.arange(count)
    return pd.DataFrame(
        {
            "passenger id": number,
            "Fare ($)": number / 7 - 3,
            "class": np.where(number % 2, "1st", 'so "called"'),
            "select": number % 3,
            "current_date": number * 2.0,
            "validate": np.where(number % 5, number, np.nan),
            "it's": np.where(number % 2, "é", "a, b"),
            "Größe": np.where(number % 2, "true", "false"),
            "Boarded At": pd.Timestamp("2024-01-01 08:00") + pd.to_timedelta(number, unit="h"),
            "note": None,
            "Survived: yes": np.where(number % 3, "no", "yes"),
        }
    )


def loaded(root: Path, name: str, folder: Path) -> Project:
    declared = yaml.safe_load((folder / "defs.yaml").read_text("utf-8"))
    assert declared["type"] == "mlops_assets.ModelProject"
    settings = ModelProject.model_validate(declared["attributes"])
    files = ProjectFiles(name, folder)
    files.check(list(settings.tables), events=False)
    return Project(name, settings, files, root)


FILES = {
    "german": (
        "Nr;Straße;Betrag;Rabatt;gekündigt\n"
        + "".join(
            f"{n};{'Süd' if n % 2 else 'Ost'};1.{n:03},50;{'-' if n % 3 else '2,5'};"
            f"{'nein' if n % 4 else 'ja'}\n"
            for n in range(1, 41)
        ),
        "cp1252",
        "gekündigt",
        {"Straße", "Betrag", "Rabatt"},
    ),
    "data frame with index": (
        ",a,y\n" + "".join(f"{n},{n / 7},{'x' if n % 2 else 'z'}\n" for n in range(40)),
        "utf-8",
        "y",
        {"a"},
    ),
    "lines before the header": (
        "Export of 2024-01-01\nAll regions\n\nowner\tsize\tprice\n"
        + "".join(f"{'N/A' if n % 5 == 0 else n}\t{n * 2}\t{n * 1.5}\n" for n in range(40)),
        "utf-16",
        "price",
        {"owner", "size"},
    ),
    "formats of columns": (
        "phone,signed,rent,share,price\n"
        + "".join(
            f'+49{n},{n % 9 + 1}/{n % 28 + 1}/2024,{n} km,{n % 7} %,"${n},200.50"\n' for n in range(1, 41)
        ),
        "utf-8",
        "price",
        {"signed", "rent", "share"},
    ),
}


@pytest.mark.parametrize("installed", [[], ["lightgbm"], ["lightgbm", "catboost"]])
def test_installed_families_are_drafted(tmp_path, monkeypatch, installed):
    monkeypatch.setattr(templates, "installed_extras", lambda: installed)
    (tmp_path / "rows.csv").write_text("size,price\n" + "".join(f"{n},{n * 1.5}\n" for n in range(40)))
    write_files(
        draft_from("shop", tmp_path, data=tmp_path / "rows.csv", target="price"), tmp_path, drafted=True
    )
    tuning = loaded(tmp_path, "shop", tmp_path).settings.tuning
    assert tuning.families == ["xgboost", *installed, "linear"]


def test_families_with_slow_trials_are_not_drafted_for_many_columns(monkeypatch):
    monkeypatch.setattr(templates, "installed_extras", lambda: ["catboost"])
    assert [templates._families(columns) for columns in (250, 251)] == [
        ["xgboost", "catboost", "linear"],
        ["xgboost", "linear"],
    ]


def test_a_sheet_with_two_header_lines_runs_unedited(tmp_path, instance):
    store = WarehouseResource(root=str(tmp_path / "warehouse"))
    rows = [[f"{n:03}", 3.0 * n, "#N/A" if n % 9 == 0 else n / 8, n % 2] for n in range(40)]
    header = [["Report"], [], ["code", "Q1", None, "y"], [None, "count", "score", None]]
    (tmp_path / "rows.xlsx").write_bytes(workbook([*header, *rows], merged=["A3:A4", "B3:C3", "D3:D4"]))
    draft = draft_from("shop", tmp_path, data=tmp_path / "rows.xlsx", target="y")
    write_files(draft, tmp_path, drafted=True)
    project = loaded(tmp_path, "shop", tmp_path)
    assets = [raw_asset(project, "rows"), validated_asset(project, "rows"), features_asset(project)]
    assert dg.materialize(assets, resources={"warehouse": store}, instance=instance).success
    kept = store.store.frame(["shop", "validated_rows"])
    assert len(kept) == 40
    assert kept.sort_values("code")[["code", "Q1 count", "Q1 score"]].iloc[1].tolist() == ["001", 3, 0.125]


@pytest.mark.parametrize(("text", "encoding", "target", "features"), FILES.values(), ids=FILES)
def test_a_file_in_another_dialect_runs_unedited(tmp_path, instance, text, encoding, target, features):
    store = WarehouseResource(root=str(tmp_path / "warehouse"))
    (tmp_path / "rows.csv").write_text(text, encoding)
    write_files(
        draft_from("shop", tmp_path, data=tmp_path / "rows.csv", target=target), tmp_path, drafted=True
    )
    project = loaded(tmp_path, "shop", tmp_path)
    assets = [raw_asset(project, "rows"), validated_asset(project, "rows"), features_asset(project)]
    assert dg.materialize(assets, resources={"warehouse": store}, instance=instance).success
    assert len(store.store.frame(["shop", "validated_rows"])) == 40
    assert set(store.store.frame(["shop", "features"])) == {"row_id", *features}


def test_objects_lists_and_numbers_in_text_become_features_that_run_unedited(tmp_path, instance):
    store = WarehouseResource(root=str(tmp_path / "warehouse"))
    rows = [
        {
            "cell": {"id": n, "it's": n / 4, "kind": "ab"[n % 5 % 2], "site": "left"},
            "flags": ["a", "b"][: n % 3],
            "paid": " " if n % 9 == 0 else f"{n / 8}",
            "y": n % 2,
        }
        for n in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    draft = draft_from("lab", tmp_path, data=tmp_path / "rows.jsonl", target="y")
    assert draft.notes[:3] == [
        "cell has JSON objects; features.sql reads cell_it_s, cell_kind",
        "flags has JSON lists; features.sql reads flags_length",
        "paid is text because of 5 of 40 values, which stand for missing ones; "
        "features.sql reads paid_number",
    ]
    write_files(draft, tmp_path, drafted=True)
    project = loaded(tmp_path, "lab", tmp_path)
    assets = [raw_asset(project, "rows"), validated_asset(project, "rows"), features_asset(project)]
    assert dg.materialize(assets, resources={"warehouse": store}, instance=instance).success
    features = store.store.frame(["lab", "features"]).drop(columns="row_id").sort_values("cell_it_s")
    assert features.columns.tolist() == ["cell_it_s", "cell_kind", "flags_length", "paid_number"]
    assert features.iloc[1].tolist() == [0.25, "b", 1, 0.125]
    assert features["paid_number"].isna().sum() == 5


def test_parts_of_a_column_that_the_target_reads_are_no_features(tmp_path):
    rows = [{"cell": {"size": n, "age": n % 7}, "x": n * 1.5} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    target = "json_extract_string(cell, '$.size')::integer > 20"
    draft = draft_from("lab", tmp_path, data=tmp_path / "rows.jsonl", target=target)
    assert [column.name for column in draft.features] == ["x"]


def test_a_drafted_contract_accepts_all_rows_that_it_was_drafted_from(tmp_path, instance):
    store = WarehouseResource(root=str(tmp_path / "warehouse"))
    nasty_rows().to_csv(tmp_path / "rows.csv", index=False)
    draft = draft_from(
        "titanic", tmp_path, data=tmp_path / "rows.csv", target="Survived: yes", table="passengers"
    )
    assert draft.source == "rows.csv", "relative to the project root"
    write_files(draft, tmp_path, drafted=True)
    project = loaded(tmp_path, "titanic", tmp_path)

    assets = [
        raw_asset(project, "passengers"),
        validated_asset(project, "passengers"),
        features_asset(project),
    ]
    assert dg.materialize(assets, resources={"warehouse": store}, instance=instance).success

    kept = store.store.frame(["titanic", "validated_passengers"])
    assert len(kept) == 60
    features = store.store.frame(["titanic", "features"])
    assert set(features) == {
        *("row_id", "Fare", "class_", "select", "current_date", "validate_", "it_s", "Größe"),
        "Boarded_At",
    }
    assert project.settings.tables["passengers"].key == ["passenger id"]


def test_without_a_file_a_template_is_written(tmp_path):
    write_files(draft_from("churn", tmp_path, data=None, target=None), tmp_path, drafted=False)
    project = loaded(tmp_path, "churn", tmp_path)
    assert project.settings.tables["rows"].source == "data/raw/churn/*.csv"
    assert "Replace the examples" in (tmp_path / "defs.yaml").read_text("utf-8")
    assert "Replace these" in (tmp_path / "schema.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": None}, "the target column is missing\n.*set --target to a column of .*: x, y"),
        ({"csv": "nowhere.csv"}, "no file at"),
        ({"csv": None}, "--target and --task require rows"),
        ({"project": "My-Churn"}, "My-Churn is not a valid name of a project"),
        ({"project": "churn\n"}, "churn\n is not a valid name of a project"),
        ({"project": "pg_catalog"}, "pg_catalog is the name of a schema of DuckDB"),
        ({"table": "the rows"}, "the rows is not a valid name of a table"),
    ],
)
def test_an_invalid_request_is_reported(tmp_path, record_property, given, message):
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n2,3\n", "utf-8")
    asked = {"project": "churn", "csv": "rows.csv", "target": "y", **given}
    name, csv = asked.pop("project"), asked.pop("csv")
    with pytest.raises(MlopsError, match=message) as caught:
        draft_from(name, tmp_path, data=tmp_path / csv if csv else None, **asked)
    record_property("message", str(caught.value))


def test_an_existing_folder_is_not_changed(tmp_path):
    with pytest.raises(MlopsError, match="already exists"), new_folder(tmp_path):
        pass


@pytest.mark.parametrize("name", ["a\nb", "a\n--- b\n", "a: #\r\nb", "\x1b[31m", "\u2028", "plain"])
def test_a_name_with_line_ends_is_yaml_in_one_line(name: str):
    for value in (name, [name], {name: name}):
        written = _yaml(value)
        assert len(written.splitlines()) == 1
        assert yaml.safe_load(f"x:\n  y: {written}  # comment") == {"x": {"y": value}}
