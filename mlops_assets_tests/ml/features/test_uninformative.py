"""Features without information are found, and no others."""

import duckdb
import pytest

from mlops_assets.ml.features.uninformative import find_uninformative


@pytest.fixture
def rows(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    return connection.sql(
        """select i as number, 7.5 as constant, null::double as nothing, null::varchar as no_text,
        'user-' || i as name, 'house ' || i as title,
        'kind-' || i % 900 as kind, case when i % 2 then 1.0 end as half, 'x' as same
        from range(3000) as numbers(i)"""
    )


def test_features_without_information_are_listed_with_the_reason(rows: duckdb.DuckDBPyRelation):
    found = find_uninformative(rows, rows.columns)
    assert found.pop("name").startswith("has about ")
    assert found == {
        "constant": "is 7.5 in all rows",
        "nothing": "is missing in all rows",
        "no_text": "is missing in all rows",
        "same": "is x in all rows",
    }


def test_without_rows_or_features_the_result_is_empty(rows: duckdb.DuckDBPyRelation):
    assert find_uninformative(rows.limit(0), ["constant"]) == {}
    assert find_uninformative(rows, []) == {}


def test_two_thousand_columns_fit_into_memory(connection: duckdb.DuckDBPyConnection):
    # An aggregate with FILTER for each column would take gigabytes.
    connection.execute("set memory_limit = '500MB'")
    names = [f"f{number}" for number in range(2_000)]
    connection.execute(
        f"create table wide as select {', '.join(f'i as {name}' for name in names)} from range(50) as rows(i)"
    )
    assert find_uninformative(connection.table("wide"), names) == {}
