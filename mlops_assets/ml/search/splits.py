"""Splits: which rows train a model and which judge it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.ml.contracts.row_ids import key_bits_sql
from mlops_assets.ml.metrics.tasks import Task

SplitMethod = Literal["random", "stratified", "group"]
_DIGITS = 12
_SPLITTERS = {
    (False, False): KFold,
    (True, False): StratifiedKFold,
    (False, True): GroupKFold,
    (True, True): StratifiedGroupKFold,
}
"""Of folds, by whether classes are kept in proportion, and groups together."""


def holdout_sql(
    method: SplitMethod, share: float, seed: int, *, target: str, groups: Sequence[str] = ()
) -> str:
    """An expression that is true for the rows of the holdout.

    A row's side follows from a seeded hash of what it is, so neither the order of the rows nor other rows
    change it. `random` hashes the row's key; `group` the group, so that a group is never torn apart.
    `stratified` takes the same share of every class, exactly, and so has to count: when rows are added,
    rows next to the boundary may change sides.

    Parameters
    ----------
    method
        `random`, `stratified` or `group`.
    share
        The holdout's share, between 0 and 1.
    seed
        Another seed is another split.
    target
        The column whose values `stratified` keeps in proportion.
    groups
        The columns that make a group.
    """
    of = f"concat_ws(chr(31), {quoted_list(groups)})" if method == "group" else key_bits_sql()
    fraction = f"('0x' || left(md5({literal(f'{seed}:')} || {of}), {_DIGITS}))::bigint / {16.0**_DIGITS:.0f}"
    if method != "stratified":
        return f"{fraction} < {share}"
    in_class = f"partition by {quoted(target)}"
    return (
        f"row_number() over ({in_class} order by {fraction}, row_id) "
        f"<= round(count(*) over ({in_class}) * {share})"
    )


def make_folds(
    task: Task, target: NDArray, *, folds: int, seed: int, groups: NDArray | None = None
) -> list[tuple[NDArray, NDArray]]:
    """Positions of the training and validation rows of each fold.

    Classes are kept in proportion; with groups, a group stays in one fold.

    Raises
    ------
    DataError
        When there are too few rows, groups or rows of a class.
    """
    by_class = task != "regression"
    counts = {"rows": len(target)}
    if groups is not None:
        counts["groups"] = len(np.unique(groups))
    if by_class:
        counts["rows of the rarest class"] = int(np.unique(target, return_counts=True)[1].min())
    for what, count in counts.items():
        if count < folds:
            raise DataError(
                f"{folds} folds need at least {folds} {what} to train on, and there are {count}",
                hint="set tuning.folds lower in defs.yaml, or bring more data",
            )
    splitter = _SPLITTERS[by_class, groups is not None](folds, shuffle=True, random_state=seed)
    found = list(splitter.split(np.zeros(len(target)), target, groups))
    if by_class and any(len(np.unique(target[train])) < len(np.unique(target)) for train, _ in found):
        raise DataError(
            "the rows of a class are in so few groups that a fold would train without it",
            hint="set tuning.folds lower in defs.yaml, or bring more groups of the rarest class",
        )
    return found


def forward_folds(
    periods: NDArray, target: NDArray, *, folds: int, gap: int, by_class: bool
) -> list[tuple[NDArray, NDArray]]:
    """Folds that walk forward: each of the newest periods is predicted from those that were labelled by then.

    Parameters
    ----------
    periods
        The period of each row, shape `(n,)`, as text that sorts as time does; without gaps.
    folds
        How many periods are predicted, at most.
    gap
        How many periods before the predicted one the newest lies that trains: the horizon of the target.
    by_class
        Whether every class must be on both sides of a fold.

    Returns
    -------
    Positions of the training and validation rows of each fold, the oldest first. Where not even one period is
    left to train on, or some class is missing on a side, there is no fold.

    Raises
    ------
    DataError
        When there is none at all.
    """
    known = np.unique(periods)
    classes = np.unique(target) if by_class else None
    found = []
    for place in range(len(known) - 1, gap - 1, -1):
        train = np.flatnonzero(periods <= known[place - gap])
        valid = np.flatnonzero(periods == known[place])
        if classes is None or all(len(np.unique(target[side])) == len(classes) for side in (train, valid)):
            found.append((train, valid))
        if len(found) == folds:
            break
    if not found:
        raise DataError(
            f"{len(known)} labelled partitions are too few to search on: a fold predicts one from those "
            f"{gap} partitions before it and earlier",
            hint="choose a later cut-off, or bring earlier data",
        )
    return found[::-1]
