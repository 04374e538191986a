"""SQLite: values without column types, and times as text."""

import sqlite3
from contextlib import closing
from datetime import date

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.databases.base import DaySpan
from mlops_assets.stores.databases.sqlite import SqliteDatabase

FEBRUARY = DaySpan("at", date(2025, 2, 1), date(2025, 3, 1))
FIRST = DaySpan("at", None, date(2025, 2, 1))
TIMES = {
    "2025-02-01": FEBRUARY,
    "2025-02-01T00:00:00Z": FEBRUARY,
    "2025-02-28 23:59:59.999": FEBRUARY,
    "2025-02-28T23:59:59+05:00": FEBRUARY,
    "2025-01-31 23:59:59": FIRST,
    "2025-02-31": FIRST,
    "2025-02-01 at noon": FIRST,
    "soon": FIRST,
    1738368000: FIRST,
    None: FIRST,
    "2025-03-01": None,
}


@pytest.fixture
def database(tmp_path) -> SqliteDatabase:
    with closing(sqlite3.connect(tmp_path / "a#b.db")) as connection, connection:
        connection.execute("create table times (at)")
        connection.executemany("insert into times values (?)", [(value,) for value in TIMES])
    return SqliteDatabase(tmp_path / "a#b.db", "sqlite:///a#b.db")


def extracted(database, tmp_path, query, cut=None):
    with database.snapshot(query, subject="crm", place="here") as snapshot:
        snapshot.extract(tmp_path / "rows.parquet", cut)
    return duckdb.read_parquet(str(tmp_path / "rows.parquet")).fetchall()


@pytest.mark.parametrize("cut", [FEBRUARY, FIRST])
def test_a_time_is_not_converted_and_any_other_value_is_in_the_first_month(database, tmp_path, cut):
    found = extracted(database, tmp_path, "select at from times", cut)
    assert [at for (at,) in found] == [
        None if value is None else str(value) for value, place in TIMES.items() if place is cut
    ]


def test_every_value_is_text_that_reads_back_the_same(database, tmp_path):
    query = "select 7 as a, 0.1 + 0.2 as b, x'00ff' as c, null as d, '' as e, 9007199254740993 as f"
    assert extracted(database, tmp_path, query) == [
        ("7", "0.30000000000000004", r"\x00ff", None, "", "9007199254740993")
    ]


def test_a_file_that_is_not_a_database_is_reported(tmp_path, record_property):
    (tmp_path / "notes.db").write_text("no database at all, but long enough to look like one" * 20)
    database = SqliteDatabase(tmp_path / "notes.db", "sqlite:///notes.db")
    with pytest.raises(DataError, match=r"crm: sqlite:///notes.db: file is not a database") as caught:
        extracted(database, tmp_path, "select * from sqlite_master")
    record_property("message", str(caught.value))
    assert "check that the file is a SQLite database" in caught.value.hint


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from pragma_database_list", "prohibited|not authorized"),
        ("select * from times, pragma_table_list", "prohibited|not authorized"),
        ("select * from sqlite_master", "prohibited"),
        ("select (select sql from SQLite_Schema) as sql", "prohibited"),
        ("select fts3_tokenizer('simple')", "not authorized"),
        ("select load_extension('x')", "not authorized"),
        ("select 1) as x; delete from times; select * from (select 1", "one statement at a time"),
    ],
)
def test_a_query_reads_tables_and_nothing_of_sqlite_itself(database, tmp_path, query, message):
    with pytest.raises(DataError, match=message) as caught:
        extracted(database, tmp_path, query)
    assert "in here" in str(caught.value)
    assert len(extracted(database, tmp_path, "select at from times")) == len(TIMES)


def test_a_query_may_use_views_recursion_functions_and_virtual_tables(database, tmp_path):
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("create view known as select upper(at) as at from times where at is not null")
        connection.execute("create virtual table notes using fts5(text)")
        connection.execute("insert into notes values ('late payment'), ('paid')")
        connection.execute("create virtual table places using rtree(id, low, high)")
    recursive = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select i from n"
    assert len(extracted(database, tmp_path, "select at from known")) == len(TIMES) - 1
    assert extracted(database, tmp_path, recursive) == [("1",), ("2",), ("3",)]
    found = extracted(database, tmp_path, "select text from notes where notes match 'late'")
    assert found == [("late payment",)]
    assert extracted(database, tmp_path, "select id from places") == []
