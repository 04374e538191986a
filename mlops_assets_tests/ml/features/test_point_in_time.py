"""Point in time: of each row the newest state that had arrived, and of the future nothing."""

from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.ml.features.point_in_time import (
    changed_rows,
    newest_state,
    rows_between,
    valid_rows,
    with_counterfactual_rows,
    with_counterfactual_validity,
)
from mlops_assets.stores.warehouse.warehouse import Warehouse

MARCH, APRIL = datetime(2024, 3, 1), datetime(2024, 4, 1)


def arrivals(connection: duckdb.DuckDBPyConnection, rows: list[tuple]) -> duckdb.DuckDBPyRelation:
    """Rows of key, event time, amount and partition."""
    connection.execute(
        "create or replace table arrivals (id varchar, happened timestamp, amount double, _partition varchar)"
    )
    if rows:
        connection.executemany("insert into arrivals values (?, ?, ?, ?)", rows)
    return connection.table("arrivals")


def found(relation: duckdb.DuckDBPyRelation) -> list[tuple]:
    return sorted((row[0], row[2]) for row in relation.fetchall())


def test_the_start_is_inclusive_and_the_end_exclusive(connection):
    times = [datetime(2024, 2, 29, 23, 59, 59), MARCH, datetime(2024, 3, 31, 23, 59, 59), APRIL]
    rows = arrivals(connection, [(name, at, 1.0, "2024-04") for name, at in zip("abcd", times, strict=True)])
    inside = rows_between(rows, time="happened", key=["id"], start=MARCH, end=APRIL)
    assert [name for name, _ in found(inside)] == ["b", "c"]
    assert [name for name, _ in found(rows_between(rows, time="happened", key=["id"], end=APRIL))] == [
        "a",
        "b",
        "c",
    ]
    assert inside.columns == ["id", "happened", "amount"], "queries don't see the partition"


def test_the_newest_arrival_of_a_key_replaces_the_earlier_ones(connection):
    rows = arrivals(
        connection,
        [("p", MARCH, 1.0, "2024-03"), ("p", MARCH, 2.0, "2024-05"), ("q", MARCH, 3.0, "2024-04")],
    )
    assert found(newest_state(rows, ["id"])) == [("p", 2.0), ("q", 3.0)]
    assert len(newest_state(rows, [])) == 3


def test_a_row_whose_newest_arrival_is_out_of_bounds_is_not_returned(connection):
    rows = arrivals(connection, [("p", MARCH, 1.0, "2024-03"), ("p", APRIL, 1.0, "2024-04")])
    assert found(rows_between(rows, time="happened", key=["id"], end=APRIL)) == []


def test_a_counterfactual_copy_changes_later_arrivals_only(connection):
    connection.execute(
        "create table wide as select * from (values "
        "('2024-03', timestamp '2024-03-02', 1.5, 7::bigint, 'abc', true, date '2024-01-01'), "
        "('2024-04', timestamp '2024-04-02', 1.5, 7::bigint, 'abc', true, date '2024-01-01')) "
        "v(_partition, happened, share, count, name, paid, born)"
    )
    wide = connection.sql("select * replace (share::double as share) from wide")
    known, later = (
        with_counterfactual_rows(
            wide, time="happened", key=["id"], known_from="2024-01", known_until="2024-03", as_of=APRIL
        )
        .order("_partition")
        .fetchall()
    )
    assert known == wide.order("_partition").fetchall()[0]
    assert later == (
        "2024-04",
        datetime(2024, 3, 31, 23, 59, 59),
        1_000_001.5,
        1_048_583,
        "abc~",
        False,
        date(2021, 4, 6),
    )


def test_a_later_arrival_of_a_key_does_not_change_what_was_known(tmp_path: Path):
    """The filter of a partition of files, below a window: DuckDB 2.0 loses it in `window_self_join`."""
    files = tmp_path / "rows"
    with Warehouse(tmp_path / "warehouse").connect() as connection:
        arrivals(
            connection,
            [("p", MARCH, 1.0, "2024-03"), ("p", MARCH, 2.0, "2024-04"), ("q", MARCH, 3.0, "2024-03")],
        )
        connection.execute(f"copy arrivals to '{files}' (format parquet, partition_by (_partition))")
        rows = connection.sql(
            f"select * from read_parquet('{files}/*/*.parquet', hive_partitioning=true, "
            "hive_types={'_partition': 'VARCHAR'})"
        )
        known = rows.filter("_partition in ('2024-03')")
        seen = rows_between(known, time="happened", key=["id"], end=APRIL)
        assert found(seen) == [("p", 1.0), ("q", 3.0)]


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.datetimes(datetime(2024, 1, 1), datetime(2024, 6, 1)).map(lambda at: at.replace(microsecond=0)),
        st.integers(-50, 50).map(float),
        st.sampled_from([f"2024-{month:02}" for month in range(1, 7)]),
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[3]),
)


