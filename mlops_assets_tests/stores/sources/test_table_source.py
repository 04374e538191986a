"""The table of another asset as a source: whole, by partition, or assigned by a column."""

from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.open import open_source

MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)
KEY = ("other", "scores")


@contextmanager
def opened(warehouse, tmp_path, periods=None, column=None, asset="other/scores"):
    ingestion = Ingestion("shop", "orders", periods, column)
    with (
        open_source({"asset": asset}, ingestion, root=tmp_path, warehouse=warehouse) as source,
        duckdb.connect() as connection,
    ):
        yield source, connection


@pytest.fixture
def write(warehouse):
    def write_(rows: str, partition: str | None = None, key: tuple[str, ...] = KEY) -> str:
        with warehouse.connect() as connection:
            return warehouse.write(key, connection.sql(rows), partition=partition).digest

    return write_


def test_a_whole_table_is_read_with_its_types_and_without_added_columns(warehouse, tmp_path, write):
    digest = write("select 1.5 as score, date '2025-01-31' as day, 7 as row_id, 'f.csv' as _source_file")
    with opened(warehouse, tmp_path) as (source, connection):
        fetched = source.fetch(connection, None)
        [relation] = fetched.relations
        assert relation.columns == ["score", "day", "_source_file", "_source_sha256", "_row"]
        assert [str(kind) for kind in relation.types[:2]] == ["DECIMAL(2,1)", "DATE"]
        assert relation.fetchall()[0][2:] == ("asset:other/scores", digest, 1)
        assert fetched.inputs == {"other/scores": warehouse.version(KEY)}
        assert fetched.input_digests == {(KEY, None): digest}
        assert source.arrivals(connection).by_partition[None].fingerprint == fetched.fingerprint == digest


def test_nested_and_binary_values_are_text_for_a_raw_table(warehouse, tmp_path, write):
    write("select [{'k': timestamptz '2025-01-31 10:00+02'}] as nested, '\\xFFa'::blob as bytes, 5 as number")
    with opened(warehouse, tmp_path) as (source, connection):
        [relation] = source.fetch(connection, None).relations
        assert [str(kind) for kind in relation.types[:3]] == ["VARCHAR", "VARCHAR", "INTEGER"]
        nested, text, number = relation.fetchall()[0][:3]
    assert (nested, text, number) == ('[{"k":"2025-01-31 08:00:00"}]', r"\xFFa", 5)


def test_partitions_map_one_to_one(warehouse, tmp_path, write):
    digests = {month: write(f"select '{month}' as a", month) for month in ("2024-12", "2025-01", "2025-02")}
    with opened(warehouse, tmp_path, MONTHS) as (source, connection):
        found = source.arrivals(connection, until=JUNE)
        assert {key: arrival.fingerprint for key, arrival in found.by_partition.items()} == {
            month: digests[month] for month in ("2025-01", "2025-02")
        }
        assert found.left_out == ("2024-12 of other/scores: outside 2025-01 to 2025-06",)
        fetched = source.fetch(connection, "2025-02")
        assert [row[0] for row in fetched.relations[0].fetchall()] == ["2025-02"]
        assert fetched.input_digests == {(KEY, "2025-02"): digests["2025-02"]}


def test_rows_of_a_table_without_partitions_are_assigned_by_a_column(warehouse, tmp_path, write):
    write(
        "select * from (values ('a', date '2025-01-31'), ('b', date '2025-02-01'), ('c', null), "
        "('d', date '2025-09-01')) as rows(name, day)"
    )
    with opened(warehouse, tmp_path, MONTHS, "day") as (source, connection):
        found = source.arrivals(connection, until=JUNE)
        assert list(found.by_partition) == ["2025-01", "2025-02"]
        assert found.left_out == ("1 row: day is after 2025-06, the newest partition",)
        fetched = source.fetch(connection, "2025-01")
        assert [row[0] for row in fetched.relations[0].fetchall()] == ["a", "c"]
        assert fetched.fingerprint == found.by_partition["2025-01"].fingerprint


def test_a_table_without_partitions_reads_all_partitions_of_the_other(warehouse, tmp_path, write):
    digests = {month: write(f"select '{month}' as a", month) for month in ("2025-01", "2025-02")}
    with opened(warehouse, tmp_path) as (source, connection):
        fetched = source.fetch(connection, None)
        assert sorted(row[0] for row in fetched.relations[0].fetchall()) == ["2025-01", "2025-02"]
        assert fetched.input_digests == {(KEY, month): digest for month, digest in digests.items()}


@pytest.mark.parametrize(
    ("partition", "made", "ingestion", "message", "hint"),
    [
        (None, None, {}, "other/scores has no table in the warehouse", "materialize it first"),
        (
            "2025-01",
            None,
            {"periods": MONTHS},
            "other/scores has no table in the warehouse",
            "writes its table with `warehouse.store.write(context.asset_key.path, rows)`",
        ),
        (
            "2025-03",
            "2025-01",
            {"periods": MONTHS},
            "other/scores has no data for partition 2025-03; available are 2025-01 to 2025-01",
            "materialize this partition of it first",
        ),
        (
            "2025-01",
            "2025-01-31",
            {"periods": MONTHS},
            "the partitions of other/scores, such as 2025-01-31, are not monthly, such as 2025-01, and can't "
            "be mapped one to one",
            "use the same `partitions.cadence` for both",
        ),
        (
            "2025-01",
            "whole",
            {"periods": MONTHS},
            "other/scores has no partitions, but this table has",
            "set tables.orders.arrival to the column with the time of a row",
        ),
        (
            "2025-01",
            "2025-01",
            {"periods": MONTHS, "column": "a"},
            "other/scores has partitions, so its rows can't be assigned by the arrival time a",
            "leave out tables.orders.arrival",
        ),
        (
            "2025-01",
            "whole",
            {"periods": MONTHS, "column": "moon"},
            "other/scores has no column moon, the declared arrival time; it has a",
            "set tables.orders.arrival to one of them",
        ),
    ],
)
def test_a_source_that_does_not_match_the_partitions_is_an_error(
    warehouse, tmp_path, write, record_property, partition, made, ingestion, message, hint
):
    if made:
        write("select 'x' as a", None if made == "whole" else made)
    with opened(warehouse, tmp_path, **ingestion) as (source, connection), pytest.raises(DataError) as caught:
        source.fetch(connection, partition)
    record_property("message", str(caught.value))
    assert caught.value.message.startswith("shop: table orders: the ")
    assert message in caught.value.message
    assert hint in caught.value.hint
