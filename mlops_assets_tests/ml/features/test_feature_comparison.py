"""Comparison of features: noise of another order of addition is no difference, everything else is."""

import pytest

from mlops_assets.ml.features import feature_comparison
from mlops_assets.ml.features.feature_comparison import find_differences, largest_number


@pytest.fixture
def compare(connection):
    """Compare two lists of rows of customer, region and spent."""

    def compare_(first, second, **options):
        sides = []
        for number, rows in enumerate((first, second)):
            connection.execute(
                f"create or replace table side{number} (customer varchar, region varchar, spent double)"
            )
            connection.executemany(f"insert into side{number} values (?, ?, ?)", rows)
            sides.append(connection.table(f"side{number}"))
        return find_differences(*sides, ["customer"], **options)

    return compare_


SUM, OTHER_ORDER = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1


def test_equal_rows_do_not_differ_whatever_their_order(compare):
    rows = [("a", "north", 1.5), ("b", None, None), (None, "south", float("nan"))]
    assert not compare(rows, rows[::-1])


def test_columns_and_two_rows_are_shown_with_both_values(compare):
    first = [("a", "north", 1.5), ("b", None, 2.0), ("c", "west", 3.0), ("d", "west", 4.0)]
    second = [("a", "north", 1.75), ("b", "east", 2.0), ("c", "west", 3.5), ("d", "west", 4.0)]
    found = compare(first, second)
    assert found.rows == 3
    assert found.columns == ("region", "spent")
    assert str(found) == (
        " in region, spent (customer a: spent is 1.5 and 1.75; customer b: region is null and east)"
    )


def test_rows_with_one_key_are_compared_in_the_order_of_their_values(compare):
    rows = [("a", "north", 1.5), ("a", "north", 2.5), ("a", "east", 1.5), ("b", "west", 3.0)]
    assert not compare(rows, rows[::-1])
    assert compare(rows, [*rows[:3], ("a", "west", 3.0)]).rows == 2


def test_a_row_of_one_side_differs(compare):
    found = compare([("a", "north", 1.0), ("b", "north", 1.0)], [("a", "north", 1.0)], magnitude=1.0)
    assert found.rows == 1
    assert str(found) == " (customer b: the row is there and missing)"


def test_the_last_digits_of_a_sum_are_no_difference_between_equal_inputs(compare):
    assert SUM != OTHER_ORDER
    first, second = [("a", "north", SUM)], [("a", "north", OTHER_ORDER)]
    assert compare(first, second).rows == 1
    assert not compare(first, second, magnitude=0.0)


def test_noise_of_cancellation_is_measured_against_the_numbers_that_were_added(compare):
    first, second = (
        [("a", "north", 1.5e-10), ("b", "north", 0.0)],
        [("a", "north", 0.0), ("b", "north", -3e-11)],
    )
    assert not compare(first, second, magnitude=1e4)
    assert compare(first, second, magnitude=1.0).rows == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1.0, 1.0 + 1e-8),
        (1e-3, 1.1e-3),
        (0.0, 1e-6),
        (1.0, None),
        (None, 0.0),
        (1.0, float("nan")),
        (float("inf"), 1e300),
    ],
)
def test_more_than_noise_is_a_difference(compare, first, second):
    assert compare([("a", "north", first)], [("a", "north", second)], magnitude=1.0).rows == 1


def test_text_is_compared_exactly(compare):
    assert compare([("a", "1.0", 1.0)], [("a", "1.00", 1.0)], magnitude=1e9).columns == ("region",)


def test_the_largest_number_is_that_of_all_double_columns(connection):
    rows = connection.sql("select 2.5::double as x, 'inf'::double as y, 10::bigint as z, -7::double as w")
    assert largest_number([rows, connection.sql("select 1 as x")]) == 7.0
    assert largest_number([]) == 0.0


def test_differences_without_values_name_the_row_id_and_the_column(connection):
    sides = [
        connection.sql(f"select 'ann@x.org' as customer, 42 as row_id, '{note}' as note") for note in "xy"
    ]
    found = find_differences(*sides, ["customer"], shown=False)
    assert (found.rows, str(found)) == (1, " in note (row_id 42: note differs)")
    without_ids = [side.project("* exclude (row_id)") for side in sides]
    assert str(find_differences(*without_ids, ["customer"], shown=False)) == " in note"


def test_only_columns_with_a_difference_are_compared_value_by_value(connection, monkeypatch):
    columns = ", ".join(f"(k * {place})::double as c{place}" for place in range(40))
    connection.execute(f"create table first as select k, {columns} from range(5) as t(k)")
    connection.execute("create table second as from first")
    compared = []
    monkeypatch.setattr(
        feature_comparison, "_differs", lambda name, _: compared.append(name) or f"a.{name} <> b.{name}"
    )
    first, second = connection.table("first"), connection.table("second")
    assert not find_differences(first, second, ["k"])
    assert compared == []
    connection.execute("update second set c7 = c7 + 1 where k = 3")
    found = find_differences(first, second, ["k"])
    assert (found.rows, found.columns, set(compared)) == (1, ("c7",), {'"c7"'})
    connection.execute("insert into first select * replace (1.0 as c7) from first")  # keys repeat
    connection.execute("insert into second select * replace (1.0 as c7) from second")
    assert len(find_differences(first, second, ["k"]).columns) == 1
    assert len(set(compared)) == 40
