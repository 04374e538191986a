"""Texts in SQL, and an aggregate that counts rows with a condition."""

import duckdb
import pytest

from mlops_assets.core.sql_quoting import count_where


@pytest.mark.parametrize(
    ("rows", "expected"),
    [("range(0) as rows(i)", 0), ("range(3) as rows(i)", 2), ("(values (null), (2)) as rows(i)", 1)],
)
def test_rows_with_a_condition_are_counted_and_none_is_zero(rows: str, expected: int):
    with duckdb.connect() as connection:
        found = connection.execute(f"select {count_where('i > 0')} from {rows}").fetchall()
    assert found == [(expected,)]
