"""Whether a model that was fitted again is the one that was recorded."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.model.tabular_model import TabularModel

Outcome = Literal["identical", "equivalent", "different"]
TOLERANCE = 1e-9
"""How far two predictions may be apart, relative to the larger one, and count as the same."""


@dataclass(frozen=True)
class Refit:
    """One model of a version, fitted again.

    Attributes
    ----------
    role
        `judged`, which was evaluated, or `serving`, which was fitted again on all labelled rows.
    outcome
        `identical`: the digest is the same. `equivalent`: the predictions are, within `TOLERANCE`.
    fitted_rows, compared_rows
        How many rows it was fitted on, and how many predictions of the holdout were compared; an identical
        model needs no predictions.
    largest_difference
        Of two predictions, relative to the larger one; infinite where one of them is undefined.
    """

    role: str
    outcome: Outcome
    recorded_digest: str
    digest: str
    fitted_rows: int
    compared_rows: int = 0
    largest_difference: float = 0.0


@dataclass(frozen=True)
class Difference:
    """Something that is not what it was when the version was trained.

    Attributes
    ----------
    diff
        Both sides as a unified diff, where they are texts.
    hint
        How to get back.
    """

    subject: str
    told: str
    diff: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Reproduction:
    """What came of fitting a version again."""

    project: str
    version: int
    refits: tuple[Refit, ...]
    differences: tuple[Difference, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of the refits; `different` where nothing could be fitted."""
        outcomes = {refit.outcome for refit in self.refits}
        if not outcomes or "different" in outcomes:
            return "different"
        return "equivalent" if "equivalent" in outcomes else "identical"

    def to_json(self) -> dict[str, Any]:
        """The same as JSON holds it; an infinite difference is null."""
        told = {"outcome": self.outcome, **asdict(self)}
        for refit in told["refits"]:
            if not math.isfinite(refit["largest_difference"]):
                refit["largest_difference"] = None
        return told


def compare_refit(
    role: str, recorded: TabularModel, refitted: TabularModel, holdout: pd.DataFrame, *, fitted_rows: int
) -> Refit:
    """Compare two models by their digests, else by their predictions.

    Parameters
    ----------
    holdout
        Features of the rows that judged the recorded model, shape `(n, features)`. Of no rows at all nothing
        follows: then the models are different.
    """
    before, after = recorded.digest(), refitted.digest()
    if before == after:
        return Refit(role, "identical", before, after, fitted_rows)
    if holdout.empty:
        return Refit(role, "different", before, after, fitted_rows, 0, math.inf)
    apart = largest_difference(recorded.predict_features(holdout), refitted.predict_features(holdout))
    outcome: Outcome = "equivalent" if apart <= TOLERANCE else "different"
    return Refit(role, outcome, before, after, fitted_rows, len(holdout), apart)


def largest_difference(before: NDArray, after: NDArray) -> float:
    """The largest difference of two arrays of one shape, relative to the larger value of each pair."""
    if before.shape != after.shape:
        return math.inf
    apart, scale = np.abs(before - after), np.maximum(np.abs(before), np.abs(after))
    relative = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0)
    undefined = np.isnan(before) | np.isnan(after)
    relative[undefined] = np.where(np.isnan(before) & np.isnan(after), 0.0, math.inf)[undefined]
    return float(relative.max(initial=0.0))
