"""A stream of a query has the errors of DuckDB, whenever they occur."""

import duckdb
import pytest

from mlops_assets.ml.query_batches import duckdb_errors, query_batches

ROWS = "select case when i >= 250000 then error('row 250000') else i end as i from range(300000) as t(i)"


def test_an_error_after_the_first_rows_is_that_of_duckdb():
    with duckdb.connect(config={"threads": 1}) as connection:  # another thread may be at the row already
        rows = query_batches(connection.sql(ROWS).to_arrow_reader(1_000))
        assert next(rows).num_rows
        with pytest.raises(duckdb.Error, match="row 250000"):
            list(rows)
        whole = query_batches(connection.sql("from range(5_000)").to_arrow_reader(2_048))
        assert sum(batch.num_rows for batch in whole) == 5_000


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("error('broke off')", duckdb.InvalidInputException),
        ("('x' || i)::bigint", duckdb.ConversionException),
        ("(9223372036854775807 - 200000 + i + i)", duckdb.OutOfRangeException),
    ],
)
def test_an_error_keeps_its_kind(value: str, kind: type[duckdb.Error]):
    query = f"select case when i >= 250000 then {value} else i end as i from range(300000) as t(i)"
    with duckdb.connect() as connection, pytest.raises(kind):
        list(query_batches(connection.sql(query).to_arrow_reader(1_000)))


def test_an_error_of_the_operating_system_has_its_kind():
    with pytest.raises(duckdb.IOException, match="No space left"), duckdb_errors():
        raise OSError("IO Error: Could not write file: No space left on device")
    with pytest.raises(duckdb.Error, match="something else"), duckdb_errors():
        raise OSError("something else")
