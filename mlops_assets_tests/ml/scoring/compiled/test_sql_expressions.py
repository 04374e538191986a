"""SQL in Python has the results of DuckDB, bit for bit, or is left to DuckDB."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.scoring.compiled.feature_plan import FeaturePlan
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.sql_expressions import compile_query

COLUMNS = (Column("a", "DOUBLE"), Column("b", "DOUBLE"), Column("k", "VARCHAR"), Column("n", "BIGINT"))
VALUES = (None, 0.0, -0.0, 1.0, 2.0, -3.5, 0.1, 1e308, 5e-324)
EXPRESSIONS = (
    *("A", "k", "-a", "2 * a - b / 3", "0.1 + a", "a / b", "a / 0", "1 / a", "a * a * b"),
    *("a / nullif(b, 0)", "nullif(a, b)", "coalesce(a, b)", "coalesce(a, 0.5, b)", "abs(a)", "sqrt(a)"),
    *(
        "case when a > 1 then b end",
        "case when a <> b then 1 else 0 end",
        "case a when 1 then 2 else 3.5 end",
    ),
    *("case when not (a > 1 or b > 1) then a when b is null then -1 else b end",),
    *("case when k = 'x' and a is not null then a else 2.5 end", "case when k <> 'x' or b < 1 then 1 end"),
)
LEFT_TO_DUCKDB = (
    *("0.1 + 0.2", "1 / 3", "ln(a)", "n + 1", "n", "a::int", "a % b", "k || 'x'", "nullif(1, a)", "null"),
    *("sum(a) over ()", "1e400", "0.1234567890123456789 * a", "case when k < 'x' then a end", "missing"),
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_the_results_of_duckdb(expression):
    sql = f"select row_id, {expression} as f, a as g from t"
    compute = compile_query(sql, "t", COLUMNS, ["f", "g"])
    rows = [[a, b, k, 1] for a, b in product(VALUES, VALUES) for k in (None, "x", "y")]
    found = [(row, values) for row in rows if (values := compute(row)) is not None]
    plan = FeaturePlan(FeatureQuery(sql, (), "t"), "t", COLUMNS, ["f", "g"])
    columns = [np.array(column, dtype=object) for column in zip(*(row for row, _ in found), strict=True)]
    expected = plan.compute_many(columns).column("f").to_pylist()
    assert [
        repr(float(values[0]) if isinstance(values[0], int) else values[0]) for _, values in found
    ] == list(map(repr, expected))
    assert len(found) > len(rows) / 12


def test_a_result_that_is_not_finite_is_left_to_duckdb():
    compute = compile_query("select row_id, a / b as f from t", "t", COLUMNS, ["f"])
    assert [compute([1.0, b, None, 1]) for b in (0.0, 5e-324, 2.0)] == [None, None, [0.5]]


@pytest.mark.parametrize("expression", LEFT_TO_DUCKDB)
def test_other_expressions_are_left_to_duckdb(expression):
    with pytest.raises(NotCompiledError):
        compile_query(f"select row_id, {expression} as f from t", "t", COLUMNS, ["f"])


@pytest.mark.parametrize(
    "sql",
    [
        "select row_id, a as f from t where a > 0",
        "select row_id, a as f from t order by a",
        "select distinct row_id, a as f from t",
        "select row_id, a as f from (select * from t)",
        "with t as (select * from t) select row_id, a as f from t",
        "select row_id, a as f from t as u",
        "select row_id, a as f, a as f from t",
        "select row_id, a from t",
        "select * from t",
        "select row_id, a as f from t union all select row_id, b from t",
    ],
)
def test_other_clauses_are_left_to_duckdb(sql):
    with pytest.raises(NotCompiledError):
        compile_query(sql, "t", COLUMNS, ["f"])


def test_a_prepared_query_reads_nothing_but_its_row():
    query = FeatureQuery("select row_id, a as f from t", (), "t")
    plan = FeaturePlan(query, "t", COLUMNS, ["f"])
    for setting, value in (("TimeZone", "UTC"), ("enable_external_access", "false")):
        plan._statement.set_sql_query(f"select current_setting('{setting}')::varchar as v")
        plan._statement.prepare()
        handle, _ = plan._statement.execute_query()
        assert pa.RecordBatchReader.from_stream(handle).read_all().column("v").to_pylist() == [value]
