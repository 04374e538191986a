"""Rules across settings: an invalid combination is reported with path, file and line number."""

import copy

import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox
from pydantic import ValidationError

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.settings.protected_columns import (
    protected_column,
    protected_columns,
)
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


def error_of(settings):
    with pytest.raises(ValidationError) as caught:
        ModelProject.model_validate(settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("entity", None, "entity is missing: name the columns that identify the entity"),
        ("target.horizon", None, "target.horizon is missing: set the number of partitions"),
        ("tables.purchases.time", None, "tables has no event table; declare `time`"),
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
        ("training.window", 1, "training.window is 1; it must be greater than target.horizon, 1"),
        ("target.column", "customer", "target.column is customer, which is an entity column"),
        ("tables.entities", {"source": "x.csv"}, "tables.entities is a reserved name; rename the table"),
        ("tables.features", {"source": "x.csv"}, "tables.features is a reserved name"),
        ("tables.scoring", {"source": "x.csv"}, "tables.scoring is a reserved name"),
        ("scoring", {"source": "x.csv"}, "scoring is for projects without partitions; event projects"),
        ("tables.people", {"source": "x.csv", "arrival": "day"}, "tables.people.arrival requires `time`"),
        (
            "tables.purchases.history",
            "newest",
            "tables.purchases.history is for tables without `time`; events are read by their arrival",
        ),
        (
            "tables.people",
            {"source": "x.csv", "valid_to": "until"},
            "tables.people.valid_to requires `valid_from`",
        ),
        (
            "tables.people",
            {"source": "x.csv", "valid_from": "since", "history": "newest"},
            "tables.people.history conflicts with `valid_from`",
        ),
        (
            "schedules.train",
            "0 25 * * *",
            "schedules.train is '0 25 * * *', which is not a valid cron expression",
        ),
        ("schedules.score", "0 7 31 2 99", "schedules.score is"),
        ("schedules.backfill", {"cron": "61 * * * *"}, "schedules.backfill.cron is"),
        ("tuning.metric", "rmse", "tuning.metric is rmse; choose a metric of binary: roc_auc"),
        ("tuning.families", ["linear", "linear"], "tuning.families lists linear more than once"),
        (
            "preprocessing",
            {"few_values": 90, "many_values": 80},
            "preprocessing.few_values is 90; it must not exceed preprocessing.many_values, 80",
        ),
        (
            "tuning.decision",
            {"metric": "f1", "false_positive": 1},
            "tuning.decision requires either metric, or",
        ),
        (
            "tuning.decision",
            {"false_positive": 1},
            "tuning.decision requires both costs, at least one of them above 0",
        ),
        ("target.maximum", 5.0, "target.maximum is for regression only; task is binary"),
        ("target.expression", "amount > 5", "target.expression is for projects without partitions"),
        ("target.keep", ["amount"], "target.keep requires target.expression, whose columns it names"),
        (
            "intervals.coverage",
            0.9,
            "intervals is for regression only; task is binary; declare prediction_sets instead",
        ),
        (
            "prediction_sets.groups",
            ["city", "city"],
            "prediction_sets.groups.1 is city, which is listed twice",
        ),
        ("prediction_sets.coverage", 1.0, "prediction_sets.coverage"),
        (
            "tables.purchases",
            {
                "source": {"sql": "select 1", "database": "sqlite:///a.db"},
                "time": "bought_at",
                "arrival": "bought_at",
                "time_zone": "Europe/Berlin",
            },
            "tables.purchases.time_zone is not supported for a query with `arrival`",
        ),
        (
            "tables.purchases",
            {
                "source": {"sql": "select 1", "database": "sqlite:///a.db"},
                "time": "bought_at",
                "arrival": "bought_at",
                "formats": {"bought_at": "%d.%m.%Y"},
            },
            "tables.purchases.formats.bought_at is not supported for a query with `arrival`",
        ),
        ("tables.purchases.formats", {"at": "%d.%m."}, "the format of at, '%d.%m.', has no year"),
        ("tables.purchases.formats", {"a": {"unit": "1 $"}}, "unit is '1 $'; write it without digits"),
        ("tables.purchases.formats", {"a": {"thousands": "1"}}, "thousands is '1'; use one character"),
        (
            "tables.purchases.formats",
            {"a": {"decimal": ",", "thousands": ","}},
            "are both ','; use different",
        ),
        ("tables.purchases.formats", {"a": {}}, "declares nothing; set unit, decimal, thousands"),
        (
            "tables.purchases",
            {"source": {"asset": "a/b"}, "time": "bought_at", "time_zone": "Europe/Berlin"},
            "tables.purchases.time_zone is not for assets: times in the warehouse are in UTC",
        ),
    ],
)
def test_invalid_combinations_in_an_event_project_are_reported(path, value, message):
    assert message in error_of(changed(SETTINGS, path, value))


