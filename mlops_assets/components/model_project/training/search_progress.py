"""Progress messages of a search: scores and the estimated time left."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from mlops_assets.ml.metrics.tasks import is_better
from mlops_assets.ml.number_format import compact, duration
from mlops_assets.ml.search.trials import SearchSettings, TrialSummary

FOLD_MESSAGE_SECONDS = 5.0
"""Minimum time between a message about a fold and the message before it."""


@dataclass
class SearchProgress:
    """Counts the trials of a search, from 1.

    Attributes
    ----------
    folds
        Number of folds of a trial.
    clock
        Returns seconds.
    """

    search: SearchSettings
    folds: int
    clock: Callable[[], float] = monotonic
    _best: float = math.nan
    _seconds: list[float] = field(default_factory=list)
    _last_message: float = -math.inf

    def after_trial(self, trial: TrialSummary) -> str:
        """Return the message of a finished trial: its score, the best score so far, and the time left."""
        self._seconds.append(trial.seconds)
        self._last_message = self.clock()
        pruned = trial.state == "pruned"
        first = math.isnan(self._best)
        if not pruned and (first or is_better(self.search.metric, trial.score, self._best)):
            self._best = trial.score
        result = "pruned" if pruned else f"{self.search.metric} {compact(trial.score)}"
        left = self._left(self.search.trials - len(self._seconds), 0.0)
        return (
            f"trial {trial.number} of {self.search.trials}: {trial.family} {result}{self._best_text()}{left}"
        )

    def after_fold(self, number: int, family: str, folds_done: int, seconds: float) -> str:
        """Return the message of a fold but the last; empty if there was another message just before.

        Parameters
        ----------
        number
            Number of the trial.
        folds_done, seconds
            Number of the trial's folds so far, and their seconds.
        """
        if min(self.clock() - self._last_message, seconds) < FOLD_MESSAGE_SECONDS:
            return ""
        self._last_message = self.clock()
        whole = seconds / folds_done * self.folds
        expected = sum([*self._seconds, whole]) / (len(self._seconds) + 1)
        left = self._left(self.search.trials - number, seconds, in_trial=whole - seconds, expected=expected)
        return (
            f"trial {number} of {self.search.trials}: {family}, fold {folds_done} of {self.folds}"
            f"{self._best_text()}{left}"
        )

    def _best_text(self) -> str:
        return "" if math.isnan(self._best) else f", best {compact(self._best)}"

    def _left(
        self, trials: int, spent: float, *, in_trial: float = 0.0, expected: float | None = None
    ) -> str:
        """Return the time left as text; `spent` seconds are of a trial that is not finished."""
        each = sum(self._seconds) / len(self._seconds) if expected is None else expected
        left = in_trial + trials * each
        if self.search.timeout_seconds is not None:  # it ends between trials
            left = min(left, max(self.search.timeout_seconds - sum(self._seconds) - spent, in_trial))
        return f", about {duration(left)} left" if left > 0 else ""