@given(ROWS, st.sampled_from([f"2024-{month:02}" for month in range(1, 7)]))
@settings(max_examples=40, deadline=None)
def test_known_rows_are_the_newest_arrivals_with_events_before_the_end(rows, until):
    expected = {}
    for name, at, amount, partition in sorted(rows, key=lambda row: row[3]):
        if partition <= until:
            expected[name] = (at, amount)
    expected = sorted((name, amount) for name, (at, amount) in expected.items() if at < APRIL)
    with duckdb.connect() as connection:
        relation = arrivals(connection, rows)
        known = relation.filter(f"_partition <= '{until}'")
        assert found(rows_between(known, time="happened", key=["id"], end=APRIL)) == expected
        other = with_counterfactual_rows(
            relation, time="happened", key=["id"], known_from="2024-01", known_until=until, as_of=APRIL
        )
        known = other.filter(f"_partition <= '{until}'")
        assert found(rows_between(known, time="happened", key=["id"], end=APRIL)) == expected


@pytest.mark.parametrize("month", ["2024-03", "2024-06"])
def test_a_counterfactual_copy_without_later_arrivals_is_equal(connection, month):
    rows = arrivals(connection, [("p", MARCH, 1.0, "2024-03")])
    other = with_counterfactual_rows(
        rows, time="happened", key=["id"], known_from="2024-01", known_until=month, as_of=APRIL
    )
    assert other.fetchall() == rows.fetchall()


def test_a_counterfactual_copy_changes_arrivals_before_the_lookback_and_events_after_the_end(connection):
    rows = arrivals(
        connection,
        [("old", MARCH, 1.0, "2024-01"), ("known", MARCH, 1.0, "2024-02"), ("ahead", APRIL, 1.0, "2024-03")],
    )
    other = with_counterfactual_rows(
        rows, time="happened", key=["id"], known_from="2024-02", known_until="2024-03", as_of=APRIL
    )
    assert sorted(other.fetchall()) == [
        ("ahead", APRIL, 1_000_001.0, "2024-03"),
        ("known", MARCH, 1.0, "2024-02"),
        ("old~", MARCH, 1_000_001.0, "2024-01"),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("double", value) for value in ("0", "-5e5", "1e300", "'inf'", "'nan'", "null")],
        *[("bigint", value) for value in ("9223372036854775807", "'-9223372036854775808'", "0", "null")],
        *[("varchar", value) for value in ("'aba'", "''", "null")],
        *[("boolean", value) for value in ("true", "false", "null")],
        *[("timestamp", "null"), ("date", "date '2024-01-01'")],
    ],
)
def test_every_value_is_changed_into_another(connection, kind, value):
    rows = connection.sql(f"select {value}::{kind} as x")
    assert repr(changed_rows(rows).fetchall()) != repr(rows.fetchall())


def test_rows_are_valid_from_their_start_and_an_end_ahead_is_unknown(connection):
    rows = connection.sql(
        "select * from (values ('a', null, timestamp '2024-03-01'), ('b', timestamp '2024-03-01', timestamp "
        "'2024-04-01'), ('c', timestamp '2024-04-01', null), ('d', timestamp '2024-03-31 23:59', null)) "
        "v(name, since, until)"
    )
    known = valid_rows(rows, valid_from="since", valid_to="until", as_of=APRIL)
    assert sorted(known.project("name, until").fetchall()) == [("a", MARCH), ("b", None), ("d", None)]
    assert len(valid_rows(rows, valid_from="since", valid_to=None, as_of=APRIL)) == 3
    other = with_counterfactual_validity(rows, valid_from="since", valid_to="until", as_of=APRIL)
    again = valid_rows(other, valid_from="since", valid_to="until", as_of=APRIL)
    assert sorted(again.fetchall(), key=str) == sorted(known.fetchall(), key=str)
    assert sorted(other.fetchall(), key=str) != sorted(rows.fetchall(), key=str)