@pytest.mark.parametrize(
    ("zone", "suggestion"),
    [
        ("Europe/Berlinn", "Europe/Berlin"),
        ("EST", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/Argentina", "America/Argentina/"),
        ("../etc/passwd", "Europe/Berlin"),
        ("", "Europe/Berlin"),
    ],
)
def test_an_unknown_time_zone_is_reported_with_a_known_one(zone, suggestion):
    message = error_of(changed(SETTINGS, "tables.purchases.time_zone", zone))
    assert f"unknown time zone {zone!r}; use a name of the IANA database, such as {suggestion}" in message


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT-3"])
def test_a_zone_of_the_database_is_accepted(zone):
    ModelProject.model_validate(changed(SETTINGS, "tables.purchases.time_zone", zone))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("entity", ["customer"]),
        ("target.horizon", 3),
        ("training.window", 3),
        ("tables.loans.time", "paid_at"),
    ],
)
def test_settings_of_event_projects_require_partitions(path, value):
    message = f"{path} is for event projects only; remove it, or declare `partitions`"
    assert message in error_of(changed(LOANS, path, value))


@pytest.mark.parametrize(
    ("path", "value"), [("schedules.score", "@daily"), ("freshness.predictions_hours", 24)]
)
def test_settings_of_predictions_require_rows_to_predict(path, value):
    message = f"{path} requires predictions; declare `scoring`, the rows to predict"
    assert message in error_of(changed(LOANS, path, value))
    ModelProject.model_validate(changed({**LOANS, "scoring": {"source": "new/*.csv"}}, path, value))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://ada:hunter/2@host/a.csv", "contains a user name or password"),
        ("http://ada:1/hunter2@host/a.csv", "contains a user name or password"),
        ("http://ada:hunter?2@host/a.csv", "contains a user name or password"),
        ("https://host/a.csv?api_token=hunter2", "contains a signature or token"),
        ({"url": "http://h/a.csv", "storage_options": {"proxy": "http://a:hunter2@p"}}, "proxy is a secret"),
        ({"url": "http://h/a.csv", "storage_options": {"SasToken": "hunter2"}}, "SasToken is a secret"),
    ],
)
def test_a_secret_in_an_address_or_option_is_an_error_without_it(source, message):
    error = error_of(changed(LOANS, "tables.loans.source", source))
    assert message in error
    assert "hunter" not in error


@pytest.mark.parametrize("url", ["http://host:8080/a.csv", "s3://bucket/a@b.csv", "s3://bucket/a:b@c.csv"])
def test_a_port_and_an_at_sign_in_a_path_are_no_secrets(url):
    ModelProject.model_validate(changed(LOANS, "tables.loans.source", url))


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ({"source": {"sql": "select 1"}}, "scoring.source.database is missing: declare sql and database"),
        ({"source": "s3://key@bucket/a.csv"}, "scoring.source contains a user name or password"),
        ({"source": "a.csv", "max_rejected_share": 2}, "scoring.max_rejected_share"),
        ({"columns": ["id"]}, "scoring.source"),
        ({"source": "a.csv", "csv": {"delimiter": ";;"}}, "csv.delimiter is ';;'; use one character"),
        ({"source": "a.csv", "excel": {"skip_lines": 1}}, "scoring.excel is for Excel files, .xlsx or .xlsm"),
        ({"source": "a.csv", "formats": {"day": "%Q"}}, "the format of day, '%Q',"),
    ],
)
def test_the_source_of_rows_to_predict_has_the_rules_of_tables(scoring, message):
    assert message in error_of({**LOANS, "scoring": scoring})


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ({"partitions": None, "arrival": "day"}, "scoring.arrival requires scoring.partitions"),
        (
            {"partitions": {"cadence": "daily", "start": "2025-13-01"}},
            "scoring.partitions.start 2025-13-01 is",
        ),
        (
            {"partitions": {"cadence": "monthly", "start": "2025-02", "end": "2025-01"}},
            "scoring.partitions.start the end of the partitions, 2025-01, is before their start, 2025-02",
        ),
        ({"partitions": {"cadence": "daily", "start": "2025-01-01", "lookback": 2}}, "lookback"),
        (
            {"source": {"sql": "select 1", "database": "sqlite:///crm.db"}},
            "scoring.arrival is missing: name the column that dates the rows of the query",
        ),
        ({"arrival": "outcome"}, "scoring.arrival is outcome, which is the target; name another column"),
        (
            {"source": {"asset": "crm/open"}, "arrival": "day"},
            "scoring.arrival is for files and queries; an asset is read by its own partitions",
        ),
        ({"arrival": "_row"}, "scoring.arrival is _row, a reserved name; rename the column in the source"),
    ],
)
def test_partitions_of_rows_to_predict_have_dates(scoring, message):
    declared = {"source": "new", "partitions": {"cadence": "monthly", "start": "2025-01"}, **scoring}
    assert message in error_of({**LOANS, "scoring": declared})


