"""Targets that arrive for rows of a static project are matched by the key of the table."""

import duckdb

from mlops_assets.components.model_project.monitoring.performance.scored_partition import (
    with_arrived_targets,
)
from mlops_assets.ml.contracts.row_ids import with_row_ids


def test_targets_belong_to_the_rows_with_the_same_key_whatever_else_these_contain(tmp_path):
    labelled = "(9, 5.0, 'late', 2.0, 1), (7, 6.0, 'paid', 1.0, 2), (7, 6.0, 'late', 3.0, 3)"
    with duckdb.connect() as connection:

        def table(name: str, rows: str, columns: str) -> duckdb.DuckDBPyRelation:
            folder = tmp_path / name
            folder.mkdir()
            read = connection.sql(f"select *, 'file' as _source_file from (values {rows}) as rows({columns})")
            return with_row_ids(connection, read, ["loan"], folder)

        known = table("known", labelled, "loan, amount, outcome, _weight, _row")
        rows = table("rows", "(7, 1.0, 1), (8, 5.0, 2), (9, 5.0, 3)", "loan, amount, _row")
        found = with_arrived_targets(rows, known, "outcome").order("loan")
        assert found.project("loan, amount, _label, _factor").fetchall() == [
            (7, 1.0, "late", 3.0),  # the last of two
            (8, 5.0, None, None),
            (9, 5.0, "late", 2.0),
        ]
        unweighted = with_arrived_targets(rows, known.project("* exclude _weight"), "outcome")
        assert "_factor" not in unweighted.columns
