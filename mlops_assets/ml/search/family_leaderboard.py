"""The leaderboard of a search: what each family came to, what it costs to fit, to ask and to keep."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.features.preprocessing import transform
from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.ensemble import ENSEMBLE, Member
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.baselines import LINEAR_BASELINE
from mlops_assets.ml.search.winner import SearchResult

_ASKED = 9
_BATCH = 5_000


@dataclass(frozen=True)
class LeaderboardRow:
    """One model of a search.

    Attributes
    ----------
    name
        The family, `ensemble`, or `linear baseline`, a linear model with default parameters.
    score
        The deciding metric, the mean over the folds; None where it was not cross-validated.
    fit_seconds
        Of fitting it on all rows that train; preprocessing, which all share, is left out.
    single_row_milliseconds
        The median of predicting one row from its features, preprocessing included.
    size_bytes
        Of the artifact.
    """

    name: str
    family: str
    score: float | None
    fit_seconds: float
    single_row_milliseconds: float
    batch_rows_per_second: float
    size_bytes: int


def build_leaderboard(
    model: TabularModel,
    result: SearchResult,
    features: pd.DataFrame,
    target: NDArray,
    settings: Settings,
    *,
    fit_seconds: float,
) -> list[LeaderboardRow]:
    """Each family's best, the ensemble where there is one, and the linear baseline.

    Parameters
    ----------
    model
        The winner, fitted on `features` and `target`, which took `fit_seconds`; its pipeline is the others'.
    """
    rows = []
    matrix = transform(model.pipeline, features)
    if len(result.members) > 1:
        rows.append(_measured(ENSEMBLE, ENSEMBLE, result.score, fit_seconds, model, features))
    contenders: list[tuple[str, Member, float | None]] = [
        (best.family, best, score) for best, score in result.bests
    ]
    defaults = FAMILIES["linear"].defaults()
    tried = next((each.score for each in result.trials if _is_baseline(each.family, each.params)), None)
    contenders.append((LINEAR_BASELINE, Member("linear", defaults, None, 1.0), tried))
    for name, contender, score in contenders:
        if name == model.spec.family:
            rows.append(_measured(name, name, score, fit_seconds, model, features))
            continue
        started = time.perf_counter()
        estimator = FAMILIES[contender.family].fit(
            matrix, target, contender.params, contender.rounds, settings
        )
        seconds = time.perf_counter() - started
        spec = replace(
            model.spec,
            family=contender.family,
            params=dict(contender.params),
            rounds=contender.rounds,
            members=(),
        )
        fitted = replace(model, spec=spec, estimator=estimator)
        rows.append(_measured(name, contender.family, score, seconds, fitted, features))
    return rows


def _is_baseline(family: str, params: dict[str, object]) -> bool:
    return family == "linear" and params == FAMILIES["linear"].defaults()


def _measured(
    name: str, family: str, score: float | None, seconds: float, model: TabularModel, features: pd.DataFrame
) -> LeaderboardRow:
    asked = features.iloc[:1]
    model.predict_features(asked)  # what is built when first asked is built once
    singles = [_seconds(model, asked) for _ in range(_ASKED)]
    batch = features.iloc[:_BATCH]
    with TemporaryDirectory() as scratch:
        save_model(model, Path(scratch) / "model")
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
    return LeaderboardRow(
        name=name,
        family=family,
        score=score,
        fit_seconds=round(seconds, 3),
        single_row_milliseconds=round(1000 * median(singles), 3),
        batch_rows_per_second=round(len(batch) / min(_seconds(model, batch) for _ in range(2)), 1),
        size_bytes=size,
    )


def _seconds(model: TabularModel, rows: pd.DataFrame) -> float:
    started = time.perf_counter()
    model.predict_features(rows)
    return time.perf_counter() - started
