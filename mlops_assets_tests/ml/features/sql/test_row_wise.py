"""Queries that compute each row from one row alone."""

import pytest

from mlops_assets.ml.features.sql.row_wise import is_row_wise

COLUMNS = {"row_id": "BIGINT", "a": "DOUBLE", "name": "VARCHAR"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select row_id, a / nullif(a, 0) as x, split_part(name, '.', 1) as part from t; -- end", True),
        ("with b as (select *, a + 1 as c from t) select row_id, c from b where c > 1", True),
        ("with b as materialized (from t) select row_id, list_sum([a, 1]) as c from b", True),
        ("select row_id, a - avg(a) over () as x from t", False),
        ("select row_id, (select max(a) from t) as x from t", False),
        ("select row_id, geomean(a) as x from t group by all", False),
        ("select row_id, unnest([a, 1]) as x from t", False),
        ("select distinct row_id, a from t", False),
        ("select row_id, a from t order by a limit 3", False),
        ("select t.row_id, u.a from t join t as u using (row_id)", False),
        ("from t union all from t", False),
        ("with b as (from t) select x.row_id, y.a from b as x join b as y using (row_id)", False),
        ("select row_id, a from t qualify row_number() over (order by a) = 1", False),
        ("select 1 as row_id, 2 as a", False),
        ("select row_id, other from t", False),
    ],
)
def test_a_plan_of_projections_and_filters_over_one_scan_is_row_wise(sql: str, expected: bool):
    assert is_row_wise(sql, "t", COLUMNS) is expected
