"""Which row of the table of features an entity has online."""

from datetime import UTC, datetime

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.online.newest_features import NewestFeatures

TABLE = ("shop", "features")
MONTHS = Periods("monthly", "2024-01")
JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"


@pytest.fixture
def write(warehouse, rows):
    """Write a partition with customers and an amount each."""

    def write_partition(partition, values, columns="customer, row_id, amount"):
        warehouse.write(TABLE, rows(values, columns), partition=partition)

    write_partition(JANUARY, "('a', 1, 1.0), ('b', 2, 1.0), ('old', 3, 1.0)")
    write_partition(FEBRUARY, "('a', 4, 2.0), ('b', 5, 2.0)")
    write_partition(MARCH, "('a', 6, 3.0)")
    return write_partition


def newest(warehouse, succeeded=(JANUARY, FEBRUARY, MARCH), **settings):
    return NewestFeatures.of(warehouse, "shop", ["customer"], MONTHS, succeeded=set(succeeded), **settings)


def content(warehouse, found):
    """Partition and amount of each customer."""
    with warehouse.connect() as connection:
        batches = [row for batch in found.batches(connection) for row in batch.to_pylist()]
    partitions = list(found.partitions)
    return {row["customer"]: (partitions[row["_place"]], float(row["amount"])) for row in batches}


def test_an_entity_has_the_row_of_the_newest_partition_that_contains_it(warehouse, write):
    found = newest(warehouse)
    assert content(warehouse, found) == {"a": (MARCH, 3), "b": (FEBRUARY, 2), "old": (JANUARY, 1)}
    assert dict(found.snapshot(3, now=datetime.now(UTC)).partitions)[JANUARY] == datetime(2024, 2, 1)


def test_an_older_partition_that_is_written_again_changes_only_entities_without_a_newer_row(warehouse, write):
    before = newest(warehouse)
    write(JANUARY, "('a', 1, 9.0), ('b', 2, 9.0), ('old', 3, 9.0), ('late', 7, 9.0)")
    after = newest(warehouse)
    assert after.content != before.content
    assert content(warehouse, after) == {
        "a": (MARCH, 3),
        "b": (FEBRUARY, 2),
        "old": (JANUARY, 9),
        "late": (JANUARY, 9),
    }


def test_a_partition_whose_checks_have_not_passed_is_left_out(warehouse, write):
    found = newest(warehouse, succeeded=(JANUARY, FEBRUARY))
    assert content(warehouse, found)["a"] == (FEBRUARY, 2)
    assert found.failed == (MARCH,)
    assert dict(found.left_out) == {MARCH: "its checks have not passed"}
    with pytest.raises(DataError, match="shop: no partition of features has succeeded"):
        newest(warehouse, succeeded=())


def test_partitions_older_than_the_time_to_live_are_left_out_but_not_the_newest(warehouse, write):
    now = datetime(2024, 4, 1, 12, tzinfo=UTC)
    found = newest(warehouse, ttl_hours=32 * 24, now=now)
    assert content(warehouse, found) == {"a": (MARCH, 3), "b": (FEBRUARY, 2)}
    assert dict(found.left_out) == {JANUARY: "it ended more than 768 hours ago"}
    assert content(warehouse, newest(warehouse, ttl_hours=1, now=now)) == {"a": (MARCH, 3)}


def test_a_partition_with_other_columns_than_the_newest_is_left_out(warehouse, write):
    write(MARCH, "('a', 6, 3.0, 1)", "customer, row_id, amount, visits")
    found = newest(warehouse)
    assert set(found.partitions) == {MARCH}
    assert set(found.left_out.values()) == {"it has other columns than the newest partition"}


def test_a_column_that_can_not_be_stored_is_an_error_with_the_cast_to_add(warehouse, write):
    write(MARCH, "('a', 6, 3.0, [1])", "customer, row_id, amount, tags")
    with pytest.raises(DataError, match=r"shop: column tags has type INTEGER\[\]") as found:
        newest(warehouse).snapshot(1, now=datetime.now(UTC))
    assert found.value.hint.startswith("cast it in features.sql")
