"""Rows are streamed into a Parquet file, in bounded groups, and digested as they pass."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from mlops_assets.stores.delta.content_digest import relation_content, relation_digest
from mlops_assets.stores.delta.writing import parquet_stream, staging
from mlops_assets.stores.delta.writing.parquet_stream import stream_rows
from mlops_assets.stores.delta.writing.staging import staged_content
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]
VALUES = {
    "boolean": "i % 2 = 0",
    "tinyint": "(i % 200 - 100)::tinyint",
    "integer": "(i * 100003)::integer",
    "bigint": "i * 10000000019",
    "float": "(i / 7)::float",
    "double": "['nan'::double, '-inf', -0.0::double, i / 7, null][i % 5 + 1]",
    "decimal": "(i / 8)::decimal(9, 3)",
    "wide decimal": "(i / 8)::decimal(38, 3)",
    "text": "case when i % 3 > 0 then 'é ' || i end",
    "few texts": "['a', '', null, 'b,c'][i % 4 + 1]",
    "long text": "repeat('x', 400) || i",
    "blob": "encode('é' || i)",
    "date": "date '1969-12-01' + i::integer",
    "timestamp": "timestamp '1969-12-31 23:59:59.999999' + to_microseconds(i * 777777)",
    "infinite time": "'infinity'::timestamp",
    "list": "case when i % 3 > 0 then [i, null, i + 1] end",
    "struct": "{'a': i, 'b': ['x' || i]}",
    "map": "map([i], ['x'])",
}


def numbered(folder: Path) -> Iterator[Path]:
    """Paths of new files."""
    return (folder / f"{number}.parquet" for number in count())


@pytest.mark.parametrize("kind", VALUES)
def test_the_digest_of_a_stream_is_that_of_the_file(tmp_path: Path, kind: str):
    file = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        source = connection.sql(f"select {VALUES[kind]} as a, i as _row from range(1, 3001) r(i)")
        streamed = stream_rows(source, iter([file]))[file]
        written = connection.read_parquet(str(file))
        assert dict(zip(written.columns, map(str, written.types), strict=True)) == streamed.columns
        hashes, digest = staged_content(written, [streamed])
        assert (hashes.rows, digest) == relation_digest(written) == relation_digest(source)
        same = repr(written.order("_row").fetchall()) == repr(source.order("_row").fetchall())
    assert same  # without thousands of rows in a message


def test_a_write_does_not_read_its_files_for_the_digest(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    def read(_: duckdb.DuckDBPyRelation) -> tuple[int, str]:
        raise AssertionError("the rows are read")

    monkeypatch.setattr(staging, "relation_content", read)
    one = warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')")], partition="a")
    assert (one.rows, one.digest) == (2, relation_digest(rows("(2, 'y'), (1, 'x')"))[1])


def test_the_digest_of_rewritten_files_is_that_of_their_rows(warehouse: Warehouse, rows: Rows):
    wide = warehouse.write(KEY, rows("(1::hugeint, 'x')"))
    assert wide.digest == relation_digest(rows("(1::bigint, 'x')"))[1]
    assert wide.columns["a"] == "BIGINT"


def test_a_file_of_an_earlier_format_with_the_same_rows_stays(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patched:
        patched.setattr(staging, "stream_rows", _copied)
        before = warehouse.write(KEY, rows("(1, 'x'), (2, null)"))
    again = warehouse.write(KEY, rows("(2, null), (1, 'x')"))
    assert (again.changed, again.version, again.digest) == (False, before.version, before.digest)


def _copied(rows: duckdb.DuckDBPyRelation, paths: Iterator[Path]) -> dict[Path, parquet_stream.Streamed]:
    streamed = stream_rows(rows, paths)
    [file] = streamed
    rows.query("staged", f"copy staged to '{file}' (format parquet)")
    return streamed


def test_long_rows_end_a_group_before_it_needs_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet_stream, "_GROUP_BYTES", 20_000_000)
    with duckdb.connect() as connection:
        rows = connection.sql("select repeat('x', 4000) || i as a from range(20000) r(i)")
        streamed = stream_rows(rows, numbered(tmp_path))
    groups = [
        footer.row_group(number).num_rows
        for footer in map(pq.read_metadata, streamed)
        for number in range(footer.num_row_groups)
    ]
    assert sum(groups) == 20_000
    assert max(groups) <= 3 * 2048


def test_groups_of_rows_go_to_two_files_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet_stream, "GROUP_ROWS", 2048)
    with duckdb.connect() as connection:
        rows = connection.sql("select i from range(5000) r(i)")
        streamed = stream_rows(rows, numbered(tmp_path))
        written = connection.read_parquet([str(file) for file in streamed])
        assert staged_content(written, streamed.values()) == relation_content(rows)
    first, second = (pq.read_table(file)["i"].to_pylist() for file in streamed)
    assert (first, second) == ([*range(2048), *range(4096, 5000)], [*range(2048, 4096)])
    assert [one.hashes.rows for one in streamed.values()] == [len(first), len(second)]


def test_no_rows_are_one_file(tmp_path: Path):
    with duckdb.connect() as connection:
        streamed = stream_rows(connection.sql("select 1 as a limit 0"), numbered(tmp_path))
    assert [pq.read_metadata(file).num_rows for file in streamed] == [0]


def test_an_error_of_an_encoder_ends_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet_stream, "GROUP_ROWS", 2048)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with duckdb.connect() as connection, pytest.raises(OSError, match="No space left"):
        stream_rows(connection.sql("select i from range(90000) r(i)"), numbered(tmp_path))


def test_only_columns_with_few_values_have_a_dictionary(tmp_path: Path):
    file = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        columns = "'n' || i % 900 as few, 'n' || i as many, i as number, i / 7 as fraction"
        stream_rows(connection.sql(f"select {columns} from range(5000) r(i)"), iter([file]))
    group = pq.read_metadata(file).row_group(0)
    found = {group.column(n).path_in_schema: set(group.column(n).encodings) for n in range(4)}
    assert "RLE_DICTIONARY" in found["few"]
    assert "DELTA_LENGTH_BYTE_ARRAY" in found["many"]
    assert "DELTA_BINARY_PACKED" in found["number"]
    assert found["fraction"] <= {"PLAIN", "RLE"}  # what other programs read


def test_an_error_while_rows_are_computed_is_one_of_duckdb(tmp_path: Path):
    with duckdb.connect() as connection:
        failing = connection.sql(
            "select case when i = 9000 then error('broke off') end as a from range(9999) r(i)"
        )
        with pytest.raises(duckdb.InvalidInputException, match="broke off"):
            stream_rows(failing, numbered(tmp_path))
        failing = connection.sql(
            "select (i || case when i = 9000 then 'x' else '' end)::bigint as a from range(9999) r(i)"
        )
        with pytest.raises(duckdb.ConversionException, match="Could not convert"):
            stream_rows(failing, numbered(tmp_path))
