"""Splits: which rows train a model and which judge it.

Holds: the holdout split, in SQL, and the folds of the search.
Add here: another way to split.
Not here: splits in time, which follow from cut-offs.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from mlops_assets.errors import DataError
from mlops_assets.ml.tasks import Task
from mlops_assets.ml.validation import key_bits_sql
from mlops_assets.sql import literal, quoted, quoted_list

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
