"""Queries as sources, the same in SQLite and in Postgres: text, partitions, fingerprints and errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.sources.base import Ingestion, Source
from mlops_assets.stores.sources.open import open_source
from mlops_assets.stores.sources.query_source import QuerySource
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.left_files import files_below
from mlops_assets_tests.support.postgres import Server

MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)
ORDERS = [
    ("a", "2025-01-31 23:59:59", None),
    ("b", "2025-02-01 00:00:00", ""),
    ("c", "2025-02-28 12:00:00", "null"),
    ("d", "2025-04-01 00:00:00", 'a "quoted", one\nof two lines'),
    ("e", None, "without a time"),
    ("f", "2024-06-01 00:00:00", "from before the first month"),
    ("g", "2025-07-01 00:00:00", "of the future"),
]


class Shop(Protocol):
    """A database with a table `orders`, and its declaration."""

    declared: str

    def execute(self, *statements: str) -> None: ...


@dataclass
class SqliteShop:
    path: Path
    declared: str = "sqlite:///crm.db"

    def execute(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@dataclass
class PostgresShop:
    server: Server
    declared: str = "CRM_URL"

    def execute(self, *statements: str) -> None:
        self.server.execute(*statements)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request, tmp_path, monkeypatch) -> Shop:
    if request.param == "sqlite":
        made: Shop = SqliteShop(tmp_path / "crm.db")
        kind = "text"
    else:
        server = request.getfixturevalue("postgres")
        monkeypatch.setenv("CRM_URL", server.url())
        made, kind = PostgresShop(server), "timestamp"
    made.execute(
        "drop table if exists orders",
        f"create table orders (order_id text, arrived {kind}, note text)",
        *(f"insert into orders values ({', '.join(map(sql_value, row))})" for row in ORDERS),
    )
    return made


def sql_value(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


@dataclass
class Reader:
    """Reads a query of a database as a source."""

    root: Path
    warehouse: Warehouse

    def open(self, declared: str, sql: str, periods: Periods | None = None, column: str | None = None) -> Any:
        ingestion = Ingestion("shop", "orders", periods, column)
        source = {"sql": sql, "database": declared}
        return open_source(source, ingestion, root=self.root, warehouse=self.warehouse)

    def rows(
        self, declared: str, sql: str, partition: str | None = None, **cut: Any
    ) -> list[tuple[Any, ...]]:
        with self.open(declared, sql, **cut) as source, duckdb.connect() as connection:
            [relation] = source.fetch(connection, partition).relations
            return relation.fetchall()

    def fingerprints(self, declared: str, sql: str, **cut: Any) -> dict[str | None, str]:
        with self.open(declared, sql, **cut) as source, duckdb.connect() as connection:
            found = source.arrivals(connection, until=JUNE).by_partition
            return {key: arrival.fingerprint for key, arrival in found.items()}

    def fetched(self, declared: str, sql: str, partition: str | None, **cut: Any) -> str:
        with self.open(declared, sql, **cut) as source, duckdb.connect() as connection:
            return source.fetch(connection, partition).fingerprint


@pytest.fixture
def reader(tmp_path, warehouse) -> Reader:
    return Reader(tmp_path, warehouse)


MONTHLY: dict[str, Any] = {"periods": MONTHS, "column": "arrived"}
ALL = "select order_id, arrived, note from orders order by order_id"


def test_null_empty_and_quoted_text_are_unchanged(shop, reader):
    rows = reader.rows(shop.declared, "select order_id, note from orders order by order_id")
    assert [(key, note) for key, note, *_ in rows] == [(key, note) for key, _, note in ORDERS]
    assert {row[2] for row in rows} == {"sql:orders"}
    assert len({row[3] for row in rows}) == 1
    assert [row[4] for row in rows] == list(range(1, 8))


def test_one_column_with_nulls_keeps_every_row(shop, reader):
    rows = reader.rows(shop.declared, "select note from orders order by order_id")
    assert [row[0] for row in rows] == [note for _, _, note in ORDERS]


def test_a_partition_is_a_half_open_month_and_the_first_includes_rows_without_a_time(shop, reader):
    found = {
        month: [row[0] for row in reader.rows(shop.declared, ALL, month, **MONTHLY)]
        for month in ("2025-01", "2025-02", "2025-03", "2025-04")
    }
    assert found == {"2025-01": ["a", "e", "f"], "2025-02": ["b", "c"], "2025-03": [], "2025-04": ["d"]}


def test_arrivals_have_the_fingerprints_of_the_fetched_rows(shop, reader):
    found = reader.fingerprints(shop.declared, ALL, **MONTHLY)
    assert list(found) == ["2025-01", "2025-02", "2025-03", "2025-04"]
    fetched = {month: reader.fetched(shop.declared, ALL, month, **MONTHLY) for month in found}
    assert found == fetched
    assert len(set(found.values())) == 4


def test_only_wanted_partitions_are_read_and_later_rows_are_reported(shop, reader):
    with reader.open(shop.declared, ALL, **MONTHLY) as source, duckdb.connect() as connection:
        found = source.arrivals(connection, until=JUNE, wanted=["2025-02"])
    known = {key: bool(arrival.fingerprint) for key, arrival in found.by_partition.items()}
    assert known == {"2025-01": False, "2025-02": True, "2025-03": False, "2025-04": False}
    assert found.left_out == ("1 row: arrived is after 2025-06, the newest partition",)


def test_a_changed_row_changes_its_own_partition_and_the_order_of_rows_none(shop, reader):
    before = reader.fingerprints(shop.declared, ALL, **MONTHLY)
    assert reader.fingerprints(shop.declared, ALL.replace("by order_id", "by note"), **MONTHLY) == before
    shop.execute("update orders set note = 'new' where order_id = 'c'")
    after = reader.fingerprints(shop.declared, ALL, **MONTHLY)
    assert [key for key in before if before[key] != after[key]] == ["2025-02"]


def test_a_null_and_an_empty_text_have_different_fingerprints(shop, reader):
    query = "select note from orders where order_id = 'b'"
    before = reader.fingerprints(shop.declared, query)
    shop.execute("update orders set note = null where order_id = 'b'")
    assert reader.fingerprints(shop.declared, query) != before


def test_a_query_may_contain_percent_signs_comments_and_a_semicolon(shop, reader):
    query = "select order_id from orders where note like '%future%' -- a % sign\n;"
    assert [row[0] for row in reader.rows(shop.declared, query)] == ["g"]


def test_a_column_is_found_without_regard_to_case(shop, reader):
    rows = reader.rows(shop.declared, ALL, "2025-04", periods=MONTHS, column="ARRIVED")
    assert [row[0] for row in rows] == ["d"]


def test_nothing_can_be_written(shop, reader):
    with pytest.raises(DataError):
        reader.rows(shop.declared, "delete from orders returning order_id")
    assert len(reader.rows(shop.declared, ALL)) == len(ORDERS)


@pytest.mark.parametrize(
    ("sql", "column", "message", "hint"),
    [
        ("selec 1", None, "syntax error", "correct the query in tables.orders.source.sql"),
        ("select 1 from moon", None, "moon", "correct the query in tables.orders.source.sql"),
        ("select moon from orders", None, "moon", "correct the query in tables.orders.source.sql"),
        (
            "select order_id from orders where false",
            None,
            "the query returns no rows",
            "The table was not changed.",
        ),
        (
            "select order_id, note from orders",
            "arrived",
            "the query returns no column arrived, the declared arrival time; it returns order_id, note",
            "set tables.orders.arrival to one of them",
        ),
        ("select note, note from orders", None, "the query returns the duplicate column note ", "with `as`"),
        ("select note as _row from orders", None, "column _row is a reserved name", "rename the column"),
        (
            "select * from orders where order_id > 'f'",
            "arrived",
            "no rows up to 2025-06, the newest partition",
            "check the query",
        ),
    ],
)
def test_an_error_of_a_query_is_reported(shop, reader, record_property, sql, column, message, hint):
    cut = {"periods": MONTHS, "column": column} if column else {}
    with (
        reader.open(shop.declared, sql, **cut) as source,
        duckdb.connect() as connection,
        pytest.raises(DataError) as caught,
    ):
        read_all(source, connection)
    record_property("message", str(caught.value))
    assert caught.value.message.startswith("shop: table orders")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def read_all(source: Source, connection: duckdb.DuckDBPyConnection) -> None:
    for key in source.arrivals(connection, until=JUNE).by_partition:
        for relation in source.fetch(connection, key).relations:
            relation.fetchall()


def test_a_partition_that_has_not_arrived_is_reported_with_the_available_days(shop, reader, record_property):
    shop.execute("delete from orders where order_id = 'g'")
    with pytest.raises(DataError, match="no row for partition 2025-05") as caught:
        reader.rows(shop.declared, ALL, "2025-05", **MONTHLY)
    record_property("message", str(caught.value))
    assert "available are 2024-06-01 to 2025-04-01" in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ("sqlite:///nowhere.db", None, "no database at"),
        ("CRM_NOT_SET", None, "the environment variable CRM_NOT_SET with the database URL is not set"),
        (
            "CRM_OF_MARS",
            "mysql://u:secret@h/d",
            "$CRM_OF_MARS is not supported",
        ),
    ],
)
def test_a_missing_database_is_reported(reader, monkeypatch, record_property, declared, value, message):
    if value:
        monkeypatch.setenv(declared, value)
    with pytest.raises(DataError) as caught:
        reader.rows(declared, ALL)
    record_property("message", str(caught.value))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


def test_scratch_files_are_removed_after_a_read_and_after_an_error(shop, reader):
    reader.rows(shop.declared, ALL)
    with pytest.raises(DataError):
        reader.rows(shop.declared, "select * from orders where false")
    left = files_below(reader.warehouse.root / ".sources")
    assert left == []


def test_batches_of_a_query_are_the_periods_with_rows_and_no_rows_are_no_error(shop, reader):
    by_batch = {**MONTHLY, "periods": Periods("monthly", "2025-01", by_batch=True)}
    found = reader.fingerprints(shop.declared, ALL, **by_batch)
    assert list(found) == ["2025-01", "2025-02", "2025-04"]
    assert found["2025-04"] == reader.fingerprints(shop.declared, ALL, **MONTHLY)["2025-04"]
    assert reader.fingerprints(shop.declared, "select * from orders where 1 = 0", **by_batch) == {}


def test_errors_of_tables_with_sensitive_columns_quote_no_values(tmp_path):
    class Broken:
        display_name = "crm"

        @contextmanager
        def snapshot(self, query: str, *, subject: str, place: str) -> Iterator[Any]:
            raise DataError("crm: invalid input 'ann'", without_values="crm: DataException")
            yield

    for quotes, expected in ((True, "crm: invalid input 'ann'"), (False, "crm: DataException")):
        ingestion = Ingestion("shop", "clients", dialect=Dialect(quotes_values=quotes))
        source = QuerySource("select 1", Broken(), ingestion, tmp_path)  # type: ignore[arg-type]
        with pytest.raises(DataError) as caught:
            source.fetch(duckdb.connect(), None)
        assert str(caught.value) == expected
