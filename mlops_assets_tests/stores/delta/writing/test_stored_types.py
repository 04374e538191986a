"""Every type of DuckDB has an exact path into a Delta table and back, or an error that names the column."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "custom")
Rows = Callable[..., duckdb.DuckDBPyRelation]
UUID = "0c5e7a3d-8b7e-4e1b-9f0a-5b8c1d2e3f40"
NANOS = "'1969-12-31 23:59:59.123456999'::timestamp_ns"
MICROS = datetime(1969, 12, 31, 23, 59, 59, 123456)
MAX_HUGEINT = "170141183460469231731687303715884105727"

STORED = [
    ("true", "boolean", True),
    ("(-128)::tinyint", "byte", -128),
    ("(-32768)::smallint", "short", -32768),
    ("5::integer", "integer", 5),
    ("9007199254740993::bigint", "long", 9007199254740993),
    ("180::utinyint", "short", 180),
    ("65535::usmallint", "integer", 65535),
    ("4294967295::uinteger", "long", 4294967295),
    ("9007199254740993::ubigint", "long", 9007199254740993),
    ("18446744073709551615::ubigint", "decimal(20,0)", Decimal("18446744073709551615")),
    ("9007199254740993::hugeint", "long", 9007199254740993),
    ("9223372036854775808::hugeint", "decimal(38,0)", Decimal("9223372036854775808")),
    ("(-9007199254740993)::hugeint", "long", -9007199254740993),
    ("5::uhugeint", "long", 5),
    ("1.5::float", "float", 1.5),
    ("0.1::double", "double", 0.1),
    ("1234567890.0123456789::decimal(38, 10)", "decimal(38,10)", Decimal("1234567890.0123456789")),
    ("123::bignum", "string", "123"),
    ("'é'", "string", "é"),
    ("'a'::enum('a', 'b')", "string", "a"),
    (f"uuid '{UUID}'", "string", UUID),
    ("""'{"a": 1.50}'::json""", "string", '{"a": 1.50}'),
    ("'\\xFF\\x00'::blob", "binary", b"\xff\x00"),
    ("'101'::bit", "string", "101"),
    ("null", "string", None),
    ("date '2024-02-29'", "date", date(2024, 2, 29)),
    ("timestamp '2024-02-29 10:00:00.123456'", "timestamp_ntz", datetime(2024, 2, 29, 10, 0, 0, 123456)),
    ("timestamp_s '1969-12-31 23:59:59'", "timestamp_ntz", datetime(1969, 12, 31, 23, 59, 59)),
    ("'1969-12-31 23:59:59.123'::timestamp_ms", "timestamp_ntz", datetime(1969, 12, 31, 23, 59, 59, 123000)),
    (NANOS, "timestamp_ntz", MICROS),
    ("timestamptz '2024-02-29 10:00+02'", "timestamp_ntz", datetime(2024, 2, 29, 8)),
    ("'2024-02-29 10:00:00.5+02'::timestamptz_ns", "timestamp_ntz", datetime(2024, 2, 29, 8, 0, 0, 500000)),
    ("time '10:00:00.000001'", "string", "10:00:00.000001"),
    ("time_ns '10:00:00.123456789'", "string", "10:00:00.123456789"),
    ("'10:00:00+02'::timetz", "string", "10:00:00+02"),
    ("interval '1 month 2 days 3 seconds'", "string", "1 month 2 days 00:00:03"),
    ("[1, null]", "array(integer)", [1, None]),
    ("[1, 2]::integer[2]", "array(integer)", [1, 2]),
    ("[[180::utinyint]]", "array(array(short))", [[180]]),
    ("['é', null]::varchar[]", "array(string)", ["é", None]),
    (f"[uuid '{UUID}', null]", "array(string)", [UUID, None]),
    ("[null]", "array(string)", [None]),
    ("[5::hugeint]", "array(decimal(38,0))", [Decimal(5)]),
    (
        f"{{'a b': {NANOS}, 'c': [{{'d': time '10:00'}}]}}",
        "struct",
        {"a b": MICROS, "c": [{"d": "10:00:00"}]},
    ),
    ("map {'k': 5::uinteger}", "map(string,long)", {"k": 5}),
    (f"map {{uuid '{UUID}': [{NANOS}]}}", "map(string,array(timestamp_ntz))", {UUID: [MICROS]}),
    ("1::variant", "string", "1"),
]


def delta_type(kind: dict | str) -> str:
    if isinstance(kind, str):
        return kind
    match kind["type"]:
        case "array":
            return f"array({delta_type(kind['elementType'])})"
        case "map":
            return f"map({delta_type(kind['keyType'])},{delta_type(kind['valueType'])})"
    return "struct"


@pytest.mark.parametrize(("value", "kind", "expected"), STORED, ids=[value for value, *_ in STORED])
def test_a_value_is_stored_and_read_back(warehouse: Warehouse, value: str, kind: str, expected: object):
    with duckdb.connect() as other:
        other.execute("set TimeZone = 'America/New_York'")
        warehouse.write(KEY, other.sql(f"select {value} as a union all select null"))
    delta = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    assert delta_type(json.loads(delta.schema().to_json())["fields"][0]["type"]) == kind
    assert "timestampNanos" not in (delta.protocol().writer_features or [])
    with warehouse.connect() as connection:
        found = warehouse.relation(connection, KEY).order("a nulls last").fetchall()
    assert found == [(expected,), (None,)]
    # Arrow's list has a map as pairs.
    pairs = list(expected.items()) if isinstance(expected, dict) and kind != "struct" else expected
    stored = delta.to_pyarrow_table()["a"].to_pylist()
    assert sorted(stored, key=lambda value: value is None) == [pairs, None]
    assert sorted(delta.to_pandas()["a"].isna()) == [expected is None, True]
    assert len(warehouse.frame(KEY)) == 2


@pytest.mark.parametrize(
    ("value", "expected"), [(value, expected) for value, kind, expected in STORED if "(" not in kind]
)
def test_pandas_reads_scalars_through_deltalake(warehouse: Warehouse, value: str, expected: object):
    with duckdb.connect() as other:
        warehouse.write(KEY, other.sql(f"select {value} as a"))
    frame = DeltaTable(str(warehouse.root.joinpath(*KEY))).to_pandas()
    assert frame["a"].tolist() == [expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{MAX_HUGEINT}::hugeint", f"column a: the value {MAX_HUGEINT} is out of range"),
        (f"{{'h': {MAX_HUGEINT}::hugeint}}", f"column a: the value {MAX_HUGEINT} is out of range"),
        ("'infinity'::timestamp_ns", "column a: the value infinity is out of range"),
        ("union_value(k := 2)", r"column 'a' has the type UNION\(k INTEGER\), which a table can't store"),
    ],
)
def test_a_value_that_cannot_be_stored_is_an_error_with_its_column(
    warehouse: Warehouse, value: str, expected: str
):
    with duckdb.connect() as other, pytest.raises(StoreError, match=f"table shop.custom: {expected}"):
        warehouse.write(KEY, other.sql(f"select 1 as b, {value} as a"))
    assert not warehouse.exists(KEY)


def test_the_sum_of_integers_is_exact_in_every_partition(warehouse: Warehouse, rows: Rows):
    large = "(9007199254740993), (9007199254740992), (1)"
    total = 9007199254740993 + 9007199254740992 + 1
    for partition, values in (("1", large), ("2", "(1), (2)"), ("3", "(9223372036854775807), (1)")):
        sums = rows(values, "n").aggregate("sum(n::bigint) as total")
        warehouse.write(KEY, sums, partition=partition)
    with warehouse.connect() as connection:
        first = warehouse.relation(connection, KEY, partition="1")
        assert str(first.types[0]) == "BIGINT"
        assert first.project("total").fetchall() == [(total,)]
        found = warehouse.relation(connection, KEY).order("_partition").project("total").fetchall()
    assert [int(value) for (value,) in found] == [total, 3, 9223372036854775808]
    delta = DeltaTable(str(warehouse.root.joinpath(*KEY)))
    assert sorted(map(int, delta.to_pandas()["total"])) == sorted(int(value) for (value,) in found)


def test_a_wide_integer_is_narrowed_only_if_it_fits_in_every_file(warehouse: Warehouse, rows: Rows):
    one, other = (rows(f"({value}::hugeint, 'x')") for value in ("5", "9223372036854775808"))
    written = warehouse.write(KEY, [one, other])
    assert written.columns == {"a": "DECIMAL(38,0)", "b": "VARCHAR"}
    assert warehouse.write(KEY, [one, one]).columns == {"a": "BIGINT", "b": "VARCHAR"}
    assert warehouse.write(KEY, [one.filter("false")]).columns == {"a": "BIGINT", "b": "VARCHAR"}
