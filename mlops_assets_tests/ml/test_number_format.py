"""Numbers as people write them."""

import math

import pytest

from mlops_assets.ml.number_format import (
    compact,
    difference,
    distinct_numbers,
    duration,
    interval_text,
    number,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4312, "0.431"),
        (0.64, "0.640"),
        (12.345, "12.3"),
        (1234.56, "1,235"),
        (4128, "4,128"),
        (0.0000123, "1.23e-05"),
        (3e12, "3.00e+12"),
        (-0.0456, "-0.0456"),
        (0.0, "0"),
        (float("nan"), "undefined"),
        (float("inf"), "infinite"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str):
    assert number(value) == text


def test_durations_have_their_two_largest_units():
    assert [duration(seconds) for seconds in (0.834, 12.0, 59.9, 252.0, 7_260.0)] == [
        "0.83 s",
        "12 s",
        "1 min 0 s",
        "4 min 12 s",
        "2 h 1 min",
    ]


def test_different_numbers_have_different_texts():
    assert distinct_numbers([0.8121, 0.8124, 0.8121], "roc_auc") == ["0.8121", "0.8124", "0.8121"]
    assert distinct_numbers([0.5, math.nan], "mape") == ["50.0 %", "undefined"]


def test_intervals_have_both_ends_or_are_empty():
    assert interval_text(0.7951, 0.8289, "roc_auc") == "0.795 to 0.829"
    assert interval_text(0.16, 0.18, "mape") == "16.0 % to 18.0 %"
    assert interval_text(math.nan, math.nan, "rmse") == ""
    assert interval_text(0.1 + 0.2, 0.3, "log_loss") == ""


def test_errors_are_compared_by_a_share_and_scores_by_their_difference():
    assert difference("rmse", 0.9, 1.0) == "10 %"
    assert difference("roc_auc", 0.9, 0.8) == "0.100"
    assert difference("rmse", 0.9, 0.0) == difference("rmse", math.nan, 1.0) == ""


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (142_980.6, 4, "142,981"),
        (0.64, 4, "0.64"),
        (0.83147, 4, "0.8315"),
        (999.96, 4, "1000"),
        (-12_493.2, 3, "-12,493"),
        (1.5e15, 4, "1.5e+15"),
        (float("nan"), 4, "nan"),
    ],
)
def test_a_compact_has_no_exponent_for_usual_amounts(value: float, digits: int, text: str):
    assert compact(value, digits) == text
