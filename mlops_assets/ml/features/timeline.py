"""Time in an event project: the periods of features, targets, training, embargo and holdout.

With a horizon of three months:

    features of 2024-12   computed from arrivals up to the end of 2024-12
    target of 2024-12     computed from arrivals in 2025-01, 2025-02 and 2025-03

The model of cut-off 2025-03 has the holdout 2024-12, the newest period with a complete target, and is trained
on 2024-09 and earlier. The embargo is 2024-10 and 2024-11: their targets share months with the target of the
holdout.
"""

from dataclasses import dataclass

from mlops_assets.core.periods import Periods

_NOUNS = {"daily": "day", "weekdays": "working day", "weekly": "week", "monthly": "month"}


@dataclass(frozen=True)
class Timeline:
    """The periods that features, targets and models are computed from.

    Attributes
    ----------
    horizon
        Number of periods after its own that a target is computed from.
    lookback
        Number of periods of arrivals that features are computed from, their own included; None for all.
    window
        Number of labelled periods that a model is trained on, the newest ones; None for all.
    """

    periods: Periods
    horizon: int
    lookback: int | None = None
    window: int | None = None

    def feature_periods(self, period: str) -> list[str]:
        """The periods of arrivals that the features of a period are computed from."""
        return self._trailing(period, self.lookback)

    def target_periods(self, period: str) -> list[str]:
        """The periods of arrivals that the target of a period is computed from."""
        return self.periods.between(self._shift(period, 1), self._shift(period, self.horizon))

    @property
    def first_cutoff(self) -> str:
        """The first cut-off with a holdout and two training periods that are a horizon apart.

        Cross-validation predicts the later one from the earlier one.
        """
        return self._shift(self.periods.first, 3 * self.horizon)

    def holdout_period(self, cutoff: str) -> str:
        """The holdout period of a cut-off: the newest period with a complete target."""
        return self._shift(cutoff, -self.horizon)

    def training_periods(self, cutoff: str) -> list[str]:
        """The training periods of a cut-off: their targets were complete at the end of the holdout period."""
        return self._trailing(self._shift(cutoff, -2 * self.horizon), self.window)

    def embargo_periods(self, cutoff: str) -> list[str]:
        """The periods between training and holdout: their targets overlap the target of the holdout."""
        first, last = self._shift(cutoff, -2 * self.horizon + 1), self._shift(cutoff, -self.horizon - 1)
        return self.periods.between(first, last)

    def labelled_periods(self, cutoff: str) -> list[str]:
        """The periods with a complete target at a cut-off; the registered model is fitted on them."""
        return self._trailing(self.holdout_period(cutoff), self.window)

    def cutoffs(self, labelled: set[str]) -> list[str]:
        """The cut-offs whose holdout period is labelled, in order.

        Parameters
        ----------
        labelled
            Periods with a target.
        """
        found = sorted(self._shift(period, self.horizon) for period in labelled)
        return [cutoff for cutoff in found if cutoff >= self.first_cutoff]

    def describe_split(self, cutoff: str) -> str:
        """The holdout, the training periods and the embargo of a cut-off as a clause for messages."""
        train, gap = self.training_periods(cutoff), self.horizon - 1
        noun = _NOUNS[self.periods.cadence]
        embargo = f", embargo of {gap} {noun}{'s' * (gap != 1)}" if gap else ""
        return f"tested on {self.holdout_period(cutoff)}, trained on {train[0]} to {train[-1]}{embargo}"

    def _shift(self, period: str, by: int) -> str:
        return self.periods.shift(period, by)

    def _trailing(self, last: str, count: int | None) -> list[str]:
        """The last `count` periods up to `last`, none before the start of the project."""
        first = self.periods.first if count is None else self._shift(last, 1 - count)
        return self.periods.between(max(first, self.periods.first), last)
