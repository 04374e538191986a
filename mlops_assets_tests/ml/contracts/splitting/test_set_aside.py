"""Rows that a query sets aside, with their values in little memory."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from mlops_assets.ml.contracts.splitting import set_aside
from mlops_assets.ml.contracts.splitting.set_aside import SetAside

VALUES = {"_source_file": ("_source_file", "VARCHAR"), "_row": ("_row", "BIGINT"), "a b": ("text", "VARCHAR")}
ROWS = """
select 'a.csv' as _source_file, i as _row, i % 4096 = 0 as _suspect, 'text ' || i as text
from range(1_000_000) r(i)
"""


def found(connection: duckdb.DuckDBPyConnection, file: Path) -> SetAside:
    with SetAside(connection, file, VALUES) as aside:
        kept = connection.sql(ROWS).filter(aside.unless("_suspect or _row % 4096 = 1"))
        assert len(kept) == 1_000_000 - 490
    return aside


def test_a_few_rows_of_many_vectors_are_held_in_little_memory(tmp_path: Path):
    with duckdb.connect() as connection:
        aside = found(connection, tmp_path / "aside.parquet")
        values = [chunk for column in aside._held or [] for chunk in column.chunks]
        held = aside.held(connection)
        assert held is not None
        rows = held.fetchall()
    assert (aside.rows, aside.suspects) == (490, 245)
    expected = sorted(number for number in range(1_000_000) if number % 4096 < 2)
    assert rows == [("a.csv", number, f"text {number}") for number in expected]
    # A vector of DuckDB keeps its room for 2,048 rows in each column, whatever Arrow says: these are copies.
    assert len(values) < 10
    assert sorted(pq.read_table(tmp_path / "aside.parquet")["_row"].to_pylist()) == expected


def test_too_many_rows_are_only_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(set_aside, "_HELD_BYTES", 2_000)
    with duckdb.connect() as connection:
        aside = found(connection, tmp_path / "aside.parquet")
        assert aside.held(connection) is None
    assert pq.read_metadata(tmp_path / "aside.parquet").num_rows == 490
