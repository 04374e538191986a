"""Every type of Arrow and Parquet has an exact path into a raw table and back."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, verified_relations
from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult
from mlops_assets_tests.support.file_table import SUBJECT, TABLE, FileTable

EPOCH = datetime(1970, 1, 1)
BEFORE = datetime(1969, 12, 31, 23, 59, 59, 999999)
UUID = "30313233-3435-3637-3839-616263646566"

RAW: list[tuple[pa.DataType, Any, str, Any]] = [
    (pa.bool_(), True, "boolean", True),
    (pa.int8(), -128, "byte", -128),
    (pa.int16(), -32768, "short", -32768),
    (pa.int32(), 5, "integer", 5),
    (pa.int64(), 9007199254740993, "long", 9007199254740993),
    (pa.uint8(), 180, "short", 180),
    (pa.uint16(), 65535, "integer", 65535),
    (pa.uint32(), 4294967295, "long", 4294967295),
    (pa.uint64(), 9007199254740993, "long", 9007199254740993),
    (pa.uint64(), 18446744073709551615, "decimal(20,0)", Decimal("18446744073709551615")),
    (pa.float16(), np.float16(1.5), "float", 1.5),
    (pa.float32(), 0.5, "float", 0.5),
    (pa.float64(), 0.1, "double", 0.1),
    (pa.decimal32(5, 2), Decimal("1.50"), "decimal(5,2)", Decimal("1.50")),
    (pa.decimal64(15, 2), Decimal("1.50"), "decimal(15,2)", Decimal("1.50")),
    (
        pa.decimal128(38, 10),
        Decimal("1234567890.0123456789"),
        "decimal(38,10)",
        Decimal("1234567890.0123456789"),
    ),
    (pa.decimal256(38, 2), Decimal("1.50"), "decimal(38,2)", Decimal("1.50")),
    (pa.date32(), date(2024, 2, 29), "date", date(2024, 2, 29)),
    (pa.date64(), date(2024, 2, 29), "date", date(2024, 2, 29)),
    (pa.timestamp("s"), 0, "timestamp_ntz", EPOCH),
    (pa.timestamp("ms"), 0, "timestamp_ntz", EPOCH),
    (pa.timestamp("us"), -1, "timestamp_ntz", BEFORE),
    (pa.timestamp("ns"), -1, "timestamp_ntz", BEFORE),
    (pa.timestamp("s", "Europe/Berlin"), 0, "timestamp_ntz", EPOCH),
    (pa.timestamp("ms", "UTC"), 0, "timestamp_ntz", EPOCH),
    (pa.timestamp("us", "America/New_York"), -1, "timestamp_ntz", BEFORE),
    (pa.timestamp("ns", "Asia/Tokyo"), -1, "timestamp_ntz", BEFORE),
    (pa.time32("s"), 3661, "string", "01:01:01"),
    (pa.time32("ms"), 3661001, "string", "01:01:01.001"),
    (pa.time64("us"), 3661000001, "string", "01:01:01.000001"),
    (pa.time64("ns"), 3661000001001, "string", "01:01:01.000001001"),
    (pa.duration("s"), 5, "long", 5_000_000_000),
    (pa.duration("ms"), 5, "long", 5_000_000),
    (pa.duration("us"), -5, "long", -5_000),
    (pa.duration("ns"), 5, "long", 5),
    (pa.string(), "é", "string", "é"),
    (pa.large_string(), "é", "string", "é"),
    (pa.string_view(), "é", "string", "é"),
    (pa.dictionary(pa.int8(), pa.string()), "a", "string", "a"),
    (pa.uuid(), b"0123456789abcdef", "string", UUID),
    (pa.json_(), '{"a": 1.50}', "string", '{"a": 1.50}'),
    (pa.binary(), b"\xff\x00a", "string", r"\xFF\x00a"),
    (pa.large_binary(), b"\\", "string", r"\x5C"),
    (pa.binary(2), b"ab", "string", "ab"),
    (pa.null(), None, "string", None),
    (pa.list_(pa.int64()), [1, None], "string", "[1,null]"),
    (pa.large_list(pa.uint8()), [200], "string", "[200]"),
    (pa.list_(pa.int32(), 2), [1, 2], "string", "[1,2]"),
    (pa.list_(pa.decimal128(38, 20)), [Decimal(f"1.{'50' * 10}")], "string", f"[1.{'50' * 10}]"),
    (pa.struct({"a": pa.int64(), "b": pa.string()}), {"a": 1, "b": 'x"'}, "string", r'{"a":1,"b":"x\""}'),
    (pa.struct({"t": pa.timestamp("ns", "Asia/Tokyo")}), {"t": 0}, "string", '{"t":"1970-01-01 00:00:00"}'),
    (pa.map_(pa.string(), pa.int64()), [("k", 1)], "string", '{"k":1}'),
    (pa.map_(pa.string(), pa.list_(pa.time64("us"))), [("k", [1])], "string", '{"k":["00:00:00.000001"]}'),
]


def ingest(
    folder: Path, warehouse: Warehouse, partition: str | None = None, *, conflicts_as_text: bool = True
) -> WriteResult:
    """Write the files of a folder to the raw table, as the asset does."""
    files = find_files(folder, subject=SUBJECT)
    with warehouse.connect() as connection:
        relations = read_files(connection, files, subject=SUBJECT)
        with verified_relations(files, relations, subject=SUBJECT) as verified:
            return warehouse.write(TABLE, verified, partition=partition, conflicts_as_text=conflicts_as_text)


def array(kind: pa.DataType, *values: object) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


@pytest.mark.parametrize(
    ("kind", "value", "stored", "expected"), RAW, ids=[f"{kind} {value}" for kind, value, *_ in RAW]
)
def test_a_value_of_a_file_is_in_the_raw_table(
    tmp_path: Path, warehouse: Warehouse, kind: pa.DataType, value: object, stored: str, expected: object
):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"a": array(kind, value, None)}), tmp_path / "data" / "a.parquet")
    ingest(tmp_path / "data", warehouse)
    delta = DeltaTable(str(warehouse.root.joinpath(*TABLE)))
    assert delta.schema().fields[0].type.type == stored
    assert "timestampNanos" not in (delta.protocol().writer_features or [])
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, TABLE).order("_row").project("a").fetchall()
    assert found == [(expected,), (None,)]
    assert delta.to_pyarrow_table().sort_by("_row")["a"].to_pylist() == [expected, None]
    assert delta.to_pandas(filters=[("_row", "=", 1)])["a"].tolist() == [expected]
    assert len(warehouse.frame(TABLE)) == 2


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            {"a": pa.array([1]), "A": pa.array([2])},
            r"a\.parquet: duplicate column a \(names are not case-sensitive\)",
        ),
        (
            {"a": pa.array([Decimal("1.5")], pa.decimal256(50, 2))},
            r"a\.parquet: column a has the type decimal256\(50, 2\); decimals have at most 38 digits",
        ),
        (
            {"a": pa.array([[Decimal("1.5")]], pa.list_(pa.decimal256(50, 2)))},
            r"a\.parquet: column a has the type list<element: decimal256\(50, 2\)>",
        ),
    ],
)
def test_a_file_that_duckdb_would_change_is_an_error(
    tmp_path: Path, warehouse: Warehouse, columns: dict[str, pa.Array], expected: str
):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "data" / "a.parquet")
    with pytest.raises(DataError, match=expected):
        ingest(tmp_path / "data", warehouse)
    assert not warehouse.exists(TABLE)


def test_a_duration_beyond_nanoseconds_is_an_error_with_its_column(tmp_path: Path, warehouse: Warehouse):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"a": pa.array([10**10], pa.duration("s"))}), tmp_path / "data" / "a.parquet")
    with pytest.raises(StoreError, match="column a: the value 10000000000000000000 is out of range"):
        ingest(tmp_path / "data", warehouse)


UNITED = [
    (
        pa.timestamp("us"),
        1_000_000,
        pa.timestamp("ns", "UTC"),
        1_000_000_000,
        "timestamp_ntz",
        datetime(1970, 1, 1, 0, 0, 1),
    ),
    (pa.int64(), 5, pa.int8(), 5, "long", 5),
    (pa.int32(), 5, pa.float64(), 5.0, "double", 5.0),
    (pa.int64(), 2**53, pa.float64(), 0.5, "double", float(2**53)),
    (pa.decimal128(38, 10), Decimal("1.5"), pa.float64(), 0.5, "string", "1.5000000000"),
    (pa.decimal128(10, 2), Decimal("1.10"), pa.float64(), 0.5, "double", 1.1),
    (pa.int32(), 16777217, pa.float32(), 0.5, "string", "16777217"),
    (pa.uint64(), 5, pa.int64(), 5, "long", 5),
    (pa.null(), None, pa.int64(), 5, "long", None),
    (pa.date32(), date(1970, 1, 1), pa.timestamp("s"), 0, "timestamp_ntz", EPOCH),
    (pa.int64(), 9007199254740993, pa.float64(), 0.5, "string", "9007199254740993"),
    (pa.float32(), 0.1, pa.string(), "x", "string", "0.10000000149011612"),
    (pa.bool_(), True, pa.int64(), 5, "string", "true"),
    (pa.date32(), date(1970, 1, 1), pa.int64(), 5, "string", "1970-01-01"),
    (pa.binary(), b"\xff", pa.string(), "é", "string", r"\xFF"),
    (pa.list_(pa.int64()), [1], pa.int64(), 5, "string", "[1]"),
    (pa.timestamp("ns", "UTC"), 0, pa.int64(), 5, "string", "1970-01-01 00:00:00"),
    (
        pa.decimal128(38, 30),
        Decimal("1.5"),
        pa.int64(),
        9007199254740993,
        "string",
        "1.500000000000000000000000000000",
    ),
]


AS_TEXT = {"0.10000000149011612": "0.1", None: None}


@pytest.mark.parametrize(("kind", "value", "other", "beside", "stored", "expected"), UNITED)
def test_files_with_different_types_have_one_exact_type(
    tmp_path: Path,
    warehouse: Warehouse,
    kind: pa.DataType,
    value: object,
    other: pa.DataType,
    beside: object,
    stored: str,
    expected: object,
):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"a": array(kind, value)}), tmp_path / "data" / "a.parquet")
    pq.write_table(pa.table({"a": array(other, beside)}), tmp_path / "data" / "b.parquet")
    ingest(tmp_path / "data", warehouse)
    delta = DeltaTable(str(warehouse.root.joinpath(*TABLE)))
    assert delta.schema().fields[0].type.type == stored
    found = delta.to_pyarrow_table().sort_by("_source_file")["a"].to_pylist()
    assert found[0] == expected
    assert found[1] is not None


@pytest.mark.parametrize(("kind", "value", "other", "beside", "stored", "expected"), UNITED)
@pytest.mark.parametrize("first", ["2025-01", "2025-02"])
def test_partitions_with_different_types_are_read_together(
    tmp_path: Path,
    warehouse: Warehouse,
    kind: pa.DataType,
    value: object,
    other: pa.DataType,
    beside: object,
    stored: str,
    expected: object,
    first: str,
):
    parts = {"2025-01": (kind, value), "2025-02": (other, beside)}
    for key in sorted(parts, reverse=first != "2025-01"):
        (tmp_path / key).mkdir()
        pq.write_table(pa.table({"a": array(*parts[key])}), tmp_path / key / "a.parquet")
        ingest(tmp_path / key, warehouse, key)
        assert not ingest(tmp_path / key, warehouse, key).changed
    delta = DeltaTable(str(warehouse.root.joinpath(*TABLE)))
    by_delta = [
        value.removesuffix(".000000") if isinstance(value, str) else value
        for value in delta.to_pyarrow_table().sort_by("_partition")["a"].to_pylist()
    ]
    assert len(delta.to_pandas()) == 2
    with warehouse.connect() as connection:
        rows = warehouse.relation(connection, TABLE).order("_partition").project("a").fetchall()
    assert [by_duckdb for (by_duckdb,) in rows] == by_delta
    # Of two partitions, true beside 5 reads as 1; the file of each partition has the exact value.
    assert by_delta[0] in ((1, "true") if kind == pa.bool_() else (expected, AS_TEXT.get(expected)))


@pytest.mark.parametrize("conflicts_as_text", [True, False])
def test_a_type_without_a_common_type_is_text_from_then_on(
    tmp_path: Path, warehouse: Warehouse, conflicts_as_text: bool
):
    write: Callable[..., WriteResult] = lambda folder, key: ingest(  # noqa: E731
        folder, warehouse, key, conflicts_as_text=conflicts_as_text
    )
    kinds = {"2025-01": pa.date32(), "2025-02": pa.float64(), "2025-03": pa.date32()}
    values = {"2025-01": date(2025, 1, 2), "2025-02": 0.1, "2025-03": date(2025, 3, 2)}
    for key, kind in kinds.items():
        (tmp_path / key).mkdir()
        table = pa.table({"a": array(kind, values[key]), "b": pa.array([1])})
        pq.write_table(table, tmp_path / key / "a.parquet")
    write(tmp_path / "2025-01", "2025-01")
    if not conflicts_as_text:
        with pytest.raises(StoreError, match="column 'a' is DOUBLE in partition 2025-02 and DATE in other"):
            write(tmp_path / "2025-02", "2025-02")
        return
    assert write(tmp_path / "2025-02", "2025-02").columns["a"] == "VARCHAR"
    assert write(tmp_path / "2025-03", "2025-03").columns["a"] == "DATE"
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, TABLE).order("_partition").project("a, b").fetchall()
        january = warehouse.relation(connection, TABLE, partition="2025-01").project("a").fetchall()
    assert found == [("2025-01-02", 1), ("0.1", 1), ("2025-03-02", 1)]
    assert january == [(date(2025, 1, 2),)]


def test_values_of_a_table_are_unchanged_by_a_second_write(table: FileTable, tmp_path: Path):
    pq.write_table(pa.table({"a": array(pa.uint64(), 2**64 - 1)}), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    first = table.replace("a.parquet", content)
    version = table.version
    assert table.replace("a.parquet", content) == first
    assert table.version == version
