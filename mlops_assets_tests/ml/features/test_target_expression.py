"""Targets as SQL expressions: the columns that they read, their types, and what is rejected."""

import duckdb
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.target_expression import TargetExpression

COLUMNS = ["fare", "tips", "Trip Type", "paid"]


@pytest.fixture
def trips():
    with duckdb.connect() as connection:
        yield connection.sql(
            "select 1 as row_id, 10.0::double as fare, 3.0::double as tips, 'a' as \"Trip Type\", "
            "true as paid "
            "union all select 2, 10, 2, 'b', false union all select 3, 10, null, 'c', null"
        )


def expression(sql: str, *keep: str) -> TargetExpression:
    return TargetExpression(sql, "trips", "taxi: target.expression", keep)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("tips > 0.2 * fare", ["fare", "tips"]),
        ("TIPS > 1 -- fare", ["tips"]),
        ("trips.tips + 1", ["tips"]),
        ("\"Trip Type\" = 'fare'", ["Trip Type"]),
        ("case when paid then 'yes' else 'no' end", ["paid"]),
        ("list_sum(list_transform([tips, fare], lambda x: x + 1)) > 3", ["fare", "tips"]),
    ],
)
def test_the_columns_that_an_expression_reads_are_known(sql, columns):
    assert expression(sql).columns(COLUMNS) == columns


def test_columns_that_are_kept_are_not_hidden():
    assert expression("tips > 0.2 * fare").hidden(COLUMNS) == ["fare", "tips"]
    assert expression("tips > 0.2 * fare", "fare").hidden(COLUMNS) == ["tips"]
    with pytest.raises(
        ProjectError, match=r"does not read paid, which target.keep names\n  hint: it reads fare, tips"
    ):
        expression("tips > 0.2 * fare", "paid").hidden(COLUMNS)


@pytest.mark.parametrize(
    ("sql", "task", "kind", "values"),
    [
        ("tips > 0.2 * fare", "binary", "BOOLEAN", [True, False, None]),
        ("(tips > 2)::int", "binary", "BIGINT", [1, 0, None]),
        ('upper("Trip Type")', "multiclass", "VARCHAR", ["A", "B", "C"]),
        ("tips / fare", "regression", "DOUBLE", [0.3, 0.2, None]),
        ("case when tips > 2 then 'nan'::double else 1 end", "regression", "DOUBLE", [None, 1.0, 1.0]),
    ],
)
def test_the_target_of_each_row_is_computed(trips, sql, task, kind, values):
    found = expression(sql).with_target(trips, name="y", task=task, key="row_id")
    assert str(found.types[-1]) == kind
    assert [row[-1] for row in found.order("row_id").fetchall()] == values
    assert found.columns == ["row_id", *COLUMNS, "y"]


def test_an_infinite_target_names_its_row(trips):
    found = expression("tips / 0").with_target(trips, name="y", task="regression", key="row_id")
    with pytest.raises(duckdb.Error, match="target y is infinite where row_id is 1"):
        found.fetchall()


@pytest.mark.parametrize(
    ("sql", "task", "message"),
    [
        ("tips > (select avg(tips) from trips)", "binary", "has a subquery"),
        ("tips > avg(tips) over ()", "binary", "has a window over other rows"),
        ("max(tips) > 3", "binary", "can't be computed: Binder Error"),
        ("len(columns(*)) > 1", "binary", r"has a \* instead of column names"),
        ("random() < tips", "binary", r"random is not allowed: .* \(class random\)"),
        ("now() > tips", "binary", "now is not allowed: it reads the clock"),
        ("1 > 0", "binary", "reads no column of trips"),
        ("tips > 1) as leak, (tips > 1", "binary", "is not one expression"),
        ("tips > 0.2 * fair", "binary", 'can\'t be computed: Binder Error: Referenced column "fair"'),
        ("tips >", "binary", "syntax error"),
        ("tips) from other where (fare", "binary", "syntax error"),
        ("tips > 1; drop table trips", "binary", "syntax error"),
        ("struct_extract(trips, 'fare') > tips", "binary", "can't be computed"),
        ("tips > 1", "regression", "of type boolean; regression requires a number"),
        ("tips / fare", "binary", "of type double; binary requires a truth value, an integer or a text"),
        ("[tips]", "multiclass", "of type list; multiclass requires"),
    ],
)
def test_an_invalid_expression_is_reported(trips, sql, task, message):
    with pytest.raises(ProjectError, match=message) as caught:
        expression(sql).with_target(trips, name="y", task=task, key="row_id")
    assert str(caught.value).startswith("taxi: target.expression")
