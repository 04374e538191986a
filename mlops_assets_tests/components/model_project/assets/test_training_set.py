"""training_set of a project without partitions: join, split and checks."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.project.column_checks import model_input_columns
from mlops_assets.core import names
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.loan_assets import LOAN_DATA, check, materialize, materialized
from mlops_assets_tests.support.loans import SCHEMA as LOANS_SCHEMA
from mlops_assets_tests.support.loans import loans


def test_features_target_and_side_are_joined(make_project, write_loans, stores, warehouse, instance):
    project = make_project()
    write_loans(loans(1000))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert result.success
    table = project.key(names.TRAINING_SET).path
    frame = warehouse.frame(table)
    assert list(frame.columns) == ["row_id", "income", "share", "purpose", "outcome", "_split"]
    assert 150 < (frame[names.SPLIT] == names.HOLDOUT).sum() < 250
    [version] = warehouse.versions(table)
    assert version.inputs == {"lending/features": 1, "lending/validated_loans": 1}
    assert version.dagster_run_id == result.run_id


def test_a_row_keeps_its_side_when_rows_are_added(make_project, write_loans, stores, warehouse, instance):
    project = make_project()
    sides = []
    for rows in (500, 900):
        write_loans(pd.concat([loans(500), loans(rows - 500, seed=1)]))
        assert materialize([build(project) for build in LOAN_DATA], stores, instance).success
        frame = warehouse.frame(project.key(names.TRAINING_SET).path)
        sides.append(frame.set_index(names.ROW_ID)[names.SPLIT])
    pd.testing.assert_series_equal(sides[1].loc[sides[0].index], sides[0])


def test_a_feature_with_the_name_of_the_target_is_rejected(make_project, write_loans, stores, instance):
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0],
        features_sql="select row_id, income, income as outcome from loans",
    )
    write_loans(loans(50))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert "features.sql returns outcome, which is the target" in failure_message(result)


def test_a_group_stays_on_one_side(make_project, write_loans, stores, warehouse, instance):
    schema = LOANS_SCHEMA.replace("income: float", "branch: str\n    income: float", 1)
    project = make_project(schema=schema, split={"method": "group", "group": ["branch"]})
    write_loans(loans(600).assign(branch=[f"branch {row % 40}" for row in range(600)]))
    assert materialize([build(project) for build in LOAN_DATA], stores, instance).success
    frame = warehouse.frame(project.key(names.TRAINING_SET).path)
    assert frame.groupby(names.GROUP)[names.SPLIT].nunique().max() == 1
    assert set(frame[names.SPLIT]) == {names.TRAIN, names.HOLDOUT}


DOUBTS = ("enough_rows", "target_distribution", "no_duplicate_rows", "stable_over_time", "suitable_split")
DATED = LOANS_SCHEMA.replace(
    "income: float", "granted: pa.DateTime = pa.Field(nullable=True)\n    branch: str\n    income: float", 1
)


def dated_loans(rows: int) -> pd.DataFrame:
    """Loans of consecutive days, four a day and one of each branch."""
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(rows) // 4, "D")
    return loans(rows).assign(granted=days, branch=[f"branch {row % 4}" for row in range(rows)])


def test_the_latest_rows_are_the_holdout(make_project, write_loans, stores, warehouse, instance):
    project = make_project(
        schema=DATED, split={"method": "time", "column": "granted", "holdout": 0.26}, task="binary"
    )
    rows = dated_loans(400)
    rows.loc[[3, 399], "granted"] = None
    write_loans(rows)
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert result.success
    frame = warehouse.frame(project.key(names.TRAINING_SET).path)
    sides = frame.groupby(names.SPLIT)[names.TIME].agg(["min", "max", "size"])
    assert sides.loc[names.TRAIN].tolist() == [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-03-15"), 295]
    assert sides.loc[names.HOLDOUT].tolist() == [pd.Timestamp("2025-03-16"), pd.Timestamp("2025-04-10"), 103]
    lost = warehouse.frame(project.table_key(names.QUARANTINE).path)
    assert [list(rules) for rules in lost[names.BROKEN_RULES]] == [["granted: not_nullable"]] * 2
    metadata = materialized(result, names.TRAINING_SET)
    assert metadata["in_words"].value == (
        "tested on 2025-03-16 to 2025-04-10, trained on 2025-01-01 to 2025-03-15, by granted"
    )
    columns = model_input_columns(project, {})
    assert next(column for column in columns if column.name == "granted").nullable, "of a prediction"


def test_a_group_of_a_later_holdout_is_not_in_training(
    make_project, write_loans, stores, warehouse, instance
):
    split = {"method": "time", "column": "granted", "holdout_from": "2025-03-31", "group": ["branch"]}
    project = make_project(schema=DATED, split=split)
    write_loans(dated_loans(398).assign(branch=lambda rows: rows.index // 12))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert result.success
    frame = warehouse.frame(project.key(names.TRAINING_SET).path)
    counts = frame[names.SPLIT].value_counts().to_dict()
    assert counts == {names.TRAIN: 348, names.EMBARGO: 8, names.HOLDOUT: 42}
    holdout = frame[frame[names.SPLIT] == names.HOLDOUT]
    assert not set(holdout[names.GROUP]) & set(frame[frame[names.SPLIT] == names.TRAIN][names.GROUP])
    assert (frame[names.TIME] >= "2025-03-31").equals(frame[names.SPLIT] == names.HOLDOUT)
    assert "; 8 earlier rows of groups in the holdout are on neither side" in (
        materialized(result, names.TRAINING_SET)["in_words"].value
    )


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"column": "purpose"}, "split.column, purpose, is varchar, which does not order rows by time"),
        ({"column": "grated"}, "split.column, grated, is not declared in schema.py"),
        (
            {"column": "granted", "holdout_from": "soon"},
            "split.holdout_from is 'soon', which is not a timestamp as granted has",
        ),
        ({"column": "branch_number"}, "all rows have the same branch_number, so none are later than others"),
        ({"column": "granted", "holdout_from": "2031-01-01"}, "no row has a granted from 2031-01-01 on"),
        (
            {"column": "granted", "group": ["branch"]},
            "no row before the holdout of a branch that is not in the holdout is left for training",
        ),
    ],
)
def test_a_split_over_time_that_is_not_possible_is_reported(
    split, message, make_project, write_loans, stores, instance
):
    schema = DATED.replace("branch: str", "branch: str\n    branch_number: int")
    project = make_project(schema=schema, split={"method": "time", **split})
    write_loans(dated_loans(60).assign(branch_number=1))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    blocking = next((check.description for check in failed if check.check_name == "both_sides"), None)
    assert message in (blocking or failure_message(result))


def test_a_feature_with_the_target_is_a_warning(make_project, write_loans, stores, instance):
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0].replace(
            "income: float", "closed: str\n    income: float", 1
        ),
        features_sql="select row_id, closed, income from loans",
    )
    rows = loans(600)
    write_loans(rows.assign(closed="state " + rows["outcome"]))
    result = dg.materialize([build(project) for build in LOAN_DATA], resources=stores, instance=instance)
    assert result.success, "a warning does not block"
    [found] = [
        check for check in result.get_asset_check_evaluations() if check.check_name == "no_leakage_suspects"
    ]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == (
        "possible target leakage: closed alone predicts other rows with ROC AUC 1.000: check that they are "
        "known at the time of a prediction"
    )


def test_honest_features_have_no_leakage_suspects(make_project, write_loans, stores, instance):
    write_loans(loans(600))
    result = materialize([build(make_project()) for build in LOAN_DATA], stores, instance)
    [found] = [
        check for check in result.get_asset_check_evaluations() if check.check_name == "no_leakage_suspects"
    ]
    assert found.passed
    assert "features alone predicts" in found.description


def test_uninformative_features_are_a_warning(make_project, write_loans, stores, instance):
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0],
        features_sql="select row_id, 1 as one, null::double as nothing, 'loan_' || row_id as name, income "
        "from loans",
        tuning={"trials": 2, "folds": 2, "threads": 1},
    )
    write_loans(loans(1_500))
    assets = [build(project) for build in (*LOAN_DATA, tuned_model_asset)]
    result = dg.materialize(assets, resources=stores, instance=instance)
    evaluated = {check.check_name: check for check in result.get_asset_check_evaluations()}
    found = evaluated["informative_features"]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "feature one is 1.0 in all rows; feature nothing is missing in all rows" in found.description
    assert "feature name has about 1," in found.description
    assert "income" not in found.description


def test_columns_that_only_the_target_reads_are_hidden_from_the_features(
    make_project, write_loans, stores, warehouse, instance
):
    rows = loans(200).assign(paid_back=[None, *range(199)])
    write_loans(pd.concat([rows, rows[100:140].assign(paid_back=-1.0)]))
    schema = LOANS_SCHEMA.split("class Features")[0].replace(
        "income: float", "paid_back: float = pa.Field(nullable=True)\n    income: float", 1
    )
    target = {"column": "repaid", "expression": "paid_back > 0.01 * amount"}
    project = make_project(schema=schema, features_sql="from loans", target=target)
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert result.success
    frame = warehouse.frame(project.key(names.TRAINING_SET).path)
    assert list(frame.columns) == ["row_id", "income", "purpose", "outcome", "repaid", "_split"]
    assert len(frame) == 239
    equal = frame.assign(bits=frame["row_id"] // 2**14).groupby(["income", "purpose", "outcome"])
    assert (equal[["bits", "_split"]].nunique() == 1).all(axis=None), "rows that are equal to a model"
    metadata = materialized(result, names.TRAINING_SET)
    assert metadata["rows_without_target"].value == 1
    inputs = [column.name for column in model_input_columns(project, {})]
    assert inputs == ["income", "purpose", "outcome"]

    kept = make_project(schema=schema, features_sql="from loans", target={**target, "keep": ["amount"]})
    assert [column.name for column in model_input_columns(kept, {})] == [
        "income",
        "amount",
        "purpose",
        "outcome",
    ]
    result = materialize([build(kept) for build in LOAN_DATA], stores, instance)
    assert "amount" in warehouse.frame(project.key(names.TRAINING_SET).path)
    assert "paid_back" not in warehouse.frame(project.key(names.TRAINING_SET).path)


@pytest.mark.parametrize(
    ("target", "features", "message"),
    [
        (
            {"column": "rich", "expression": "income > 5000"},
            "select row_id, income from loans",
            "income is reserved for the target or the weight of rows; remove it from features.sql, or",
        ),
        (
            {"column": "purpose", "expression": "income > 5000"},
            "select row_id, amount from loans",
            "target.column is purpose, which is also a column of loans",
        ),
        (
            {"column": "rich", "expression": "purpose::int > 5"},
            "select row_id, amount from loans",
            "target.expression is 'purpose::int > 5', which can't be computed: Conversion Error",
        ),
    ],
)
def test_a_target_expression_that_is_not_possible_is_reported(
    target, features, message, make_project, write_loans, stores, instance
):
    schema = LOANS_SCHEMA.split("class Features")[0]
    project = make_project(schema=schema, features_sql=features, target=target)
    write_loans(loans(40))
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert message in failure_message(result)


def doubtful_loans() -> pd.DataFrame:
    """Copies of loans with other keys, customers with two loans each, times, and a rare class."""
    rows = dated_loans(480)
    rows = pd.concat([rows, rows[:120]], ignore_index=True)
    rows["outcome"] = np.where(rows.index % 30 == 0, "late", "paid")
    return rows.assign(number=rows.index, customer_id=rows.index // 2)


def test_doubts_are_warnings_until_settings_answer_them(make_project, write_loans, stores, instance):
    schema = DATED.split("class Features")[0].replace(
        "branch: str", "branch: str\n    number: int\n    customer_id: int"
    )
    write_loans(doubtful_loans())
    declared = {"loans": {"source": "data/*.csv", "key": ["number"]}}
    project = make_project(schema=schema, tables=declared)
    result = materialize([build(project) for build in LOAN_DATA], stores, instance)
    assert result.success
    found = {name: check(result, name) for name in DOUBTS}
    assert {each.severity for each in found.values()} == {dg.AssetCheckSeverity.WARN}
    assert {name: each.passed for name, each in found.items()} == {
        "enough_rows": True,
        "target_distribution": False,
        "no_duplicate_rows": False,
        "stable_over_time": True,
        "suitable_split": False,
    }
    assert found["target_distribution"].description.startswith(
        "class late of outcome has 20 of 600 rows (3.3 %): compare models by"
    )
    assert "holdout rows" in found["no_duplicate_rows"].description
    assert "customer_id repeats: 600 of 600 rows (100 %)" in found["suitable_split"].description
    assert "granted has times from 2025-01-01 to 2025-04-30" in found["suitable_split"].description
    assert found["suitable_split"].metadata["columns"].value == ["customer_id", "granted"]

    split = {"method": "time", "column": "granted", "group": ["customer_id"]}
    answered = make_project(
        schema=schema, tables=declared, split=split, tuning={"class_weight": "balanced", "threads": 1}
    )
    result = materialize([build(answered) for build in LOAN_DATA], stores, instance)
    assert {name: check(result, name).passed for name in DOUBTS} == dict.fromkeys(DOUBTS, True)
