"""Postgres: types, time zones, snapshots, passwords and connection errors."""

import socket
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

import duckdb
import psycopg
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.databases.base import DaySpan
from mlops_assets.stores.databases.open import resolve_database
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.open import open_source

QUERY = "select * from events"
MONTHS = Periods("monthly", "2025-01")


@pytest.fixture
def url(postgres, monkeypatch) -> str:
    monkeypatch.setenv("CRM_URL", postgres.url())
    return postgres.url()


@pytest.fixture
def read(tmp_path, warehouse):
    """Rows of a query, without their provenance."""

    def read_(
        sql: str, partition: str | None = None, periods: Periods | None = None, column: str | None = None
    ) -> list[tuple[Any, ...]]:
        source = {"sql": sql, "database": "CRM_URL"}
        with (
            open_source(
                source, Ingestion("crm", "events", periods, column), root=tmp_path, warehouse=warehouse
            ) as opened,
            duckdb.connect() as connection,
        ):
            [rows] = opened.fetch(connection, partition).relations
            return [row[:-3] for row in rows.fetchall()]

    return read_


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.10::numeric", "1.10"),
        ("'NaN'::numeric", "NaN"),
        ("0.1::float8 + 0.2::float8", "0.30000000000000004"),
        ("9007199254740993::bigint", "9007199254740993"),
        ("true", "t"),
        ("date '2025-01-31'", "2025-01-31"),
        ("timestamp '2025-01-31 23:30:00.25'", "2025-01-31 23:30:00.25"),
        ("timestamptz '2025-01-31 23:30:00-05'", "2025-02-01 04:30:00+00"),
        ("interval '1 day 2 hours'", "1 day 02:00:00"),
        (r"'\xdeadbeef'::bytea", r"\xdeadbeef"),
        ("""'{"a": [1, null]}'::jsonb""", '{"a": [1, null]}'),
        ("array['a', null, 'b,c']", '{a,NULL,"b,c"}'),
        ("null::text", None),
        ("''::text", ""),
        ("'null'", "null"),
        (r"'\.'", r"\."),
        ("'ä\t\r\n€'", "ä\t\r\n€"),
    ],
)
def test_every_value_is_the_text_that_postgres_writes(url, read, value, text):
    assert read(f"select {value} as a, 1 as b") == [(text, "1")]


def test_texts_cast_back_to_the_original_values(url, read):
    [(flag, number, time)] = read("select false, 1.5::numeric, timestamptz '2025-01-31 23:30:00-05'")
    with duckdb.connect() as connection:
        casts = "select $1::boolean, $2::double, $3::timestamp"
        found = connection.execute(casts, [flag, number, time]).fetchall()
    assert found == [(False, 1.5, datetime(2025, 2, 1, 4, 30))]


def test_a_time_with_zone_belongs_to_its_month_in_utc_and_infinity_to_the_first(postgres, url, read):
    postgres.execute(
        "drop table if exists instants",
        "create table instants (name text, at timestamptz)",
        "insert into instants values ('new york', '2025-01-31 23:30:00-05'), "
        "('berlin', '2025-02-01 00:30+01'), ('never', 'infinity'), ('always', '-infinity'), "
        "('unknown', null), ('old', '0044-03-15 BC')",
    )
    query = "select * from instants order by name"
    february = read(query, "2025-02", MONTHS, "at")
    january = read(query, "2025-01", MONTHS, "at")
    assert [name for name, _ in february] == ["new york"]
    assert [name for name, _ in january] == ["always", "berlin", "never", "old", "unknown"]


def test_a_run_of_one_partition_reads_only_its_rows(postgres, url, tmp_path):
    postgres.execute(
        "drop table if exists visits",
        "create table visits (visit int, day date)",
        "insert into visits select n, date '2025-01-01' + n from generate_series(0, 89) as n",
    )
    database = resolve_database("CRM_URL", tmp_path, subject="crm")
    february = DaySpan("day", datetime(2025, 2, 1).date(), datetime(2025, 3, 1).date())
    with database.snapshot("select * from visits", subject="crm", place="here") as snapshot:
        snapshot.extract(tmp_path / "rows.parquet", february)
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(tmp_path / "rows.parquet")).fetchall()
    assert [day for _, day in rows] == [f"2025-02-{day:02}" for day in range(1, 29)]


def test_all_rows_are_read_in_one_snapshot(postgres, url, tmp_path):
    postgres.execute(
        "drop table if exists stock",
        "create table stock (item text, day date)",
        "insert into stock values ('a', '2025-01-05')",
    )
    database = resolve_database("CRM_URL", tmp_path, subject="crm")
    with database.snapshot("select * from stock", subject="crm", place="here") as snapshot:
        before = snapshot.days("day")
        postgres.execute("insert into stock values ('b', '2025-01-06')")
        assert snapshot.days("day") == before == [("2025-01-05", 1)]


