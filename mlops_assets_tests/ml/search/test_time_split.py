"""Splits over time: the boundary of the holdout, groups, expanding windows and their description."""

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import DataError
from mlops_assets.ml.search.time_split import (
    describe_time_split,
    latest_start,
    sides_of,
    time_folds,
    time_side_sql,
)


def start_of(times: list, share: float) -> str | None:
    with duckdb.connect() as connection:
        return latest_start(connection.from_df(pd.DataFrame({"t": times})), "t", share)


@pytest.mark.parametrize(
    ("share", "start"),
    [(0.1, "10"), (0.2, "9"), (0.5, "6"), (0.25, "9"), (0.26, "8"), (0.99, "2"), (0.001, "10")],
)
def test_the_holdout_starts_at_the_time_with_the_nearest_share_of_later_rows(share, start):
    assert start_of(list(range(1, 11)), share) == start, "of two equally near times, the later"


def test_rows_with_one_time_are_never_divided():
    assert start_of([1, 1, 1, 1, 1, 1, 2, 2, 2, 3], 0.2) == "3", "3 has 10 % and 2 has 40 %"
    assert start_of([1, 1, 1, 1, 1, 1, 2, 2, 2, 3], 0.26) == "2"
    assert start_of([1, 2, 2, 2, 2, 2, 2, 2, 2, 2], 0.2) == "2", "at least one time is on each side"
    assert start_of([5, 5, 5], 0.2) is None


def test_timestamps_are_compared_to_the_microsecond():
    start = datetime(2025, 1, 2, 10)
    moments = [start - timedelta(days=1), *(start + timedelta(microseconds=n) for n in (1, 2))]
    assert start_of(moments, 1 / 3) == "2025-01-02 10:00:00.000002"


def test_earlier_rows_of_a_group_of_the_holdout_are_on_neither_side():
    rows = pd.DataFrame({"t": [1, 2, 3, 4, 5], "g": ["a", "b", "a", "b", "c"]})
    with duckdb.connect() as connection:
        of = connection.from_df(rows)
        grouped = of.project(f"t, {time_side_sql('t', '4', group='g')}").order("t").fetchall()
        alone = of.project(f"t, {time_side_sql('t', '4')}").order("t").fetchall()
    assert [side for _, side in grouped] == ["train", "embargo", "train", "holdout", "holdout"]
    assert [side for _, side in alone] == ["train", "train", "train", "holdout", "holdout"]


def windows(found) -> list[tuple[list[int], list[int]]]:
    return [(train.tolist(), valid.tolist()) for train, valid in found]


def test_folds_are_expanding_windows():
    times, target = np.array([3, 1, 2, 6, 5, 4]), np.zeros(6)
    assert windows(time_folds(times, target, folds=2, by_class=False)) == [
        ([1, 2], [0, 5]),
        ([0, 1, 2, 5], [3, 4]),
    ]


def test_no_fold_trains_on_a_group_that_it_predicts():
    times, groups = np.arange(6), np.array(["a", "b", "a", "b", "c", "b"])
    found = windows(time_folds(times, np.zeros(6), folds=2, by_class=False, groups=groups))
    assert found == [([0, 2], [4, 5])], "a and b of the first window are in the second, too"


def test_windows_without_every_class_have_no_fold():
    times, target = np.arange(8), np.array([0, 1, 0, 0, 1, 0, 1, 0])
    assert windows(time_folds(times, target, folds=3, by_class=True)) == [
        ([0, 1, 2, 3], [4, 5]),
        ([0, 1, 2, 3, 4, 5], [6, 7]),
    ]


@pytest.mark.parametrize(
    ("times", "target", "groups", "message"),
    [
        ([1, 1, 1], [0, 0, 0], None, "1 distinct times of 3 training rows are too few"),
        ([1, 2, 3], [0, 0, 0], ["a", "a", "a"], "from earlier ones of other groups"),
    ],
)
def test_no_possible_fold_is_an_error(times, target, groups, message):
    with pytest.raises(DataError, match=message):
        time_folds(
            np.array(times),
            np.array(target),
            folds=3,
            by_class=False,
            groups=None if groups is None else np.array(groups),
        )


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda found: len(set(found)) > 1),
    folds=st.integers(2, 6),
    data=st.data(),
)
def test_every_fold_predicts_later_rows_of_other_groups(times, folds, data):
    groups = data.draw(st.none() | st.lists(st.integers(0, 9), min_size=len(times), max_size=len(times)))
    known, members = np.array(times), None if groups is None else np.array(groups)
    try:
        found = time_folds(known, np.zeros(len(times)), folds=folds, by_class=False, groups=members)
    except DataError:
        assert groups is not None
        return
    assert len(found) <= folds
    seen: list[int] = []
    for train, valid in found:
        assert known[train].max() < known[valid].min()
        if members is not None:
            assert not set(members[train]) & set(members[valid])
        seen += valid.tolist()
    assert len(seen) == len(set(seen)), "no row is predicted twice"
    if groups is None:
        assert len(seen) == int((known >= known[seen].min()).sum()), "all rows from the first window on"


def test_the_split_is_described_with_days_or_times():
    sides = {"train": (datetime(2024, 1, 1), datetime(2024, 9, 30), 80)}
    sides["holdout"] = (datetime(2024, 10, 1), datetime(2024, 12, 31), 20)
    assert describe_time_split(sides, "sold") == (
        "tested on 2024-10-01 to 2024-12-31, trained on 2024-01-01 to 2024-09-30, by sold"
    )
    sides["holdout"] = (datetime(2024, 10, 1, 8), datetime(2024, 10, 1, 9), 20)
    assert "tested on 2024-10-01 08:00:00 to 2024-10-01 09:00:00, trained" in describe_time_split(sides, "at")
    years = {"train": (2015.0, 2019.0, 9), "holdout": (2020.0, 2020.0, 3), "embargo": (2016.0, 2017.0, 1234)}
    assert describe_time_split(years, "year") == (
        "tested on 2020, trained on 2015 to 2019, by year; 1,234 earlier rows of groups in the holdout are "
        "on neither side"
    )


def test_the_sides_of_rows_have_their_first_and_last_time():
    found = sides_of([date(2024, 1, 2), date(2024, 1, 1), date(2024, 2, 1)], ["train", "train", "holdout"])
    assert found == {
        "train": (date(2024, 1, 1), date(2024, 1, 2), 2),
        "holdout": (date(2024, 2, 1), date(2024, 2, 1), 1),
    }
