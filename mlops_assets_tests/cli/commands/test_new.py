"""`mlops new`: the draft of a project."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
import yaml

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import loans
from mlops_assets_tests.support.workbooks import workbook

PYPROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "my_models"
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A dg project with nothing in it, its packages in `src/` as `create-dagster` makes them."""
    defs = tmp_path / "src" / "my_models" / "defs"
    defs.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    loans(60).to_csv(tmp_path / "loans.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return defs


def test_a_csv_file_becomes_a_declaration_and_its_columns_are_printed(place):
    done = mlops("new", "lending", "--csv", "loans.csv", "--target", "outcome", "--table", "loans")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (place / "lending").iterdir()} == {
        "defs.yaml",
        "schema.py",
        "features.sql",
        "README.md",
    }
    assert (
        (place / "lending" / "defs.yaml")
        .read_text("utf-8")
        .startswith("# yaml-language-server: $schema=../../../../defs.schema.json\n")
    )
    assert (place.parents[2] / "defs.schema.json").is_file()
    output = flat(done.output)
    assert "60 rows; task binary, metric log_loss" in output
    assert "outcome │ varchar │ 0 │ 2 distinct │ target" in output
    assert output.endswith("next: mlops run lending")
    readme = (place / "lending" / "README.md").read_text("utf-8")
    assert re.search(
        r"- Classes: late \d+ rows \(.* %\), paid \d+ rows .*; paid is the positive class", readme
    )
    assert 'purpose: str = pa.Field(isin=["car", "house", "other"])' in (
        place / "lending" / "schema.py"
    ).read_text("utf-8")


def test_of_a_wide_table_sixty_columns_are_printed_and_all_are_listed_in_the_readme(place):
    names = [f"probe_{n}" for n in range(100)]
    rows = [",".join(str((row * 7 + n) % 23 + row / 50) for n in range(102)) for row in range(50)]
    Path("wide.csv").write_text("\n".join([",".join([*names, "batch", "yield_"]), *rows]), "utf-8")
    printed = flat(mlops("new", "wide", "--csv", "wide.csv", "--target", "yield_").stdout)
    assert "probe_58 " in printed
    assert "probe_59 " not in printed
    assert "yield_" in printed, "the target is shown, although it is the last column"
    assert "and 42 more, which README.md lists" in printed
    assert "| probe_99 |" in (place / "wide" / "README.md").read_text("utf-8")


def test_the_detected_csv_format_is_printed_and_declared_and_options_override_it(place):
    Path("rows.csv").write_text("a;b;y\n" + "1,5;x;0\n2,5;-;1\n" * 20, "utf-8")
    done = mlops("new", "plain", "--data", "rows.csv", "--target", "y")
    assert done.exit_code == 0, done.output
    assert "CSV format: delimiter ';', decimal ','" in flat(done.output)
    assert "csv: {decimal: ',', delimiter: ;}" in (place / "plain" / "defs.yaml").read_text("utf-8")
    done = mlops("new", "given", "--data", "rows.csv", "--target", "y", "--null", "-", "--null", "?")
    assert "nulls: ['-', '?']" in (place / "given" / "defs.yaml").read_text("utf-8")


def test_a_sheet_of_a_workbook_is_drafted_and_several_are_listed(place, record_property):
    rows = [["a", "y"], *([n, n % 2] for n in range(40))]
    Path("rows.xlsx").write_bytes(workbook(rows, rows, names=["May", "June"]))
    done = mlops("new", "shop", "--data", "rows.xlsx", "--target", "y")
    assert "rows.xlsx has several sheets: May, June" in flat(done.stderr)
    record_property("message", done.stderr)
    done = mlops("new", "shop", "--data", "rows.xlsx", "--target", "y", "--sheet", "June")
    assert "Excel format: sheet June" in flat(done.output)
    assert "excel: {sheet: June}  # as detected" in (place / "shop" / "defs.yaml").read_text("utf-8")
    assert "- Excel layout: {sheet: June}." in (place / "shop" / "README.md").read_text("utf-8")


def test_a_query_becomes_a_declaration(place):
    with sqlite3.connect("bank.db") as bank:
        loans(60).to_sql("loans", bank, index=False)
    options = ("--query", "loans", "--connection", "sqlite:///bank.db", "--target", "outcome")
    done = mlops("new", "lending", *options)
    assert done.exit_code == 0, done.output
    declared = yaml.safe_load((place / "lending" / "defs.yaml").read_text("utf-8"))
    source = {"sql": "select * from loans", "database": "sqlite:///bank.db"}
    assert declared["attributes"]["tables"]["rows"]["source"] == source
    assert "outcome │ varchar │ 0 │ 2 distinct │ target" in flat(done.output)


