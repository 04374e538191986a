"""Comparison of a refitted model with the recorded one."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.model.tabular_model import TabularModel

Outcome = Literal["identical", "equivalent", "different"]
TOLERANCE = 1e-9
"""Largest relative difference of two predictions that are considered equal."""


@dataclass(frozen=True)
class Refit:
    """The comparison of one refitted model of a version.

    Attributes
    ----------
    role
        `evaluated` for the model that was evaluated on the holdout, `serving` for the model that was then
        refitted on all labelled rows.
    outcome
        `identical`: equal digests. `equivalent`: predictions differ by at most `TOLERANCE`.
    fitted_rows, compared_rows
        Number of training rows, and of holdout rows whose predictions were compared, 0 for an identical
        model.
    largest_difference
        Of two predictions, relative to the larger one; infinite if one of them is undefined.
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
    """A difference from the state in which the version was trained.

    Attributes
    ----------
    diff
        A unified diff of texts; empty for anything else.
    hint
        How to restore the recorded state.
    """

    subject: str
    message: str
    diff: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Reproduction:
    """The result of refitting the models of a version."""

    project: str
    version: int
    refits: tuple[Refit, ...]
    differences: tuple[Difference, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the refits; `different` if nothing could be fitted."""
        outcomes = {refit.outcome for refit in self.refits}
        if not outcomes or "different" in outcomes:
            return "different"
        return "equivalent" if "equivalent" in outcomes else "identical"

    def to_json(self) -> dict[str, Any]:
        """The result as JSON: messages under `message`, and an infinite difference as null."""
        written = {"outcome": self.outcome, **asdict(self)}
        for refit in written["refits"]:
            if not math.isfinite(refit["largest_difference"]):
                refit["largest_difference"] = None
        written["differences"] = [
            {"subject": each.subject, "message": each.message, "diff": each.diff, "hint": each.hint}
            for each in self.differences
        ]
        return written


def compare_refit(
    role: str, recorded: TabularModel, refitted: TabularModel, holdout: pd.DataFrame, *, fitted_rows: int
) -> Refit:
    """Compare two models by their digests and, if these differ, by their predictions.

    Parameters
    ----------
    holdout
        Features of the holdout of the recorded model, shape `(n, features)`. If it is empty, models with
        different digests are `different`.
    fitted_rows
        Number of training rows of the refitted model.
    """
    before, after = recorded.digest(), refitted.digest()
    if before == after:
        return Refit(role, "identical", before, after, fitted_rows)
    if holdout.empty:
        return Refit(role, "different", before, after, fitted_rows, 0, math.inf)
    difference = largest_difference(recorded.predict_features(holdout), refitted.predict_features(holdout))
    outcome: Outcome = "equivalent" if difference <= TOLERANCE else "different"
    return Refit(role, outcome, before, after, fitted_rows, len(holdout), difference)


def largest_difference(before: NDArray, after: NDArray) -> float:
    """The largest difference of two arrays, relative to the larger value of each pair.

    Infinite for different shapes, and if only one value of a pair is undefined.
    """
    if before.shape != after.shape:
        return math.inf
    difference, scale = np.abs(before - after), np.maximum(np.abs(before), np.abs(after))
    relative = np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 0)
    undefined = np.isnan(before) | np.isnan(after)
    relative[undefined] = np.where(np.isnan(before) & np.isnan(after), 0.0, math.inf)[undefined]
    return float(relative.max(initial=0.0))
