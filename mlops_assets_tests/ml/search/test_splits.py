"""Splits: shares, stable sides of rows, stratification, groups and walk-forward folds."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import DataError
from mlops_assets.ml.contracts.row_ids import with_row_ids
from mlops_assets.ml.search.splits import SplitMethod, forward_folds, holdout_sql, make_folds, measuring_folds

Row = tuple[str, str | None, str]


def holdout(
    rows: Iterable[Row], method: SplitMethod, *, share: float = 0.3, seed: int = 0
) -> dict[tuple[Row, int], bool]:
    """Whether each row is in the holdout, by the row and its number among equal ones."""
    frame = pd.DataFrame([*rows], columns=["name", "town", "kind"], dtype=object)
    with duckdb.connect() as connection, TemporaryDirectory() as scratch:
        raw = connection.from_df(frame).project(
            "name::varchar as name, town::varchar as town, kind::varchar as kind, "
            "'f' as _source_file, row_number() over () as _row"
        )
        side = holdout_sql(method, share, seed, target="kind", groups=["town"])
        identified = with_row_ids(connection, raw, ["name", "town", "kind"], Path(scratch))
        found = identified.project(f"name, town, kind, row_id % 16384, {side}")
        return {((name, town, kind), number): in_it for name, town, kind, number, in_it in found.fetchall()}


def many(count: int) -> list[Row]:
    return [(f"row {index}", f"town {index % 97}", "ab"[index % 10 == 0]) for index in range(count)]


@pytest.mark.parametrize(("method", "tolerance"), [("random", 0.03), ("group", 0.1), ("stratified", 0.001)])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_of_the_holdout_is_near_the_declared_one(
    method: SplitMethod, tolerance: float, share: float
):
    sides = holdout(many(3_000), method, share=share)
    assert np.mean(list(sides.values())) == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize("method", ["random", "group", "stratified"])
def test_different_seeds_give_different_splits(method: SplitMethod):
    rows = many(300)
    assert holdout(rows, method, seed=1) == holdout(rows[::-1], method, seed=1)
    assert holdout(rows, method, seed=1) != holdout(rows, method, seed=2)


def test_stratified_takes_the_same_share_of_every_class_exactly():
    sides = holdout(many(200), "stratified", share=0.25)
    taken = {kind: [in_it for (row, _), in_it in sides.items() if row[2] == kind] for kind in "ab"}
    assert {kind: (len(found), sum(found)) for kind, found in taken.items()} == {"a": (180, 45), "b": (20, 5)}


def test_groups_are_never_divided():
    rows = [(f"row {index}", None if index % 5 == 0 else f"town {index % 7}", "a") for index in range(200)]
    sides = holdout(rows, "group", share=0.5)
    by_town: dict[Any, set[bool]] = {}
    for (row, _), in_it in sides.items():
        by_town.setdefault(row[1], set()).add(in_it)
    assert all(len(found) == 1 for found in by_town.values())
    assert {True, False} == set().union(*by_town.values())


def test_rows_with_equal_keys_are_on_the_same_side():
    sides = holdout([*many(40), *many(40), *many(40)], "random", share=0.5)
    assert len(sides) == 120
    assert all(sides[row, 0] == sides[row, 1] == sides[row, 2] for row in many(40))
    assert {True, False} == set(sides.values())


ROWS = st.lists(
    st.tuples(st.text("abc", max_size=3), st.none() | st.sampled_from(["x", "y", "z"]), st.just("a")),
    max_size=30,
)


@given(ROWS, ROWS, st.sampled_from(["random", "group"]), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_added_rows_never_change_the_side_of_a_row(
    rows: list[Row], added: list[Row], method: SplitMethod, seed: int
):
    before = holdout(rows, method, share=0.5, seed=seed)
    after = holdout([*added, *rows], method, share=0.5, seed=seed)
    assert {row: after[row] for row in before} == before


Folds = list[tuple[np.ndarray, np.ndarray]]


def check_folds(folds: Folds, rows: int) -> None:
    assert sorted(np.concatenate([valid for _, valid in folds])) == list(range(rows))
    for train, valid in folds:
        assert sorted([*train, *valid]) == list(range(rows))


def test_each_row_is_validated_once():
    check_folds(make_folds("regression", np.arange(23.0), folds=4, seed=0), 23)


def test_folds_are_stratified_by_class():
    target = np.array([0] * 40 + [1] * 8)
    folds = make_folds("binary", target, folds=4, seed=0)
    check_folds(folds, 48)
    assert [np.bincount(target[valid]).tolist() for _, valid in folds] == [[10, 2]] * 4


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_a_group_stays_in_one_fold(task: Any):
    groups = np.repeat(np.arange(12), 5)
    folds = make_folds(task, np.tile([0, 1, 1, 0, 1], 12), folds=3, seed=0, groups=groups)
    check_folds(folds, 60)
    for train, valid in folds:
        assert not set(groups[train]) & set(groups[valid])


def test_groups_of_classes_are_spread_so_that_each_fold_has_them():
    groups = np.arange(30)
    target = (groups < 6).astype(int)
    folds = make_folds("binary", target, folds=3, seed=0, groups=groups)
    assert [int(target[valid].sum()) for _, valid in folds] == [2, 2, 2]


def folds_of(make: Callable[..., Folds], seed: int) -> list[list[int]]:
    return [valid.tolist() for _, valid in make("regression", np.arange(20.0), folds=4, seed=seed)]


def test_folds_depend_on_the_seed_only():
    assert folds_of(make_folds, 1) == folds_of(make_folds, 1) != folds_of(make_folds, 2)


@pytest.mark.parametrize(
    ("task", "target", "groups", "message"),
    [
        ("regression", [1.0, 2.0], None, "3 folds require at least 3 rows for training, found 2"),
        (
            "binary",
            [0, 0, 0, 0, 1, 1],
            None,
            "at least 3 rows of the rarest class for training, found 2",
        ),
        ("regression", [1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2], "at least 3 groups for training, found 2"),
        (
            "binary",
            [0, 0, 0, 1, 1, 1],
            [1, 2, 3, 4, 4, 4],
            "class belong to so few groups that a fold has none of them to train on",
        ),
    ],
    ids=["rows", "class", "groups", "class in one group"],
)
def test_too_little_data_for_the_folds_is_an_error(
    task: Any, target: list, groups: list | None, message: str
):
    with pytest.raises(DataError, match=message):
        make_folds(
            task, np.array(target), folds=3, seed=0, groups=None if groups is None else np.array(groups)
        )


def forward(periods: list[str], *, folds: int, gap: int, target: list[int] | None = None) -> list[tuple]:
    """The training periods and the predicted period of each fold."""
    known = np.array(periods)
    found = forward_folds(
        known, np.array(target or [0] * len(periods)), folds=folds, gap=gap, by_class=target is not None
    )
    return [(sorted(set(known[train])), sorted(set(known[valid]))) for train, valid in found]


def test_forward_folds_predict_the_newest_periods_from_those_labelled_by_then():
    periods = [f"2024-{month:02}" for month in range(1, 7) for _ in range(3)]
    assert forward(periods, folds=2, gap=3) == [
        (["2024-01", "2024-02"], ["2024-05"]),
        (["2024-01", "2024-02", "2024-03"], ["2024-06"]),
    ]


def test_forward_folds_are_fewer_where_there_is_nothing_to_train_on():
    assert forward(["a", "b", "c"], folds=5, gap=1) == [(["a"], ["b"]), (["a", "b"], ["c"])]
    assert forward(["a", "b", "c"], folds=5, gap=2) == [(["a"], ["c"])]


def test_forward_folds_skip_periods_without_every_class():
    periods, target = ["a", "a", "b", "b", "c", "c"], [0, 1, 1, 1, 0, 1]
    assert forward(periods, folds=2, gap=1, target=target) == [(["a", "b"], ["c"])]


def test_too_few_periods_for_a_forward_fold_are_an_error():
    with pytest.raises(DataError, match="2 labelled partitions are too few for a search") as caught:
        forward(["a", "b"], folds=2, gap=2)
    assert "choose a later cut-off" in str(caught.value)


@given(
    rows=st.lists(st.integers(0, 7), min_size=1, max_size=40),
    folds=st.integers(1, 4),
    gap=st.integers(1, 4),
)
def test_no_forward_fold_trains_on_overlapping_targets(rows: list[int], folds: int, gap: int):
    periods = np.array([f"2024-{row + 1:02}" for row in rows])
    known = sorted(set(periods))
    try:
        found = forward_folds(periods, np.zeros(len(rows)), folds=folds, gap=gap, by_class=False)
    except DataError:
        assert len(known) <= gap
        return
    assert len(found) == min(folds, len(known) - gap)
    for train, valid in found:
        [predicted] = set(periods[valid])
        assert sorted(valid) == list(np.flatnonzero(periods == predicted))
        places = {known.index(period) for period in periods[train]}
        assert places == set(range(known.index(predicted) - gap + 1))
    assert [periods[valid][0] for _, valid in found] == known[-len(found) :]


def test_thresholds_are_measured_on_other_groups_and_on_later_rows():
    kinds, truth, together = np.arange(400) % 2, np.arange(400) // 2 % 2, np.arange(400) // 10
    shared = {"folds": 5, "seed": 0}
    for train, apart in measuring_folds(kinds, truth, together=together, **shared):
        assert not set(together[train]) & set(together[apart])
        assert set(kinds[train]) == set(kinds[apart]) == {0, 1}
    found = measuring_folds(kinds, truth, times=together, **shared)
    assert len(found) == 4
    assert all(together[train].max() < together[apart].min() for train, apart in found)
    for times in (None, np.zeros(400)):  # each kind is one group, or there is one time
        fallback = measuring_folds(kinds, truth, times=times, together=kinds, **shared)
        assert sorted(np.concatenate([apart for _, apart in fallback])) == list(range(400))