def test_the_formats_of_columns_are_printed_declared_and_listed(place):
    Path("rows.csv").write_text("at,price,y\n" + '1/2/2024,"$1,200.50",0\n3/4/2024,$7.00,1\n' * 20, "utf-8")
    done = mlops("new", "shop", "--data", "rows.csv", "--target", "y")
    assert done.exit_code == 0, done.output
    output = flat(done.output)
    assert "format of at: %m/%d/%Y format of price: unit $, thousands ','" in output
    assert "note: at has dates such as '1/2/2024', whose order of day and month no row decides" in output
    declared = (place / "shop" / "defs.yaml").read_text("utf-8")
    assert "formats: {at: '%m/%d/%Y', price: {thousands: ',', unit: $}}  # as detected" in declared
    readme = (place / "shop" / "README.md").read_text("utf-8")
    assert "| at | date | '%m/%d/%Y' | 0 | 2024-01-02 to 2024-03-04 |" in readme
    assert "- [ ] at has dates such as '1/2/2024'" in readme
    done = mlops("new", "daily", "--data", "rows.csv", "--target", "y", "--day-first", "--id", "price")
    assert "formats: {at: '%d/%m/%Y'," in (place / "daily" / "defs.yaml").read_text("utf-8")
    assert "without price: identifies a row" in (place / "daily" / "features.sql").read_text("utf-8")
    assert "order of day and month" not in done.output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--delimiter", ";;"), "csv.delimiter is ';;'; use one character"),
        (("--encoding", "utf-99"), "--encoding: unknown encoding"),
        (("--decimal", "x"), "--decimal: Input should be '.' or ','"),
    ],
)
def test_an_invalid_csv_option_is_an_error_without_traceback(place, record_property, option, message):
    done = mlops("new", "lending", "--data", "loans.csv", "--target", "outcome", *option)
    assert done.exit_code == 1
    assert message in flat(done.stderr)
    assert "Traceback" not in done.output
    assert not (place / "lending").exists()
    record_property("message", done.stderr)


def test_a_column_with_the_target_is_named_in_the_output_and_in_the_draft(place):
    frame = loans(200)
    frame.assign(closing_fee=frame["amount"] * 0.01).to_csv("rows.csv", index=False)
    done = mlops("new", "amounts", "--data", "rows.csv", "--target", "amount")
    assert done.exit_code == 0, done.output
    message = "possible target leakage: closing_fee alone predicts other rows with R²"
    assert message in flat(done.output)
    assert f"closing_fee  -- {message}" in (place / "amounts" / "features.sql").read_text("utf-8")


def test_an_existing_project_is_not_overwritten(place, record_property):
    assert mlops("new", "lending").exit_code == 0
    before = {path: path.read_text("utf-8") for path in (place / "lending").iterdir()}
    done = mlops("new", "lending", "--csv", "loans.csv", "--target", "outcome")
    assert done.exit_code == 1
    assert "lending already exists hint: choose another name; nothing was written" in flat(done.stderr)
    assert {path: path.read_text("utf-8") for path in (place / "lending").iterdir()} == before
    record_property("message", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--csv", "loans.csv"),
            "the target column is missing hint: set --target to a column of loans.csv: income, "
            "amount, purpose, outcome; by names and values, outcome is the most likely one",
        ),
        (("--csv", "lones.csv", "--target", "outcome"), "no file at"),
        (("--csv", "loans.csv", "--target", "outcme"), "has no column outcme; did you mean outcome?"),
        (("--csv", "loans.csv", "--target", "income", "--task", "binary"), "binary requires two"),
    ],
)
def test_an_error_creates_no_folder(place, record_property, arguments, message):
    done = mlops("new", "lending", *arguments)
    assert done.exit_code == 1
    assert message in flat(done.stderr)
    assert "Traceback" not in done.output
    assert not (place / "lending").exists()
    record_property("message", done.stderr)


def test_a_missing_defs_folder_is_an_error(place, record_property):
    place.rmdir()
    done = mlops("new", "lending")
    assert done.exit_code == 1
    assert "my_models/defs does not exist; it is the folder of the projects" in flat(done.stderr)
    record_property("message", done.stderr)


def test_the_schema_is_json_alone_on_stdout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = mlops("schema")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["properties"]["type"] == {
        "const": "mlops_assets.ModelProject",
        "description": "The component that the folder declares.",
    }
