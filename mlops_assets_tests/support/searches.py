"""A small search and its interruption, for the tests of searches."""

from collections.abc import Callable
from typing import Any

from mlops_assets.ml.search.search import SearchResult, SearchSettings
from mlops_assets.ml.search.trials import TrialSummary

SEARCH = SearchSettings(families=("xgboost", "linear"), metric="rmse", trials=8)


def proposals(result: SearchResult) -> list[tuple[str, dict[str, Any], float, str]]:
    """Family, parameters, score and state of each trial."""
    return [(trial.family, trial.params, trial.score, trial.state) for trial in result.trials]


class KilledError(Exception):
    """Stands in for a killed process."""


def kill_after(trials: int) -> Callable[[TrialSummary], None]:
    """A callback that interrupts a search after a number of trials."""
    seen: list[TrialSummary] = []

    def on_trial(trial: TrialSummary) -> None:
        seen.append(trial)
        if len(seen) == trials:
            raise KilledError

    return on_trial
