"""Errors of `mlops run` for invalid declarations, files and data of a project."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import write_dg_project
from mlops_assets_tests.support.kept_projects import enter_copy
from mlops_assets_tests.support.loans import ATTRIBUTES, FEATURES_SQL, SCHEMA, enter_lending_project, loans

ONLY_LOANS = SCHEMA.split("class Features")[0]
ONLY_TABLE = {"schema.py": ONLY_LOANS}
RULE = 'outcome: str = pa.Field(isin=["late", "paid"])'
CHECK = """
    @pa.check("income")
    def {name}(cls, values):
        {body}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, empty_tracking_store) -> Callable[..., str]:
    """Run a project with changes and return its error output; it must fail without a traceback."""
    root = tmp_path / "project"
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root))

    def run_(
        changed: Mapping[str, Any] = {},
        files: Mapping[str, str | bytes | None] = {},
        rows: pd.DataFrame | None = None,
        name: str = "lending",
    ) -> str:
        texts = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL}
        write_dg_project(root, name, {**ATTRIBUTES, **changed}, texts, mlflow=empty_tracking_store)
        folder = next(root.glob(f"*/defs/{name}"))
        for file, text in files.items():
            if text is None:
                (folder / file).unlink()
            else:
                (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        (loans(300) if rows is None else rows).to_csv(root / "data" / "loans.csv", index=False)
        monkeypatch.chdir(root)
        return error_of_run(name, folder)

    return run_


@pytest.fixture(scope="session")
def kept_validated(kept, empty_tracking_store) -> Path:
    """The project, which was run until its validated table."""

    def run(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            enter_lending_project(root, patch, empty_tracking_store, family="xgboost", files=ONLY_TABLE)
            assert mlops("run", "lending", "--until", "validated_loans").exit_code == 0

    return kept.folder("validated_loans", run)


def error_of_run(name: str, folder: Path) -> str:
    done = mlops("run", name)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    assert "unexpected" not in done.stderr
    return flat(done.stderr).replace(f"{folder}/", "")


def declared(**tuning: Any) -> dict[str, Any]:
    return {"tuning": {**ATTRIBUTES["tuning"], **tuning}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"colour": "red"},
            "defs.yaml:2: colour is not a setting; choose one of alerts, approval, automation",
        ),
        (declared(trails=3), "defs.yaml:14: tuning.trails is not a setting; did you mean trials?"),
        (
            declared(decision={"metric": "f1", "false_positive": 2}),
            "defs.yaml:12: tuning.decision requires either metric, or false_positive and false_negative",
        ),
        (declared(trials="many"), "defs.yaml:14: tuning.trials is 'many', which is not a number"),
        (declared(trials=0), "defs.yaml:14: tuning.trials is 0: input should be greater than or equal to 1"),
        (declared(families=["xgbost"]), "tuning.families.0 is 'xgbost'; did you mean xgboost?"),
        (declared(families=["svm"]), "tuning.families.0 is 'svm': input should be 'xgboost'"),
        (
            declared(metric="rmse"),
            "tuning.metric is rmse; choose a metric of binary: roc_auc, average_precision",
        ),
        ({"tables": ["loans"]}, "defs.yaml:3: tables is ['loans']: input should be an object"),
        ({"tables": {"my loans": {"source": "x"}}}, "tables.my loans is not a valid table name"),
        ({"task": "ranking"}, "task: Input should be 'regression', 'binary' or 'multiclass'"),
        ({"target": {}}, "target.column is missing"),
        ({"split": {"holdout": -1}}, "defs.yaml:4: split.holdout is -1: input should be greater than 0"),
        ({"owners": ["bob smith"]}, "owners has 'bob smith'; use e-mail addresses or team:name"),
        ({"tags": {"a b!": "x"}}, "tags has 'a b!': 'x'; use letters"),
        ({"schedules": {"train": "every day"}}, "defs.yaml:4: schedules.train is 'every day'"),
        (
            {"behaviour": {"direction": [{"column": "income", "by": 1, "prediction": "grows"}]}},
            "defs.yaml:6: behaviour.direction.0.prediction is 'grows': input should be 'rises' or 'falls'",
        ),
        (
            {"behaviour": {"direction": [{"colum": "income", "by": 1}]}},
            "behaviour.direction.0.colum is not a setting; did you mean column?",
        ),
        ({"schedules": {"backfill": {"chron": "@daily"}}}, "chron is not a setting; did you mean cron?"),
        ({"schedules": {"timezone": "Mars/Base"}}, "schedules.timezone is 'Mars/Base'; use a name such as"),
    ],
)
def test_an_invalid_setting_is_reported_with_file_and_line_number(run, record_property, changed, message):
    record_property("message", output := run(changed))
    assert message in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "defs.yaml declares nothing: start it with `type: mlops_assets.ModelProject`"),
        ("type: [\n", "defs.yaml:2: expected the node content"),
        ("attributes: {}\n", "defs.yaml:1: type is missing"),
        ("type: mlops_assets.Nope\nattributes: {}\n", "Module `mlops_assets` has no attribute `Nope`"),
        (
            "type: mlops_assets.ModelProject\nattributes: caf\xe9\n".encode("latin-1"),
            "decode byte 0xe9",
        ),
    ],
)
def test_a_malformed_declaration_is_reported(run, text, message):
    output = run(files={"defs.yaml": text})
    assert message in output
    assert "defs.yaml" in output or "definitions can't be loaded" in output