def test_more_rows_than_one_block_are_read_completely(url, read):
    rows = read("select n, repeat('x', 1000) as t from generate_series(1, 20000) as n")
    assert len(rows) == 20_000
    assert {len(text) for _, text in rows} == {1000}
    assert sorted(int(number) for number, _ in rows) == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("select 1 / (n - 30000) as x from generate_series(1, 60000) as n", "division by zero", "a value"),
        (
            "select case when n = 2 then repeat('x', 40000000) end as t, n from generate_series(1, 3) as n",
            "a row of the database in $CRM_URL is longer than the maximum of 16 MiB",
            "leave large columns out of the query",
        ),
        ("delete from pg_class returning 1", 'syntax error at or near "from"', "correct the query"),
        ("select nextval('counter')", "cannot execute nextval() in a read-only transaction", "correct"),
    ],
)
def test_an_error_of_a_query_is_reported(postgres, url, read, record_property, sql, message, hint):
    postgres.execute("create sequence if not exists counter")
    with pytest.raises(DataError) as caught:
        read(sql)
    record_property("message", str(caught.value))
    assert caught.value.message.startswith("crm: table events: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_arrival_column_without_a_temporal_type_is_reported(url, read, record_property):
    with pytest.raises(DataError, match="the arrival column at is neither a date nor a timestamp") as caught:
        read("select '2025-01-01' as at", "2025-01", MONTHS, "at")
    record_property("message", str(caught.value))
    assert "at::timestamptz as at" in caught.value.hint


def test_a_missing_privilege_is_reported(postgres, read, monkeypatch, record_property):
    postgres.execute(
        "drop role if exists guest",
        "create role guest login password 'g'",
        "create table if not exists secret (a int)",
    )
    monkeypatch.setenv("CRM_URL", f"postgresql://guest:g@127.0.0.1:{postgres.port}/postgres")
    with pytest.raises(DataError, match="permission denied for table secret") as caught:
        read("select * from secret")
    record_property("message", str(caught.value))
    assert "grant the user the select privilege" in caught.value.hint


def everything(error: BaseException) -> str:
    """Everything that Dagster stores of an error."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    try:
        raise error
    except BaseException:
        return serializable_error_info_from_exc_info(sys.exc_info()).to_string()


@pytest.mark.parametrize("password", ["wrong-horse", "p@ss/w%rd:of?another"])
def test_a_wrong_password_is_not_part_of_the_message(postgres, read, monkeypatch, record_property, password):
    monkeypatch.setenv("CRM_URL", postgres.url(password))
    with pytest.raises(DataError, match=r"can't be reached: .*password authentication failed") as caught:
        read("select 1 as a")
    record_property("message", str(caught.value))
    assert password not in everything(caught.value)
    assert postgres.url(password) not in everything(caught.value)


@pytest.mark.parametrize(
    "address", ["postgresql://u:hunter2/x@host:5432/db", "postgresql://u:hunter2%zz@h/db"]
)
def test_an_invalid_url_is_reported_without_its_password(read, monkeypatch, record_property, address):
    monkeypatch.setenv("CRM_URL", address)
    with pytest.raises(DataError, match=r"the value is not a valid Postgres URL|can't be reached") as caught:
        read("select 1 as a")
    record_property("message", str(caught.value))
    assert "hunter2" not in everything(caught.value)


def test_an_unreachable_server_is_reported(read, monkeypatch, record_property):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("CRM_URL", f"postgresql://u:hunter2@127.0.0.1:{port}/db")
    with pytest.raises(DataError, match=r"can't be reached: .*[Cc]onnection refused") as caught:
        read("select 1 as a")
    record_property("message", str(caught.value))
    assert "hunter2" not in everything(caught.value)


def test_a_server_that_does_not_answer_is_reported_after_the_timeout(read, monkeypatch, record_property):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"postgresql://u@127.0.0.1:{mute.getsockname()[1]}/db?connect_timeout=2"
        monkeypatch.setenv("CRM_URL", address)
        with pytest.raises(DataError, match=r"can't be reached: .*timeout") as caught:
            read("select 1 as a")
    record_property("message", str(caught.value))


def test_a_lost_connection_is_reported(postgres, url, read, record_property):
    def end() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            query = "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'sleep'"
            while not connection.execute(f"{query} and pid <> pg_backend_pid()").fetchall():
                time.sleep(0.02)

    killer = threading.Thread(target=end)
    killer.start()
    with pytest.raises(DataError) as caught:
        read("select pg_sleep(60)")
    killer.join()
    record_property("message", str(caught.value))
    assert "terminating connection" in caught.value.message
    assert "the connection was lost: run again" in caught.value.hint


def test_a_missing_driver_is_reported_with_the_package_to_install(url, read, monkeypatch, record_property):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DataError, match="psycopg, the driver for Postgres, is not installed") as caught:
        read("select 1 as a")
    record_property("message", str(caught.value))
    assert "pip install 'psycopg[binary]'" in caught.value.hint


def test_rows_after_the_newest_partition_only_are_an_error(postgres, url, tmp_path, warehouse):
    source = {"sql": "select timestamptz 'tomorrow' as at", "database": "CRM_URL"}
    ingestion = Ingestion("crm", "t", MONTHS, "at")
    with (
        open_source(source, ingestion, root=tmp_path, warehouse=warehouse) as opened,
        duckdb.connect() as connection,
        pytest.raises(DataError, match="no rows up to 2025-06, the newest partition"),
    ):
        opened.arrivals(connection, until=datetime(2025, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "query",
    [
        "select 1) as x; commit; begin read write; delete from victims; commit; select * from (select 1 as y",
        "select 1) as x; set session characteristics as transaction read write; select * from (select 1 as y",
    ],
)
def test_a_query_of_several_statements_is_rejected_before_it_runs(url, read, query):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists victims; create table victims as select 1 as a")
    with pytest.raises(DataError, match="cannot insert multiple commands into a prepared statement"):
        read(query)
    assert read("select a from victims") == [("1",)]
