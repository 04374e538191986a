"""Rows of a table are blocked if their rejected share is above the limit, in the partitions that are read."""

import pytest

from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.core.errors import DataError
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND = MONTHS[:2]


@pytest.fixture
def write(open_shop):
    """A function that writes numbers of valid and rejected rows; returns the shop, whose limit is 10 %."""
    shop = open_shop()

    def write_(valid, rejected, partition=FIRST):
        with shop.warehouse.connect() as connection:
            for layer, rows in (("validated", valid), ("quarantine", rejected)):
                relation = connection.sql(f"select range as customer from range({rows})")
                shop.warehouse.write(shop.path(f"{layer}_purchases"), relation, partition=partition)
        return shop

    return write_


def require(shop, *partitions):
    require_unblocked(shop.project, shop.warehouse, "purchases", partitions)


def test_a_rejected_share_at_the_limit_is_not_blocked(write):
    require(write(9, 1), FIRST)


def test_a_rejected_share_above_the_limit_is_an_error_with_its_figures(write):
    shop = write(8, 2)
    with pytest.raises(DataError) as caught:
        require(shop, FIRST)
    assert caught.value.message == (
        "shop: table purchases: 2 of 10 rows of 2024-01 (20.0%) violate the contract; the limit is 10.0%"
    )


def test_only_the_partitions_that_are_read_can_block(write):
    write(8, 2, FIRST)
    shop = write(10, 0, SECOND)
    require(shop, SECOND)
    with pytest.raises(DataError, match="rows of 2024-01 "):
        require(shop, FIRST, SECOND)


def test_a_table_without_partitions_is_blocked_as_a_whole(write):
    shop = write(1, 1, None)
    with pytest.raises(DataError, match=r"1 of 2 rows \(50\.0%\)"):
        require(shop, None)


def test_partitions_without_rows_are_not_blocked(write):
    require(write(0, 0), FIRST, SECOND)


def test_a_table_that_was_never_validated_is_not_blocked(open_shop):
    require(open_shop(), FIRST)
