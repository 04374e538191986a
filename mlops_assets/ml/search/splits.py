"""Splits: the holdout, and the folds of the cross-validation."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.ml.contracts.row_ids import key_bits_sql
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.search.time_split import time_folds

SplitMethod = Literal["random", "stratified", "group"]
_DIGITS = 12
_SPLITTERS = {
    (False, False): KFold,
    (True, False): StratifiedKFold,
    (False, True): GroupKFold,
    (True, True): StratifiedGroupKFold,
}
"""Splitters of folds, by whether they are stratified by class and whether they keep groups together."""


def holdout_sql(
    method: SplitMethod, share: float, seed: int, *, target: str, groups: Sequence[str] = ()
) -> str:
    """An SQL expression that is true for the rows of the holdout.

    The side of a row depends on a seeded hash only, not on the order of the rows or on other rows. `random`
    hashes the key of the row, and `group` the group, so that a group is never divided. `stratified` takes
    exactly the same share of every class: when rows are added, rows next to the boundary may change sides.

    Parameters
    ----------
    method
        `random`, `stratified` or `group`.
    share
        Share of the holdout, between 0 and 1.
    seed
        Different seeds give different splits.
    target
        Column of the classes, for `stratified`.
    groups
        Columns that identify a group, for `group`.
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

    Folds are stratified by class, and a group stays in one fold.

    Parameters
    ----------
    target
        Shape `(n,)`: the value, or the index of the class.
    groups
        The group of each row, shape `(n,)`.

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
                f"{folds} folds require at least {folds} {what} for training, found {count}",
                hint="reduce tuning.folds in defs.yaml, or provide more data",
            )
    splitter = _SPLITTERS[by_class, groups is not None](folds, shuffle=True, random_state=seed)
    found = list(splitter.split(np.zeros(len(target)), target, groups))
    if by_class and any(len(np.unique(target[train])) < len(np.unique(target)) for train, _ in found):
        raise DataError(
            "the rows of a class belong to so few groups that a fold has none of them to train on",
            hint="reduce tuning.folds in defs.yaml, or provide more groups of the rarest class",
        )
    return found


def forward_folds(
    periods: NDArray, target: NDArray, *, folds: int, gap: int, by_class: bool
) -> list[tuple[NDArray, NDArray]]:
    """Walk-forward folds: each of the newest periods is predicted from the periods labelled before it.

    Parameters
    ----------
    periods
        The period of each row, shape `(n,)`, as text in chronological order, without missing periods.
    folds
        Maximum number of predicted periods.
    gap
        Distance in periods of the newest training period from the predicted one: the horizon of the target.
    by_class
        Whether every class must occur on both sides of a fold.

    Returns
    -------
    Positions of the training and validation rows of each fold, the oldest first. Periods without a training
    period, or with a class missing on one side, have no fold.

    Raises
    ------
    DataError
        When no fold is possible.
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
            f"{len(known)} labelled partitions are too few for a search: a fold predicts a partition from "
            f"those at least {gap} before it",
            hint="choose a later cut-off, or provide earlier data",
        )
    return found[::-1]


def measuring_folds(
    kinds: NDArray,
    truth: NDArray,
    *,
    folds: int,
    seed: int,
    times: NDArray | None = None,
    together: NDArray | None = None,
) -> list[tuple[NDArray, NDArray]]:
    """Folds to measure on other rows what is chosen for each kind of row on out-of-fold predictions.

    Folds have the same shares of kinds and classes. Over time they are expanding windows, and rows that the
    split keeps together stay in one fold; unless no fold then has every kind and class on both sides, such as
    of a kind whose rows all belong together.

    Parameters
    ----------
    kinds
        The kind of each row as an index, shape `(n,)`; negative for rows that nothing is chosen for.
    truth
        The index of the class, shape `(n,)`.
    times
        The time of each row, in a split over time.
    together
        The group of each row, in a split by group.

    Returns
    -------
    Positions of the rows to choose on, and of those to measure on, of each fold.
    """
    strata = 2 * kinds + truth
    found: list[tuple[NDArray, NDArray]] = []
    if times is not None:
        with suppress(DataError):  # too few times
            found = time_folds(times, truth, folds=folds - 1, by_class=True, groups=together)
    elif together is not None and (count := min(folds, len(np.unique(together)))) > 1:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        found = list(splitter.split(strata, strata, together))
    needed = np.unique(strata[kinds >= 0])
    complete = [fold for fold in found if all(np.isin(needed, strata[side]).all() for side in fold)]
    stratified = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return complete or list(stratified.split(strata, strata))