def test_a_backfill_of_a_project_without_partitions_requires_those_of_scoring():
    backfill = {**LOANS, "schedules": {"backfill": {"cron": "@daily"}}}
    assert "schedules.backfill requires partitions; declare `partitions` or" in error_of(backfill)
    partitions = {"cadence": "monthly", "start": "2025-01"}
    ModelProject.model_validate({**backfill, "scoring": {"source": "new", "partitions": partitions}})


def test_rows_to_predict_are_read_as_those_of_the_table_except_for_what_they_declare():
    table = {
        "source": "a.csv",
        "csv": {"delimiter": ";"},
        "formats": {"day": "%d.%m.%Y", "price": {"unit": "$"}},
    }
    scoring = {"source": "new", "csv": {"decimal": ","}, "formats": {"day": "%Y%m%d"}}
    declared = ModelProject.model_validate({**LOANS, "tables": {"loans": table}, "scoring": scoring})
    read = declared.scoring.as_table(declared.tables["loans"])
    assert (read.csv.delimiter, read.csv.decimal) == (",", ",")
    assert {name: form.time or form.unit for name, form in read.column_formats} == {
        "day": "%Y%m%d",
        "price": "$",
    }
    inherited = ModelProject.model_validate(
        {**LOANS, "tables": {"loans": table}, "scoring": {"source": "new"}}
    )
    assert inherited.scoring.as_table(inherited.tables["loans"]).csv.delimiter == ";"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"prediction_sets": {"coverage": 0.9}},
            "prediction_sets is for classification only; task is regression; declare intervals instead",
        ),
        (
            {"target": {"column": "amount", "quantile": 0.9}, "intervals": {"groups": ["purpose"]}},
            "intervals conflicts with target.quantile",
        ),
        (
            {"intervals": {"coverage": None}, "gates": {"minimum": {"coverage": 0.88}}},
            "gates.minimum.coverage requires prediction intervals or prediction sets: declare them",
        ),
        (
            {"intervals": {"coverage": None, "groups": ["purpose"]}},
            "intervals.groups requires a coverage: declare intervals.coverage",
        ),
    ],
)
def test_intervals_that_contradict_the_task_or_each_other_are_reported(settings, message):
    assert message in error_of({**LOANS, "task": "regression", **settings})


def test_a_project_without_partitions_has_exactly_one_table():
    assert "tables has 2 entries" in error_of(changed(LOANS, "tables.more", {"source": "x.csv"}))


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
def test_a_setting_outside_of_its_bounds_is_reported_with_its_path(path, value):
    assert path.split(".")[0] in error_of(changed(SETTINGS, path, value))


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
def test_valid_combinations_are_accepted(path, value):
    assert ModelProject.model_validate(changed(SETTINGS, path, value)).partitions


def loading(attributes, **files):
    """The error when the folder is loaded, and the lines of its `defs.yaml`."""
    contents = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL, "target.sql": TARGET_SQL, **files}
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.defs_folder_path / "shop"
        folder.mkdir()
        declared = {"type": "mlops_assets.ModelProject", "attributes": attributes}
        (folder / "defs.yaml").write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")
        for name, text in contents.items():
            if text is not None:
                (folder / name).write_text(text, "utf-8")
        with pytest.raises(Exception) as caught, sandbox.build_all_defs():  # noqa: PT011 - the text is checked
            pass
        lines = (folder / "defs.yaml").read_text("utf-8").splitlines()
    found, error = [], caught.value
    while error:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(found), lines


@pytest.mark.parametrize(
    ("path", "value", "message", "line"),
    [
        ("training.window", 1, "training.window is 1", "window: 1"),
        ("target.column", "customer", "target.column is customer", "column: customer"),
        ("schedules.train", "0 25 * * *", "schedules.train is '0 25 * * *'", "train: 0 25 * * *"),
        ("target.horizon", None, "target.horizon is missing", "target:"),
        ("partitions.start", "soon", "partitions.start soon is not a valid start", "start: soon"),
    ],
)
def test_invalid_combinations_are_reported_with_file_and_line_number(path, value, message, line):
    error, lines = loading(changed(SETTINGS, path, value))
    assert message in error
    [number] = [number for number, text in enumerate(lines, 1) if text.strip() == line]
    assert f"shop/defs.yaml:{number}" in error


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"target.sql": None}, "target.sql"),
        ({"target.sql": "  "}, "target.sql is empty"),
        ({"features.sql": None}, "features.sql"),
        ({"schema.py": LOANS_SCHEMA}, "has no class Purchases for the table purchases"),
    ],
)
def test_an_event_project_without_one_of_its_files_is_reported(files, message):
    error, _ = loading(SETTINGS, **files)
    assert message in error
    assert "shop" in error


