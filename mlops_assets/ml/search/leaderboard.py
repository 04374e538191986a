"""The leaderboard: models side by side with their score, prediction time and size."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families import FAMILIES, Estimator, FitRows, Settings
from mlops_assets.ml.features.monotone import column_directions
from mlops_assets.ml.features.preprocessing import transform
from mlops_assets.ml.model.class_weights import fit_weights
from mlops_assets.ml.model.costs import artifact_bytes, measure_speed
from mlops_assets.ml.model.ensemble import ENSEMBLE, EnsembleEstimator, Member
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.baselines import LINEAR_BASELINE
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.ml.search.winner import SearchResult

LEADERBOARD_FOLDER, LEADERBOARD_FILE = "search", "leaderboard.json"
"""Path of the search's leaderboard among the files of an MLflow run."""
_STORED_TEXTS = ("name", "family")
_STORED_NUMBERS = (
    "score",
    "fit_seconds",
    "single_row_milliseconds",
    "batch_rows_per_second",
    "size_bytes",
)


@dataclass(frozen=True)
class LeaderboardEntry:
    """One model; NaN marks an unknown number.

    Attributes
    ----------
    name
        The family, `ensemble`, `linear baseline`, or the role of the model in an evaluation.
    score
        Mean of the primary metric over the folds of the cross-validation.
    holdout
        The same metric on the holdout.
    fit_seconds
        Time to fit the model on all training rows; of a search without preprocessing, which is shared.
    single_row_milliseconds
        Median time to predict one row from its features, preprocessing included.
    batch_rows_per_second
        Throughput when rows are predicted together.
    size_bytes
        Size of the artifact.
    note
        A remark for reports, for example the rows that `holdout` was computed on.
    """

    name: str
    family: str
    score: float = float("nan")
    holdout: float = float("nan")
    fit_seconds: float = float("nan")
    single_row_milliseconds: float = float("nan")
    batch_rows_per_second: float = float("nan")
    size_bytes: float = float("nan")
    note: str = ""


def build_leaderboard(
    model: TabularModel,
    result: SearchResult,
    features: pd.DataFrame,
    target: NDArray,
    settings: Settings,
    *,
    weights: NDArray | None = None,
    fit_seconds: float,
) -> list[LeaderboardEntry]:
    """Fit and measure the best trial of each family, the ensemble if there is one, and the linear baseline.

    Members of the ensemble are not fitted again. A linear model with the parameters of the baseline is listed
    once: as the baseline, or as the winner.

    Parameters
    ----------
    model
        The winner, fitted on `features` and `target` in `fit_seconds`; all entries share its pipeline.
    features, target
        The training rows, shapes `(n, features)` and `(n,)`.
    weights
        The weight of each row, shape `(n,)`; by default rows count the same.
    """
    entries = []
    rows = FitRows(
        transform(model.pipeline, features),
        target,
        fit_weights(target, weights, model.spec.class_weights),
        column_directions(model.pipeline, features, dict(model.spec.monotone)),
    )
    if len(result.members) > 1:
        entries.append(_measured(ENSEMBLE, ENSEMBLE, result.score, fit_seconds, model, features))
    baseline = Member("linear", FAMILIES["linear"].defaults(), None, 1.0)
    contenders: list[tuple[str, Member, float]] = [
        (best.family, best, score)
        for best, score in result.bests
        if best.family == model.spec.family or not _same_model(best, baseline)
    ]
    if not any(_same_model(contender, baseline) for _, contender, _ in contenders):
        complete = (trial for trial in result.trials if trial.state == "complete")
        tried = (trial.score for trial in complete if _same_model(trial, baseline))
        contenders.append((LINEAR_BASELINE, baseline, next(tried, math.nan)))
    for name, contender, score in contenders:
        if name == model.spec.family:
            entries.append(_measured(name, name, score, fit_seconds, model, features))
            continue
        estimator, seconds = _fitted_member(model, contender) or _fit(rows, contender, settings)
        spec = replace(
            model.spec,
            family=contender.family,
            params=dict(contender.params),
            rounds=contender.rounds,
            members=(),
        )
        fitted = replace(model, spec=spec, estimator=estimator)
        entries.append(_measured(name, contender.family, score, seconds, fitted, features))
    return entries


def _fitted_member(model: TabularModel, contender: Member) -> tuple[Estimator, float] | None:
    """The estimator of a contender and the time of its fit, if it is a member of the winner."""
    if not isinstance(model.estimator, EnsembleEstimator):
        return None
    members = zip(model.spec.members, model.estimator.members, model.estimator.fit_seconds, strict=True)
    return next(
        (
            (estimator, seconds)
            for member, estimator, seconds in members
            if _same_model(member, contender) and member.rounds == contender.rounds
        ),
        None,
    )


def _fit(rows: FitRows, contender: Member, settings: Settings) -> tuple[Estimator, float]:
    started = time.perf_counter()
    estimator = FAMILIES[contender.family].fit(rows, contender.params, contender.rounds, settings)
    return estimator, time.perf_counter() - started


def _same_model(one: Member | TrialSummary, other: Member) -> bool:
    return one.family == other.family and dict(one.params) == dict(other.params)


def write_leaderboard(entries: Sequence[LeaderboardEntry]) -> str:
    """The leaderboard of a search as JSON: a list of objects, null for an unknown number."""
    stored = [
        {name: getattr(entry, name) for name in _STORED_TEXTS}
        | {name: _finite(getattr(entry, name)) for name in _STORED_NUMBERS}
        for entry in entries
    ]
    return json.dumps(stored, indent=2)


def read_leaderboard(text: str) -> list[LeaderboardEntry]:
    """Read the leaderboard of a search; unknown keys are ignored and missing numbers become NaN.

    Raises
    ------
    ModelError
        When the text is not a JSON list of objects with `name`, `family` and numbers.
    """
    try:
        return [_entry(stored) for stored in json.loads(text)]
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{LEADERBOARD_FOLDER}/{LEADERBOARD_FILE} of the run can't be read: {error}",
            hint="materialize tuned_model again",
        ) from error


def _entry(stored: Mapping[str, Any]) -> LeaderboardEntry:
    known = {field.name: field.type for field in fields(LeaderboardEntry)}
    values: dict[str, Any] = {
        name: str(value) if known[name] is str else _number(value)
        for name, value in stored.items()
        if name in known
    }
    return LeaderboardEntry(**values)


def _number(value: Any) -> float:
    return math.nan if value is None else float(np.asarray(value, dtype=float))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _measured(
    name: str, family: str, score: float, seconds: float, model: TabularModel, features: pd.DataFrame
) -> LeaderboardEntry:
    speed = measure_speed(model.predict_features, features)
    return LeaderboardEntry(
        name=name,
        family=family,
        score=score,
        fit_seconds=round(seconds, 3),
        single_row_milliseconds=round(speed.single_row_milliseconds, 3),
        batch_rows_per_second=round(speed.batch_rows_per_second, 1),
        size_bytes=artifact_bytes(model),
    )
