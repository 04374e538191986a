"""The shared database: one for a process, with connections that see and leave nothing of each other."""

import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from mlops_assets.ml.wide_queries import MANY_COLUMNS, plan_wide
from mlops_assets.stores.duckdb import connection as duckdb_connection
from mlops_assets.stores.duckdb import shared_database
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")
Rows = Callable[..., duckdb.DuckDBPyRelation]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The memory limits of the databases that are started from now on."""
    found: list[str] = []
    start = duckdb_connection.open_database

    def counted(spill: Path, *, memory_limit: str, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        found.append(memory_limit)
        return start(spill, memory_limit=memory_limit, threads=threads)

    for module in (duckdb_connection, shared_database):
        monkeypatch.setattr(module, "open_database", counted)
    return found


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() union select view_name from duckdb_views() where not internal"
    )
    return [name for (name,) in found.fetchall()]


def test_many_writes_start_one_database(warehouse: Warehouse, rows: Rows, started: list[str]):
    for number in range(5):
        warehouse.write(KEY, rows(f"({number}, 'x')"), partition=str(number))
    assert started == ["1GiB"]


def test_a_connection_has_its_own_tables_and_leaves_none_after_an_error(warehouse: Warehouse):
    with warehouse.shared_connection() as one, warehouse.shared_connection() as other:
        one.sql("select 1 as a").create("kept")
        other.sql("select 2 as a").create("kept")
        one.sql("from kept").create_view("seen")
        assert (one.sql("from seen").fetchall(), other.table("kept").fetchall()) == ([(1,)], [(2,)])
    with pytest.raises(duckdb.ConversionException), warehouse.shared_connection() as one:
        one.execute("begin; create table open_one as select 1; select 'x'::integer")
    with warehouse.shared_connection() as one:
        assert tables(one) == []
        names = [name for (name,) in one.execute("select database_name from duckdb_databases()").fetchall()]
        assert len([name for name in names if name.startswith("step_")]) == 1


def test_the_settings_are_those_of_every_connection(warehouse: Warehouse):
    names = ("memory_limit", "TimeZone", "autoinstall_known_extensions", "disabled_optimizers")
    settings = "select " + ", ".join(f"current_setting('{name}')" for name in names)
    with warehouse.connect() as own, warehouse.shared_connection() as shared:
        assert shared.execute(settings).fetchall() == own.execute(settings).fetchall()


def test_a_shared_connection_can_not_be_confined(warehouse: Warehouse):
    with warehouse.shared_connection() as connection, pytest.raises(ValueError, match="of its own"):
        warehouse.confine(connection, [])
    with warehouse.shared_connection() as connection:
        assert connection.execute("select current_setting('enable_external_access')").fetchall() == [(True,)]


def test_another_warehouse_has_another_database_and_the_former_one_ends_with_its_last_user(
    tmp_path: Path, started: list[str]
):
    first, second = Warehouse(tmp_path / "a"), Warehouse(tmp_path / "b", memory_limit="500MiB")
    with first.shared_connection() as one:
        with second.shared_connection() as other:
            limit = "select current_setting('memory_limit')"
            assert other.execute(limit).fetchall() == [("500.0 MiB",)]
            assert one.execute(limit).fetchall() == [("1.0 GiB",)]
        former = one
    assert started == ["1GiB", "500MiB"]
    with pytest.raises(duckdb.ConnectionException):
        former.execute("select 1")
    assert [database.key[0] for database in shared_database._NEWEST] == [tmp_path / "b"]


def test_rows_that_spill_leave_no_file(tmp_path: Path):
    warehouse = Warehouse(tmp_path, memory_limit="60MiB")
    with warehouse.shared_connection() as connection:
        connection.sql("select i, repeat('x', 100) || i as t from range(2000000) r(i)").create("large")
        assert list(tmp_path.rglob("*.tmp"))
    assert [path for path in (tmp_path / ".spill").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_threads_share_it(warehouse: Warehouse):
    found: list[int] = []

    def count(number: int) -> None:
        with warehouse.shared_connection() as connection:
            connection.sql(f"from range({number})").create("numbers")
            found.append(len(connection.table("numbers")))

    threads = [threading.Thread(target=count, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))


def test_a_wide_table_leaves_the_plans_of_later_steps_as_they_were(warehouse: Warehouse):
    asked = "select current_setting('disabled_optimizers')"
    with warehouse.shared_connection() as connection:
        before = connection.execute(asked).fetchall()
        plan_wide(connection, MANY_COLUMNS + 1)
        assert connection.execute(asked).fetchall() != before
    with warehouse.shared_connection() as connection:
        assert connection.execute(asked).fetchall() == before
