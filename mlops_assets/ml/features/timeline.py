"""Time in an event project: what is known when, what has a label when, and what trains or judges a model.

With a horizon of three months:

    features of 2024-12        from what had arrived by the end of 2024-12
    target of 2024-12          from what arrived in 2025-01, 2025-02 and 2025-03
    the model of cut-off 2025-03 is judged by 2024-12, whose target was complete then, and trained on 2024-09
    and before: the targets of 2024-10 and 2024-11 were made of months that the judging target is made of,
    too.
"""

from dataclasses import dataclass

from mlops_assets.core.periods import Periods


@dataclass(frozen=True)
class Timeline:
    """Which periods a feature, a target and a model may see.

    Attributes
    ----------
    horizon
        How many periods after its own a target looks at.
    lookback
        How many periods of arrivals features look at, their own included; None for all.
    window
        How many labelled periods train a model, the newest ones; None for all.
    """

    periods: Periods
    horizon: int
    lookback: int | None = None
    window: int | None = None

    def seen_by(self, period: str) -> list[str]:
        """The periods whose arrivals the features of a period are made of."""
        return self._trailing(period, self.lookback)

    def horizon_of(self, period: str) -> list[str]:
        """The periods whose arrivals the target of a period is made of."""
        return self.periods.between(self._shift(period, 1), self._shift(period, self.horizon))

    @property
    def first_cutoff(self) -> str:
        """The first cut-off that can be searched for: one period judges, and of those that train at least one
        can be predicted from one that was labelled by then."""
        return self._shift(self.periods.first, 3 * self.horizon)

    def judged_by(self, cutoff: str) -> str:
        """The period whose rows judge the model of a cut-off: the newest with a complete target."""
        return self._shift(cutoff, -self.horizon)

    def trained_on(self, cutoff: str) -> list[str]:
        """The periods that train it: their targets had been complete when the judging features were made."""
        return self._trailing(self._shift(cutoff, -2 * self.horizon), self.window)

    def embargoed(self, cutoff: str) -> list[str]:
        """The periods between: their targets overlap the one that judges."""
        first, last = self._shift(cutoff, -2 * self.horizon + 1), self._shift(cutoff, -self.horizon - 1)
        return self.periods.between(first, last)

    def labelled_by(self, cutoff: str) -> list[str]:
        """The periods with a complete target at a cut-off: what the model that serves is fitted on."""
        return self._trailing(self.judged_by(cutoff), self.window)

    def cutoffs(self, labelled: set[str]) -> list[str]:
        """The cut-offs whose judging period is labelled, in order.

        Parameters
        ----------
        labelled
            The periods that have a target.
        """
        found = sorted(self._shift(period, self.horizon) for period in labelled)
        return [cutoff for cutoff in found if cutoff >= self.first_cutoff]

    def told(self, cutoff: str) -> str:
        """What trains and what judges the model of a cut-off, in words."""
        train, gap = self.trained_on(cutoff), self.horizon - 1
        noun = {"daily": "day", "weekly": "week", "monthly": "month"}[self.periods.cadence]
        kept_out = f", {gap} {noun}{'s' * (gap != 1)} between kept out" if gap else ""
        return f"judged by {self.judged_by(cutoff)}, trained on {train[0]} to {train[-1]}{kept_out}"

    def _shift(self, period: str, by: int) -> str:
        return self.periods.shift(period, by)

    def _trailing(self, last: str, count: int | None) -> list[str]:
        """So many periods up to the last one, none before the first of all."""
        first = self.periods.first if count is None else self._shift(last, 1 - count)
        return self.periods.between(max(first, self.periods.first), last)
