"""A stream of a query has the errors of DuckDB, whenever they occur."""

import duckdb
import pytest

from mlops_assets.ml.query_batches import query_batches

ROWS = "select case when i >= 250000 then error('row 250000') else i end as i from range(300000) as t(i)"


def test_an_error_after_the_first_rows_is_that_of_duckdb():
    with duckdb.connect() as connection:
        rows = query_batches(connection.sql(ROWS).to_arrow_reader(1_000))
        assert next(rows).num_rows
        with pytest.raises(duckdb.Error, match="row 250000"):
            list(rows)
        whole = query_batches(connection.sql("from range(5_000)").to_arrow_reader(2_048))
        assert sum(batch.num_rows for batch in whole) == 5_000