@pytest.mark.parametrize("name", ["my-project", "Lending"])
def test_an_invalid_folder_name_is_reported(run, name):
    message = f"{name} is not a valid project name hint: name the folder with lower-case letters"
    assert message in run(name=name)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "lending: schema.py can't be read"),
        ("def (:", "lending: schema.py, line 1: invalid syntax"),
        ("x = 1", "lending: schema.py has no class Loans for the table loans"),
        (
            f"raise ValueError('boom'){SCHEMA}",
            "schema.py raised ValueError when it was imported: boom",
        ),
        (f"import nowhere{SCHEMA}", "schema.py raised ModuleNotFoundError when it was imported: No module"),
        ("class Loans:\n    pass\n", "lending: schema.py: Loans is not a pandera model"),
        (
            ONLY_LOANS + CHECK.format(name="mean_is_fair", body="return values.mean() > 0"),
            "lending: table loans: check mean_is_fair of column income evaluates all rows at once",
        ),
        (
            ONLY_LOANS + CHECK.format(name="broken", body="raise KeyError('nope')"),
            "lending: table loans: check broken of income failed without row results: KeyError",
        ),
        (ONLY_LOANS.replace(RULE, ""), "lending: the contract of loans has no column outcome"),
        (
            SCHEMA.replace("purpose: str", "purpose: list"),
            "column purpose has the unsupported type <class 'list'>",
        ),
        (
            SCHEMA.replace("gt=0)", "gt=1e9)", 1),
            "300 of 300 rows (100.00%) violate the contract; the limit is 5.00%",
        ),
    ],
)
def test_an_error_in_the_contract_is_reported(run, schema, message):
    assert message in run(files={"schema.py": schema})


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("  ", "lending: features.sql is empty hint: write a SELECT"),
        ("selec row_id from loans", 'lending: features.sql: Parser Error: syntax error at or near "selec"'),
        (
            "select row_id, incom from loans",
            'column "incom" not found in FROM clause! Candidate bindings',
        ),
        (
            "select row_id from lones",
            "lones is not a table of the project (line 1) hint: its tables are loans",
        ),
        ("select row_id, outcome from loans", "hint: outcome is the target, which features.sql can't read"),
        ("select row_id, income as outcome from loans", "features.sql returns outcome, which is the target"),
        ("select income from loans", "lending: features.sql does not return row_id"),
        ("select row_id from loans", "lending: features.sql returns no feature"),
        ("select row_id, [income] as x from loans", "feature x has the unsupported type DOUBLE[]"),
        (
            "select row_id, null as x from loans",
            'feature x has the unsupported type "NULL"',
        ),
        ("select row_id, purpose::int as x from loans", "Conversion Error: Could not convert string"),
        ("select row_id, 1 / (income - income) as x from loans", "feature x is infinite where row_id is "),
        (
            "select row_id, income from loans, range(2)",
            "no features, 300 have more than one row of them",
        ),
        ("select row_id, income from loans where income > 5000", "135 rows have no features"),
        ("select row_id, income from loans where false", "300 rows have no features"),
    ],
)
def test_an_error_in_the_features_is_reported(kept_validated, tmp_path, monkeypatch, sql, message):
    [folder] = enter_copy(kept_validated, tmp_path / "project", monkeypatch, "lending").glob("*/defs/lending")
    (folder / "features.sql").write_text(sql, "utf-8")
    assert message in error_of_run("lending", folder)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("x = 1", "lending: pipeline.py has no function make_pipeline"),
        (
            "def make_pipeline():\n    1 / 0\n",
            "pipeline.py: make_pipeline raised ZeroDivisionError",
        ),
        (
            "def make_pipeline():\n    return None\n",
            "make_pipeline returned None, which is not a transformer",
        ),
        (
            "from sklearn.impute import SimpleImputer as make_pipeline_\n"
            "def make_pipeline():\n    return make_pipeline_(strategy='mean')\n",
            "lending: pipeline.py: fitting it to 248 rows raised ValueError: Cannot use mean strategy",
        ),
    ],
)
def test_an_error_in_the_pipeline_is_reported(run, pipeline, message):
    assert message in run(files={"pipeline.py": pipeline})


def first(count: int) -> np.ndarray:
    return np.where(np.arange(300) < count, "late", "paid")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (loans(1), "the holdout has no rows; provide more data, or increase split.holdout"),
        (
            loans(6),
            "lending: 2 folds require at least 2 rows of the rarest class for training, found 1",
        ),
        (loans(300).assign(outcome="paid"), "outcome has the same value in all training rows"),
        (
            loans(300).assign(outcome=first(2)),
            "a class of outcome is missing in the training rows or the holdout; provide more",
        ),
        (loans(300).assign(outcome=None), "lending: the target outcome is null in all rows"),
        (
            loans(300).assign(outcome=lambda frame: frame["outcome"].where(frame.index > 99, "never")),
            "lending: the target has 3 distinct values, but the task is binary",
        ),
    ],
)
def test_data_that_is_not_learnable_is_reported(run, rows, message):
    schema = SCHEMA.replace(RULE, "outcome: str = pa.Field(nullable=True)")
    assert message in run(files={"schema.py": schema}, rows=rows)


def test_a_stratified_split_is_not_suggested_where_it_is_used(run):
    output = run({"split": {"method": "stratified"}}, rows=loans(300).assign(outcome=first(1)))
    assert "a class of outcome is missing in the training rows or the holdout" in output
    assert "set split.method" not in output


def test_a_regression_with_a_text_target_is_reported(run):
    output = run({"task": "regression"})
    assert "lending: the target of a regression must be a number, but contains 'late'" in output
