"""raw, validated, quarantine, features and training_set, one at a time, over real tables."""

import gzip

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.training_set import training_set_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.core import names
from mlops_assets_tests.support.loans import SCHEMA, loans

DATA_ASSETS = (
    lambda project: raw_asset(project, "loans"),
    lambda project: validated_asset(project, "loans"),
    features_asset,
    training_set_asset,
)


def materialize(assets, stores, instance, **kwargs):
    return dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False, **kwargs)


def fault(result) -> str:
    """What the first failed step told."""
    failed = next(event for event in result.all_events if event.is_step_failure)
    data = failed.step_failure_data
    return data.user_failure_data.description if data.user_failure_data else data.error.to_string()


def check(result, name: str) -> dg.AssetCheckEvaluation:
    return next(found for found in result.get_asset_check_evaluations() if found.check_name == name)


def test_raw_keeps_rows_as_they_came_with_file_and_number(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project()
    write_loans(loans(3).assign(income=["1.50", "x", ""]))
    assert materialize([raw_asset(project, "loans")], stores, instance).success
    found = warehouse.frame(project.table_key(names.RAW).path)
    assert found["income"].tolist()[:2] == ["1.50", "x"]
    assert pd.isna(found["income"][2])
    assert found[names.SOURCE_ROW].tolist() == [1, 2, 3]
    assert set(found[names.SOURCE_FILE]) == {"loans.csv"}


def test_a_run_can_read_another_source(make_project, stores, warehouse, instance, tmp_path):
    project = make_project()
    other = tmp_path / "elsewhere"
    other.mkdir()
    with gzip.open(other / "any_name.csv.gz", "wt") as stream:
        loans(7).to_csv(stream, index=False)
    config = {"ops": {"lending__raw_loans": {"config": {"source": str(other)}}}}
    assert materialize([raw_asset(project, "loans")], stores, instance, run_config=config).success
    assert len(warehouse.frame(project.table_key(names.RAW).path)) == 7


def test_a_missing_source_is_told_in_plain_words(make_project, stores, instance):
    result = materialize([raw_asset(make_project(), "loans")], stores, instance)
    assert not result.success
    assert "lending: table loans: no file at" in fault(result)


def test_unchanged_files_write_no_new_version(make_project, write_loans, stores, warehouse, instance):
    project = make_project()
    write_loans(loans(20))
    for _ in range(2):
        assert materialize(
            [raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance
        ).success
    assert warehouse.version(project.table_key(names.RAW).path) == 1
    assert warehouse.version(project.table_key(names.VALIDATED).path) == 1


def test_every_row_is_validated_or_quarantined_with_all_rules(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project(tables={"loans": {"source": "data/*.csv", "max_rejected_share": 0.5}})
    frame = loans(40).astype(object)
    frame.loc[3, "income"], frame.loc[3, "purpose"] = -5, "yacht"
    frame.loc[8, "amount"] = "many"
    write_loans(frame)
    result = materialize([raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance)
    assert result.success
    quarantined = warehouse.frame(project.table_key(names.QUARANTINE).path).sort_values(names.SOURCE_ROW)
    assert quarantined[names.SOURCE_ROW].tolist() == [4, 9]
    assert quarantined["amount"].tolist()[1] == "many"
    rules = [list(found) for found in quarantined[names.BROKEN_RULES]]
    assert rules == [
        ["income: greater_than(0)", "purpose: isin(['car', 'house', 'other'])"],
        ["amount: dtype(float64)"],
    ]
    assert len(warehouse.frame(project.table_key(names.VALIDATED).path)) == 38
    assert check(result, "every_row_accounted_for").passed


def test_too_many_broken_rows_block_what_comes_after(make_project, write_loans, stores, warehouse, instance):
    project = make_project()
    frame = loans(100)
    frame.loc[:5, "income"] = -1.0
    write_loans(frame)
    result = materialize([build(project) for build in DATA_ASSETS], stores, instance)
    assert not result.success
    share = check(result, "rejected_share")
    assert not share.passed
    assert "6 of 100 rows (6.00%) violate the contract; the limit is 5.00%" in str(share.description)
    assert not warehouse.exists(project.key(names.FEATURES).path)


def test_a_missing_column_is_named_with_those_that_are_there(make_project, write_loans, stores, instance):
    project = make_project()
    write_loans(loans(5).rename(columns={"income": "salary", "purpose": "Purpos"}))
    result = materialize([raw_asset(project, "loans"), validated_asset(project, "loans")], stores, instance)
    told = fault(result)
    assert "the source lacks the columns income, purpose; it has salary, amount, Purpos, outcome" in told
    assert ". Did you mean Purpos for purpose?" in told


def test_decimal_commas_are_quarantined_with_a_hint_and_go_through_when_declared(
    make_project, write_loans, stores, warehouse, instance, record_property
):
    frame = loans(40).astype({"income": object, "amount": object})
    frame["income"] = [f"{1000 + row}" if row % 2 else f"1.{row:03},5" for row in range(40)]
    frame["amount"] = [str(number).replace(".", ",") for number in frame["amount"]]
    frame.loc[0, "amount"] = "many"
    write_loans(frame)
    tables = {"loans": {"source": "data/*.csv", "max_rejected_share": 0.1}}
    project = make_project(tables=tables)
    assets = [raw_asset(project, "loans"), validated_asset(project, "loans")]
    share = str(check(materialize(assets, stores, instance), "rejected_share").description)
    assert share.endswith(
        "59 of 60 invalid numbers have a decimal comma; if the file uses decimal commas, declare "
        'csv.decimal: "," and csv.thousands: "." for the table'
    )
    record_property("told", share)
    before = [asset.code_versions_by_key for asset in assets]
    tables["loans"]["csv"] = {"decimal": ",", "thousands": "."}
    project = make_project(tables=tables)
    again = [raw_asset(project, "loans"), validated_asset(project, "loans")]
    assert again[0].code_versions_by_key == before[0]
    assert not again[1].code_versions_by_key.items() & before[1].items()
    assert check(materialize(again, stores, instance), "rejected_share").passed
    kept = warehouse.frame(project.table_key(names.VALIDATED).path).sort_values(names.SOURCE_ROW)
    assert kept["income"].tolist()[:3] == [1001.0, 1002.5, 1003.0]
    quarantined = warehouse.frame(project.table_key(names.QUARANTINE).path)
    assert quarantined[["income", "amount"]].to_numpy().tolist() == [["1.000,5", "many"]]
    assert "declare csv" not in str(check(materialize(again, stores, instance), "rejected_share").description)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select row_id, outcome from loans", "outcome is the target, which features.sql can't read"),
        ("select income from loans", "does not return row_id"),
        ("selekt", "lending: features.sql"),
        ("select row_id, [income] as pair from loans", "feature pair has the type DOUBLE"),
    ],
)
def test_a_wrong_query_is_a_clear_error(make_project, write_loans, stores, instance, sql, told):
    project = make_project(features_sql=sql)
    write_loans(loans(30))
    result = materialize(
        [raw_asset(project, "loans"), validated_asset(project, "loans"), features_asset(project)],
        stores,
        instance,
    )
    assert told in fault(result)


@pytest.mark.parametrize(
    ("sql", "failed"),
    [
        ("select row_id, income / max(income) over () as share, income, purpose from loans", "row_by_row"),
        (
            "select row_id, income, amount / income as share, purpose from loans where income > 4000",
            "one_row_each",
        ),
        ("from (select row_id, income, 0 - amount as share, purpose from loans)", "contract"),
        ("select row_id, income, purpose from loans", "contract"),
    ],
)
def test_free_checks_find_features_that_leak_lack_or_break(
    make_project, write_loans, stores, instance, sql, failed
):
    project = make_project(features_sql=sql)
    write_loans(loans(40))
    result = materialize(
        [raw_asset(project, "loans"), validated_asset(project, "loans"), features_asset(project)],
        stores,
        instance,
    )
    assert not result.success
    assert not check(result, failed).passed


def test_the_training_set_joins_features_target_and_side(
    make_project, write_loans, stores, warehouse, instance
):
    project = make_project()
    write_loans(loans(1000))
    result = materialize([build(project) for build in DATA_ASSETS], stores, instance)
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
        assert materialize([build(project) for build in DATA_ASSETS], stores, instance).success
        frame = warehouse.frame(project.key(names.TRAINING_SET).path)
        sides.append(frame.set_index(names.ROW_ID)[names.SPLIT])
    pd.testing.assert_series_equal(sides[1].loc[sides[0].index], sides[0])


def test_a_feature_that_is_called_like_the_target_is_refused(make_project, write_loans, stores, instance):
    project = make_project(
        schema=SCHEMA.split("class Features")[0],
        features_sql="select row_id, income, income as outcome from loans",
    )
    write_loans(loans(50))
    result = materialize([build(project) for build in DATA_ASSETS], stores, instance)
    assert "features.sql returns outcome, which is the target" in fault(result)


def test_a_group_stays_on_one_side(make_project, write_loans, stores, warehouse, instance):
    schema = SCHEMA.replace("income: float", "branch: str\n    income: float", 1)
    project = make_project(schema=schema, split={"method": "group", "group": ["branch"]})
    write_loans(loans(600).assign(branch=[f"branch {row % 40}" for row in range(600)]))
    assert materialize([build(project) for build in DATA_ASSETS], stores, instance).success
    frame = warehouse.frame(project.key(names.TRAINING_SET).path)
    assert frame.groupby(names.GROUP)[names.SPLIT].nunique().max() == 1
    assert set(frame[names.SPLIT]) == {names.TRAIN, names.HOLDOUT}


def test_one_asset_is_tested_alone_as_contributing_shows(make_project, stores, warehouse, instance):
    project = make_project(
        schema=SCHEMA.split("class Features")[0],
        features_sql="select row_id, amount / income as share from loans",
    )
    with warehouse.connect() as connection:
        rows = connection.sql("select 1 as row_id, 500.0 as amount, 1000.0 as income, 'paid' as outcome")
        warehouse.write(project.table_key("validated").path, rows)
    result = dg.materialize([features_asset(project)], resources=stores, instance=instance)
    assert warehouse.frame(project.key("features").path)["share"].tolist() == [0.5]
    assert all(found.passed for found in result.get_asset_check_evaluations())
