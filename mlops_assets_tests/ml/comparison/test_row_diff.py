"""Rows in, out and changed, found again by their identity or as a whole."""

from collections.abc import Iterator

import duckdb
import pytest

from mlops_assets.ml.comparison.row_diff import RowDiff, diff_rows


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def diff(connection, before: str, after: str, *identity: str) -> RowDiff:
    return diff_rows(
        connection, connection.sql(before), connection.sql(after), identity=identity, aside=("_row",)
    )


BEFORE = (
    "from (values (1, 'a', 1.0, 1), (2, 'b', 'nan'::double, 2), (3, null, 3.0, 3)) t(id, name, size, _row)"
)


def test_rows_are_matched_by_their_identity(connection):
    after = (
        "from (values (1, 'A', 1.5, 9), (2, 'b', 'nan'::double, 8), (4, 'd', 4.0, 7)) t(id, name, size, _row)"
    )
    found = diff(connection, BEFORE, after, "id")
    assert (found.rows_before, found.rows_after, found.identity) == (3, 3, ("id",))
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    assert found.changed_columns == {"name": 1, "size": 1}


def test_a_missing_value_that_becomes_known_is_a_change(connection):
    found = diff(connection, BEFORE, BEFORE.replace("null", "'c'"), "id")
    assert (found.changed, found.changed_columns) == (1, {"name": 1})


def test_no_row_is_changed_where_none_is_on_both_sides(connection):
    for after in (
        BEFORE.replace("(1,", "(7,").replace("(2,", "(8,").replace("(3,", "(9,"),
        f"{BEFORE} limit 0",
    ):
        found = diff(connection, BEFORE, after, "id")
        assert (found.removed, found.changed, found.changed_columns) == (3, 0, {})


def test_the_order_of_rows_is_not_a_difference(connection):
    found = diff(connection, BEFORE, f"from ({BEFORE}) order by id desc", "id")
    assert (found.added, found.removed, found.changed, found.changed_columns) == (0, 0, 0, {})


@pytest.mark.parametrize("broken", ["union all select 1, 'x', 0.0, 5", "union all select null, 'x', 0.0, 5"])
def test_whole_rows_are_compared_when_the_identity_is_not_unique(connection, broken):
    found = diff(connection, BEFORE, f"{BEFORE} {broken}", "id")
    assert found.identity == ()
    assert (found.added, found.removed, found.changed) == (1, 0, 0)


def test_equal_whole_rows_are_counted(connection):
    before = "select unnest([1, 1, 2, null]) as a"
    after = "select unnest([1, 2, 2, 3, null]) as a"
    found = diff(connection, before, after)
    assert (found.added, found.removed) == (2, 1)


def test_columns_of_one_side_are_listed_and_not_a_change(connection):
    found = diff(connection, "select 1 as id, 2 as old", "select 1 as id, 3 as new", "id")
    assert (found.changed, found.new_columns, found.gone_columns) == (0, ("new",), ("old",))


@pytest.mark.parametrize(
    ("before", "after", "changed"), [("1", "1.0::double", 0), ("1", "'1'", 0), ("1", "'one'", 1)]
)
def test_values_of_different_types_are_compared_as_numbers_or_as_text(connection, before, after, changed):
    found = diff(connection, f"select 7 as id, {before} as value", f"select 7 as id, {after} as value", "id")
    assert found.changed == changed
