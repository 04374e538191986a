"""features of a project without partitions: the query and its checks."""

import dagster as dg
import pytest

from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.loan_assets import check, materialize
from mlops_assets_tests.support.loans import SCHEMA as LOANS_SCHEMA
from mlops_assets_tests.support.loans import loans


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select row_id, outcome from loans", "outcome is the target, which features.sql can't read"),
        ("select income from loans", "does not return row_id"),
        ("selekt", "lending: features.sql"),
        ("select row_id, [income] as pair from loans", "feature pair has the unsupported type DOUBLE"),
    ],
)
def test_an_invalid_query_is_reported(make_project, write_loans, stores, instance, sql, message):
    project = make_project(features_sql=sql)
    write_loans(loans(30))
    result = materialize(
        [raw_asset(project, "loans"), validated_asset(project, "loans"), features_asset(project)],
        stores,
        instance,
    )
    assert message in failure_message(result)


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
def test_checks_find_leaking_missing_and_invalid_features(
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


def test_a_query_over_other_rows_is_compared_on_a_sample(make_project, stores, warehouse, instance):
    """A correlated subquery that finds the row itself passes: its plan does not show that."""
    same = "(select other.amount from loans other where other.row_id = loans.row_id)"
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0],
        features_sql=f"select row_id, {same} / income as share from loans",
    )
    with warehouse.connect() as connection:
        rows = connection.sql(
            "select i as row_id, 500.0 + i as amount, 9.0 as income, 'paid' as outcome from range(5) r(i)"
        )
        warehouse.write(project.table_key("validated").path, rows)
    result = dg.materialize([features_asset(project)], resources=stores, instance=instance)
    found = check(result, "row_by_row")
    assert found.passed
    assert found.description == "0 of 5 sampled rows have other features when computed separately"


def test_one_asset_can_be_tested_alone_as_in_contributing(make_project, stores, warehouse, instance):
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0],
        features_sql="select row_id, amount / income as share from loans",
    )
    with warehouse.connect() as connection:
        rows = connection.sql("select 1 as row_id, 500.0 as amount, 1000.0 as income, 'paid' as outcome")
        warehouse.write(project.table_key("validated").path, rows)
    result = dg.materialize([features_asset(project)], resources=stores, instance=instance)
    assert warehouse.frame(project.key("features").path)["share"].tolist() == [0.5]
    found = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert all(one.passed for one in found.values())
    assert (
        found["row_by_row"].description == "the plan of features.sql computes each row from one validated row"
    )


def test_sql_that_passed_the_check_reads_no_other_file(
    make_project, stores, warehouse, instance, monkeypatch
):
    with warehouse.connect() as connection:
        warehouse.write(("crm", "validated_people"), connection.sql("select 'Ada' as name"))
    [file] = warehouse.root.glob("crm/validated_people/*.parquet")
    project = make_project(
        schema=LOANS_SCHEMA.split("class Features")[0],
        features_sql=f"select row_id, (select max(name) from '{file}') as name from loans",
    )
    with warehouse.connect() as connection:
        rows = connection.sql("select 1 as row_id, 500.0 as amount, 1000.0 as income, 'paid' as outcome")
        warehouse.write(project.table_key("validated").path, rows)
    for checked, reason in ((True, "in files (class files)"), (False, "are disabled by configuration")):
        if not checked:
            monkeypatch.setattr("mlops_assets.ml.features.project_query.find_violation", lambda *_: None)
        result = dg.materialize(
            [features_asset(project)], resources=stores, instance=instance, raise_on_error=False
        )
        assert reason in failure_message(result)
    assert not warehouse.exists(project.key("features").path)