FAIR = {"constraint": "demographic_parity", "at_most": 0.05}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (FAIR, "fairness.column is missing: evaluation.sensitive has 0 columns; name the one to constrain"),
        ({**FAIR, "column": "outcome"}, "fairness.column is outcome, which is the target"),
        ({**FAIR, "column": "age", "edges": [60, 25]}, "fairness.edges is [60.0, 25.0]; list the numbers in"),
        ({**FAIR, "at_most": 0}, "fairness.at_most"),
        ({**FAIR, "minimum_rows": 5}, "fairness.minimum_rows"),
        ({**FAIR, "constraint": "parity"}, "fairness.constraint"),
    ],
)
def test_a_fairness_constraint_has_one_column_and_a_limit(declared, message):
    assert message in error_of({**LOANS, "fairness": declared})


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_a_fairness_constraint_is_for_two_classes(task):
    message = error_of({**LOANS, "task": task, "fairness": {**FAIR, "column": "sex"}})
    assert f"fairness.constraint is for binary only; task is {task}: measure the groups with" in message


def test_a_fairness_constraint_counts_rows_equally():
    message = error_of({**LOANS, "weight": "amount", "fairness": {**FAIR, "column": "sex"}})
    assert "fairness.constraint conflicts with `weight`" in message


def test_a_gate_of_fairness_requires_a_protected_column():
    gated = {**LOANS, "gates": {"fairness": {"demographic parity difference": 0.1}}}
    assert "gates.fairness requires groups: name columns in evaluation.sensitive" in error_of(gated)
    found = ModelProject.model_validate({**gated, "fairness": {**FAIR, "column": "sex"}})
    assert protected_columns(found) == ["sex"]
    more = {**gated, "fairness": FAIR, "evaluation": {"sensitive": ["region"]}}
    assert protected_column(ModelProject.model_validate(more)) == "region"


REGRESSION = {**LOANS, "task": "regression"}


@pytest.mark.parametrize(
    ("settings", "path", "value", "message"),
    [
        (LOANS, "weight", "outcome", "weight is outcome, which is the target"),
        (SETTINGS, "weight", "customer", "weight is customer, which is an entity column"),
        (REGRESSION, "tuning.class_weight", "balanced", "tuning.class_weight is for classification only"),
        (LOANS, "tuning.class_weight", {}, "tuning.class_weight is empty; write `balanced`"),
        (LOANS, "tuning.class_weight", {"late": -1}, "tuning.class_weight"),
        (LOANS, "target.quantile", 0.9, "target.quantile is for regression only; task is binary"),
        (REGRESSION, "target.quantile", 1.5, "target.quantile"),
        (REGRESSION, "tuning.metric", "pinball", "tuning.metric is pinball, which requires target.quantile"),
        (LOANS, "monotone", {"income": "rising"}, "monotone.income"),
        (LOANS, "monotone", {"outcome": "increasing"}, "monotone.outcome is not a feature"),
        (
            {**LOANS, "task": "multiclass"},
            "monotone",
            {"income": "increasing"},
            "monotone is for regression and binary only; task is multiclass",
        ),
        (
            {**REGRESSION, "target": {"column": "outcome", "quantile": 0.5}},
            "monotone",
            {"income": "increasing"},
            "monotone conflicts with target.quantile",
        ),
        (
            {**REGRESSION, "target": {"column": "outcome", "quantile": 0.5}},
            "tuning.families",
            ["xgboost", "random_forest"],
            "tuning.families.1 is random_forest, which can't predict target.quantile",
        ),
        (
            {**REGRESSION, "target": {"column": "outcome", "quantile": 0.5}},
            "gates.minimum",
            {"rmse": 3},
            "gates.minimum.rmse is not a metric of a regression with target.quantile",
        ),
        (LOANS, "predictions.contributions", -1, "predictions.contributions"),
        (LOANS, "predictions.contributions", 5, "predictions.contributions requires the asset"),
    ],
)
def test_weights_constraints_and_quantiles_that_contradict_are_refused(settings, path, value, message):
    assert message in error_of(changed(settings, path, value))


def test_weights_constraints_and_quantiles_that_fit_are_accepted():
    quantile = {**REGRESSION, "target": {"column": "amount", "quantile": 0.9}}
    assert ModelProject.model_validate(quantile).primary_metric == "pinball"
    declared = {**LOANS, "weight": "exposure", "monotone": {"income": "decreasing"}}
    assert ModelProject.model_validate(declared).monotone_signs == {"income": -1}
    classes = changed(LOANS, "tuning.class_weight", {"late": 3})
    assert ModelProject.model_validate(classes).tuning.class_weight == {"late": 3}
