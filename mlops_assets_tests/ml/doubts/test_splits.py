"""Doubts about splits: times, entities and event logs, and columns that only look like them."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.doubts.splits import (
    entity_column,
    event_log,
    random_over_time,
    repeated_entity,
    time_column,
)

DAYS = pd.Series(pd.date_range("2024-01-01", periods=100))


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        (DAYS, "sold_at", True),
        (DAYS, "birth_date", False),
        (DAYS, "DOB", False),
        (DAYS.where(DAYS.index < 9), "sold_at", False),
        (DAYS.where(DAYS.index < 50), "sold_at", True),
        (DAYS.where(DAYS.index < 49), "sold_at", False),
        (DAYS.dt.year, "year", False),
    ],
)
def test_a_column_with_ten_times_in_half_of_the_rows_orders_rows(values, name, expected):
    assert time_column(values, name) is expected


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([n // 2 for n in range(100)], "customer_id", True),
        ([n // 2 for n in range(100)], "patient", True),
        ([f"c{n // 2}" for n in range(100)], "customerID", True),
        ([n // 2 for n in range(100)], "paid", False),
        ([n // 2 for n in range(100)], "amount", False),
        ([n % 9 for n in range(100)], "store_id", False),
        ([n / 2 for n in range(100)], "user_id", False),
        ([*range(96), 0, 1, 200, 201], "user_id", False),
        ([*range(95), 0, 1, 2, 200, 201], "user_id", True),
    ],
)
def test_an_identifier_with_ten_values_of_which_five_per_cent_of_the_rows_repeat_is_an_entity(
    values, name, expected
):
    assert entity_column(pd.Series(values), name) is expected


def test_a_random_split_of_rows_with_times_suggests_a_split_over_time():
    found = random_over_time(pd.DataFrame({"sold_at": DAYS, "shipped": DAYS}), ["sold_at", "shipped"])
    assert str(found) == (
        "sold_at has times from 2024-01-01 to 2024-04-09 (shipped too), and the split is random: if "
        "predictions are made for later rows than those of training, declare split: {method: time, "
        "column: sold_at}"
    )
    assert random_over_time(pd.DataFrame({"x": [1]}), []) is None


def test_a_repeated_entity_suggests_a_split_by_group():
    found = repeated_entity(pd.DataFrame({"patient": [n // 2 for n in range(98)] + [100, 101]}), ["patient"])
    assert str(found) == (
        "patient repeats: 98 of 100 rows (98.0 %) share its value with others, of 51 values, and rows of one "
        "may be in training and in holdout: declare split: {method: group, group: [patient]}"
    )


def test_entities_with_two_rows_at_different_times_suggest_an_event_project():
    rows = pd.DataFrame({"customer_id": np.arange(100) % 50, "bought_at": DAYS})
    found = event_log(rows, ["bought_at"], ["customer_id"])
    assert found is not None
    assert "customer_id has 2.0 rows on average, at different bought_at" in found.finding
    assert found.advice.endswith("mlops new NAME --data FILE --time bought_at --entity customer_id")
    same_time = rows.assign(bought_at=DAYS[0] + pd.to_timedelta(rows["customer_id"], "D"))
    assert event_log(same_time, ["bought_at"], ["customer_id"]) is None
    once = rows.assign(customer_id=np.arange(100) % 51)
    assert event_log(once, ["bought_at"], ["customer_id"]) is None, "1.96 rows on average"
