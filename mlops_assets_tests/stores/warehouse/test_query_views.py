"""Read-only queries: every table is a view, and queries neither write nor read other files."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.warehouse.query_views import ReadOnlyTables, read_only
from mlops_assets.stores.warehouse.warehouse import Warehouse

ORDERS = ("shop", "validated_orders")


@pytest.fixture
def tables(warehouse: Warehouse, rows) -> Iterator[ReadOnlyTables]:
    warehouse.write(ORDERS, rows("(1, 'x'), (2, 'y')"), partition="2024-01")
    warehouse.write(ORDERS, rows("(3, 'z')"), partition="2024-02")
    with read_only(warehouse) as found:
        yield found


def answer(tables: ReadOnlyTables, text: str) -> list[tuple]:
    [query] = tables.queries(text)
    with tables.run(query) as found:
        return found.fetchall()


def test_every_table_is_a_view_with_its_columns(tables):
    assert tables.views() == {
        "shop.validated_orders": [("a", "INTEGER"), ("b", "VARCHAR"), ("_partition", "VARCHAR")]
    }
    assert answer(tables, "select sum(a), max(_partition) from shop.validated_orders") == [(6, "2024-02")]


@pytest.mark.parametrize(
    "query",
    [
        "from shop.validated_orders limit 1;",
        "with few as (from shop.validated_orders) select count(*) from few -- all of them",
        "pivot shop.validated_orders on b using count(*)",
        "describe shop.validated_orders",
        "show all tables",
        "summarize shop.validated_orders",
        "explain analyze select 1",
        "explain (format json) select 1",
        "explain (analyze, format json) select 1",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 3) from n",
        "select 'copy' as copy, count(*) as \"update\" from shop.validated_orders",
        'pivot (select b as "copy" from shop.validated_orders) on "copy" using count(*)',
    ],
)
def test_a_read_only_statement_is_run(tables, query):
    assert answer(tables, query)


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1 as a) to '{file}' (format parquet, use_tmp_file false)",
        "explain analyze copy (select 1 as a) to '{file}' (format parquet, use_tmp_file false)",
        "explain (analyze, format json) copy (select 1 as a) to '{file}' (use_tmp_file false)",
        "/* a reading query */ explain analyze copy (select 1 as a) to '{file}'",
        "insert into shop.validated_orders values (4, 'w', '2024-03')",
        "drop view shop.validated_orders",
        "create table mine as select 1",
        "attach '{file}'",
        "set enable_external_access = true",
        "pragma threads = 1",
        "select 1; export database '{file}.copy'",
        "with new as (copy (select 1 as a) to '{file}') from new",
        "select (with new as (copy (select 1 as a) to '{file}') select count(*) from new)",
        "explain analyze with new as (copy (select 1 as a) to '{file}') from new",
        "pivot (with new as (copy (select 1 as a, 2 as b) to '{file}') from new) on a",
        "with new as (insert into shop.validated_orders values (4, 'w', '2024-03')) from new",
        "with old as materialized (delete from shop.validated_orders returning a) from old",
    ],
)
def test_other_statements_are_rejected_before_they_run(tables, warehouse, statement):
    [file] = warehouse.root.joinpath(*ORDERS, "_partition=2024-01").glob("*.parquet")
    before = file.read_bytes()
    with pytest.raises(DataError, match="is not allowed: queries are read-only"):
        tables.queries(statement.format(file=file))
    assert file.read_bytes() == before
    assert answer(tables, "select count(*) from shop.validated_orders") == [(3,)]


def test_a_query_reads_no_other_file(tables, warehouse, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("secret\n1\n", "utf-8")
    hidden = warehouse.root.joinpath(*ORDERS, "_delta_log", "00000000000000000000.json")
    for source in (f"read_csv('{other}')", f"'{other}'", f"glob('{tmp_path}/*')", f"read_text('{hidden}')"):
        with pytest.raises(DataError, match="accesses more than the tables"):
            answer(tables, f"from {source}")


def test_a_query_reads_no_spilled_rows_of_others(tables, warehouse):
    for folder in (warehouse.root / ".spill", warehouse.root):
        folder.mkdir(exist_ok=True)
        (folder / "spilled.csv").write_text("a\n1\n", "utf-8")
        with pytest.raises(DataError, match="accesses more than the tables"):
            answer(tables, f"from '{folder}/spilled.csv'")


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1 as a) to '{file}' (format parquet, use_tmp_file false)",
        "copy (select 1 as a) to 'tables://{file}' (format parquet, use_tmp_file false)",
        "copy (select 1 as a) to 'tables://{file}' (format csv)",
        "with new as (copy (select 1 as a) to 'tables://{file}') from new",
        "explain analyze copy (select 1 as a) to 'tables://{file}'",
        "copy (select 1 as a) to 'tables://{folder}/new.parquet'",
        "copy (select 1 as a) to 'tables://{folder}' (format parquet, partition_by (a), overwrite)",
        "export database 'tables://{folder}'",
        "attach 'tables://{folder}/new.db'",
        "copy (select 1 as a) to '{folder}/new.csv'",
        "insert into shop.validated_orders values (4, 'w', '2024-03')",
        "delete from shop.validated_orders",
        "create secret (type s3, key_id 'a', secret 'b')",
        "install spatial",
        "load spatial",
    ],
)
def test_a_statement_that_passed_the_check_could_write_nothing(tables, warehouse, statement):
    folder = warehouse.root.joinpath(*ORDERS, "_partition=2024-01")
    [file] = folder.glob("*.parquet")
    before = {path: path.read_bytes() for path in warehouse.root.rglob("*") if path.is_file()}
    with pytest.raises(duckdb.Error):
        tables.connection.execute(statement.format(file=file, folder=folder))
    assert {path: path.read_bytes() for path in warehouse.root.rglob("*") if path.is_file()} == before
    assert answer(tables, "select count(*) from shop.validated_orders") == [(3,)]


@pytest.mark.parametrize("address", ["{log}", "tables://{log}", "tables://{file}/../../_delta_log/{name}"])
def test_a_statement_that_passed_the_check_could_read_the_tables_alone(tables, warehouse, address):
    log = warehouse.root.joinpath(*ORDERS, "_delta_log", "00000000000000000000.json")
    [file] = warehouse.root.joinpath(*ORDERS, "_partition=2024-01").glob("*.parquet")
    other = address.format(log=log, file=file, name=log.name)
    for statement in (f"select count(*) from read_text('{other}')", f"select count(*) from '{other}'"):
        found = "an error"
        with suppress(duckdb.Error):
            found = tables.connection.execute(statement).fetchall()
        assert found in ("an error", [(0,)]), "an address of no table is denied, or a pattern without files"


def test_threads_share_a_handle_that_reads(tmp_path: Path):
    wide = Warehouse(tmp_path / "warehouse")
    with wide.connect() as connection:
        wide.write(ORDERS, connection.sql("select i, md5(i::varchar) as text from range(400_000) t(i)"))
        expected = connection.sql("select sum(hash(md5(i::varchar), i)::hugeint) from range(400_000) t(i)")
        with read_only(wide) as tables:
            query = "select sum(hash(text, i)::hugeint) from shop.validated_orders"
            assert answer(tables, query) == expected.fetchall()


def test_the_configuration_is_locked_for_any_statement(tables):
    with pytest.raises(Exception, match="has been locked"):
        tables.connection.execute("set enable_external_access = true")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("selekt 1", "the query failed: syntax error at or near"),
        ("from shop.validated_order", 'does not exist\n  hint: Did you mean "validated_orders"'),
        ("select c from shop.validated_orders", r'column "c" not found'),
        ("select b::int from shop.validated_orders", "Could not convert string '[xyz]' to INT32"),
    ],
)
def test_an_error_is_one_sentence_with_a_hint(tables, query, message):
    with pytest.raises(DataError, match=message) as caught:
        answer(tables, query)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_query_is_stopped_after_the_time_limit(warehouse, rows):
    warehouse.write(ORDERS, rows("(1, 'x')"))
    with read_only(warehouse, timeout_seconds=0.2) as tables:
        with pytest.raises(DataError, match=r"the query took longer than 0.2 s\n  hint: .*--timeout"):
            answer(tables, "select sum(a.range * b.range % 7) from range(1_000_000) a, range(1_000_000) b")
        assert answer(tables, "select 1") == [(1,)], "the connection is used again"


def test_a_sort_larger_than_memory_spills(tmp_path: Path, rows):
    small = Warehouse(tmp_path / "warehouse", memory_limit="100MiB")
    with small.connect() as connection:
        small.write(ORDERS, connection.sql("select i, md5(i::varchar) as text from range(2_000_000) t(i)"))
    with read_only(small) as tables:
        [query] = tables.queries("select text, count(*) from shop.validated_orders group by text")
        with tables.run(query) as found:
            assert found.aggregate("count(*)").fetchall() == [(2_000_000,)]
    assert not list((small.root / ".spill").iterdir()), "the folder of spilled rows is removed"
    with read_only(small, spill_limit="8MiB") as tables:
        with (
            pytest.raises(DataError, match="the query needs more temporary files than it may use") as caught,
            tables.run(query) as found,
        ):
            found.aggregate("count(*)").fetchall()
        assert "allow more with --memory and --spill" in str(caught.value)


def test_a_limit_is_a_size(warehouse):
    with pytest.raises(DataError, match="'much' is not a size"), read_only(warehouse, spill_limit="much"):
        pass
