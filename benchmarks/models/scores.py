"""Scores of predictions, and what many of them show: ranks, ratios to the best, and wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

RESAMPLES = 2_000
_LEAST = 1e-15


def loss(truth: pd.Series, predictions: pd.DataFrame, task: str, train: pd.Series) -> float:
    """RMSE of a regression, otherwise the log loss; a row without a prediction has that of no model.

    Parameters
    ----------
    predictions
        Indexed by the position of the row: the column `prediction`, or a column for each class.
    train
        The target of the training rows: their mean, or the shares of their classes, for rows without a
        prediction.
    """
    rows = range(len(truth))
    if task == "regression":
        found = predictions["prediction"].reindex(rows).fillna(train.mean()).to_numpy()
        return float(np.sqrt(np.mean((found - truth.to_numpy()) ** 2)))
    shares = train.value_counts(normalize=True)
    filled = predictions.reindex(rows).reindex(columns=shares.index).fillna(shares)
    place = shares.index.get_indexer(pd.Index(truth))
    chosen = filled.to_numpy()[np.arange(len(truth)), place] / filled.sum(axis=1).to_numpy()
    return float(-np.mean(np.log(np.clip(chosen, _LEAST, 1))))


@dataclass(frozen=True)
class Standing:
    """A system among the others, on all tables and seeds that all of them have.

    Attributes
    ----------
    rank
        Mean rank by table, of the mean loss over the seeds; 1 is the best.
    ratio
        Geometric mean over the tables of its loss by the smallest one.
    interval
        95 % interval of the rank, from resampled tables.
    wins
        Share of the tables on which the first system has a smaller loss than this one.
    near
        Number of tables on which it is within 1 % of the best.
    """

    rank: float
    interval: tuple[float, float]
    ratio: float
    wins: float
    near: int


def standings(losses: pd.DataFrame, first: str) -> dict[str, Standing]:
    """The standing of each system.

    Parameters
    ----------
    losses
        A row for each table, a column for each system.
    first
        The system whose wins are counted.
    """
    ranks = losses.rank(axis=1)
    ratios = losses.div(losses.min(axis=1), axis=0)
    rng = np.random.default_rng(0)
    resampled = ranks.to_numpy()[rng.integers(len(ranks), size=(RESAMPLES, len(ranks)))].mean(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return {
        str(system): Standing(
            rank=float(ranks[system].mean()),
            interval=(float(low[place]), float(high[place])),
            ratio=float(np.exp(np.log(ratios[system]).mean())),
            wins=float((losses[first] < losses[system]).mean()),
            near=int((ratios[system] <= 1.01).sum()),
        )
        for place, system in enumerate(losses)
    }


def losses_by_table(results: Sequence[Mapping[str, Any]], budget: float) -> pd.DataFrame:
    """Mean losses over the seeds that all systems have; tables that some system lacks are left out."""
    chosen = pd.DataFrame([line for line in results if line["budget"] == budget])
    wide = chosen.pivot(index=["table", "seed"], columns="system", values="loss").dropna()
    return wide.groupby("table", sort=False).mean()
