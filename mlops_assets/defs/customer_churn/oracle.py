"""The process behind the sample of `customer_churn`, and the best possible prediction."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.periods import Periods

STEADY, FADING, LEFT = 0, 1, 2
CALENDAR = Periods("monthly", "2024-01")
HORIZON = 3
"""Months without a purchase that make a customer churned."""
RECENT = 180
"""Days before the end of a cut-off in which an evaluated customer has bought."""
RATES = (0.18, 0.39, 0.59, 0.79, 0.99, 1.22, 1.47, 1.76, 2.12, 2.58, 3.25, 4.66)
"""Purchases a month of a steady customer: middles of the twelfths of a gamma of shape 1.5 and mean 1.7."""


@dataclass(frozen=True)
class Process:
    """The daily process of a customer's purchases.

    On the day of joining, a customer is steady and buys. On every later day the state changes first, then the
    customer buys with the probability of the day, at most once.

    Attributes
    ----------
    rates
        Daily probability of buying of each kind of steady customer, in a region with factor 1; all kinds
        are equally frequent.
    regions
        Factor of the rate in each region.
    fading
        Factor of the rate while fading.
    moves
        Daily probabilities: steady to fading, fading to steady, fading to left, steady to left.
    drift
        Factor of the last two moves from `drift_day` on.
    channels, quantities
        Probabilities of a purchase's channel and quantity (from 1), of steady and of fading customers.
    shift_days
        Days on which `shift_share` of the purchases move to the channel `shift_channel`.
    late
        Probability that a purchase, other than the first, becomes known one month later.
    """

    rates: tuple[float, ...] = tuple(round(rate / 30.4, 5) for rate in RATES)
    regions: tuple[float, ...] = (1.25, 1.0, 0.85, 0.7)
    fading: float = 0.25
    moves: tuple[float, float, float, float] = (0.0035, 0.008, 0.007, 0.0004)
    drift: float = 4.0
    drift_day: float = float("inf")
    channels: tuple[tuple[float, ...], ...] = ((0.25, 0.60, 0.15), (0.50, 0.10, 0.40))
    quantities: tuple[tuple[float, ...], ...] = ((0.25, 0.30, 0.25, 0.20), (0.70, 0.20, 0.07, 0.03))
    shift_days: range = field(default=range(0))
    shift_share: float = 0.5
    shift_channel: int = 1
    late: float = 0.0

    def moves_on(self, day: int) -> tuple[float, float, float, float]:
        """The transition probabilities `moves` of a day."""
        fade, recover, fading_leaves, steady_leaves = self.moves
        factor = self.drift if day >= self.drift_day else 1.0
        return fade, recover, factor * fading_leaves, factor * steady_leaves

    def channels_on(self, day: int) -> NDArray:
        """Probabilities of the channels on a day: a row for steady and a row for fading customers."""
        usual = np.array(self.channels)
        if day not in self.shift_days:
            return usual
        return (1 - self.shift_share) * usual + self.shift_share * np.eye(usual.shape[1])[self.shift_channel]

    def daily(self, kinds: NDArray, regions: NDArray) -> NDArray:
        """Daily probability of buying, while steady, of customers of these kinds in these regions."""
        return np.array(self.rates)[kinds] * np.array(self.regions)[regions]


class Belief:
    """Belief of an observer who knows the process about the kind and state of each customer.

    The forward algorithm: `steady` and `fading`, shape `(kinds, customers)`, and `left`, shape
    `(customers,)`, are the joint probability of the hidden value and of all observations, up to a factor for
    each customer; all zero before the first purchase.

    Parameters
    ----------
    regions
        Region of each customer, as an index.
    """

    def __init__(self, process: Process, regions: NDArray) -> None:
        self.process, self.regions = process, regions
        kinds = np.arange(len(process.rates))[:, None]
        self.buys = process.daily(kinds, regions[None, :])
        self.steady, self.fading = np.zeros_like(self.buys), np.zeros_like(self.buys)
        self.left = np.zeros(len(regions))

    def copy(self) -> "Belief":
        twin = Belief(self.process, self.regions)
        twin.steady, twin.fading, twin.left = self.steady.copy(), self.fading.copy(), self.left.copy()
        return twin

    def step(
        self,
        day: int,
        customers: NDArray,
        channels: NDArray,
        quantities: NDArray,
        first: NDArray,
        *,
        seen: float = 1.0,
    ) -> None:
        """Update the belief by a day on which exactly these purchases were observed.

        Parameters
        ----------
        customers, channels, quantities, first
            One value per purchase: index of the customer, index of the channel, quantity, and whether the
            customer joins with it.
        seen
            Probability that a purchase of this day is known to the observer.
        """
        self._move(day)
        again, new = customers[~first], customers[first]
        channel, quantity = channels[~first], quantities[~first] - 1
        marks = self.process.channels_on(day)[:, channel] * np.array(self.process.quantities)[:, quantity]
        bought = (
            self.steady[:, again] * self.buys[:, again] * marks[STEADY],
            self.fading[:, again] * self.buys[:, again] * marks[FADING] * self.process.fading,
        )
        self.steady *= 1 - seen * self.buys
        self.fading *= 1 - seen * self.process.fading * self.buys
        total = bought[0].sum(axis=0) + bought[1].sum(axis=0)
        self.steady[:, again], self.fading[:, again] = bought[0] / total, bought[1] / total
        self.left[again] = 0.0
        self.steady[:, new] = 1 / len(self.process.rates)

    def silence(self, days: Iterable[int], seen: NDArray) -> NDArray:
        """Each customer's probability of no observed purchase on the days to come; NaN before the first one.

        Parameters
        ----------
        seen
            Shape `(days,)`: probability that a purchase of that day will be known.
        """
        kinds = np.arange(len(self.process.rates))[:, None]
        buys = self.process.daily(kinds, np.arange(len(self.process.regions))[None, :])
        steady, fading = np.ones_like(buys), np.ones_like(buys)  # from the horizon's end backwards
        for day, known in zip(reversed(list(days)), seen[::-1], strict=True):
            fade, recover, fading_leaves, steady_leaves = self.process.moves_on(day)
            steady, fading = (1 - known * buys) * steady, (1 - known * self.process.fading * buys) * fading
            steady, fading = (
                (1 - fade - steady_leaves) * steady + fade * fading + steady_leaves,
                recover * steady + (1 - recover - fading_leaves) * fading + fading_leaves,
            )
        silent = (self.steady * steady[:, self.regions] + self.fading * fading[:, self.regions]).sum(axis=0)
        total = self.steady.sum(axis=0) + self.fading.sum(axis=0) + self.left
        with np.errstate(invalid="ignore"):
            return (silent + self.left) / total

    def _move(self, day: int) -> None:
        fade, recover, fading_leaves, steady_leaves = self.process.moves_on(day)
        self.left += steady_leaves * self.steady.sum(axis=0) + fading_leaves * self.fading.sum(axis=0)
        faded = fade * self.steady
        self.steady *= 1 - fade - steady_leaves
        self.steady += recover * self.fading
        self.fading *= 1 - recover - fading_leaves
        self.fading += faded


def evaluate(process: Process, regions: NDArray, purchases: pd.DataFrame, months: int) -> pd.DataFrame:
    """The exact probability of churn, given all data known at the end of each cut-off month.

    Parameters
    ----------
    regions
        Region of each customer, as an index.
    purchases
        One row per purchase, sorted by `day`: `customer`, `channel`, `quantity`, `first`, and `known`, the
        index of the month of its file.
    months
        Number of simulated months; those with `HORIZON` months after them are evaluated.

    Returns
    -------
    One row for each customer with a known purchase in the last `RECENT` days, and cut-off: `customer` (its
    index), `month` (`2024-06`), `probability`, and `churned`, whether no purchase of the horizon is known at
    the horizon's end.
    """
    belief = Belief(process, regions)
    columns = {name: purchases[name].to_numpy() for name in purchases.columns}
    days, known = columns["day"], columns["known"]
    frames = []
    for month in range(months - HORIZON):
        view = belief.copy()
        seen = known <= month
        for day in days_of(month):
            today = slice(*np.searchsorted(days, [day, day + 1]))
            observed = [columns[name][today] for name in ("customer", "channel", "quantity", "first")]
            belief.step(day, *observed)
            if process.late:
                view.step(day, *(values[seen[today]] for values in observed), seen=1 - process.late)
        as_of = days_of(month).stop
        horizon = range(as_of, days_of(month + HORIZON).stop)
        arrives = np.where(np.array(horizon) < days_of(month + HORIZON).start, 1.0, 1 - process.late)
        probability = (view if process.late else belief).silence(horizon, arrives)
        customers = np.unique(columns["customer"][seen & (days >= as_of - RECENT) & (days < as_of)])
        active = columns["customer"][(known <= month + HORIZON) & (days >= as_of) & (days < horizon.stop)]
        frames.append(
            pd.DataFrame(
                {
                    "customer": customers,
                    "month": CALENDAR.shift(CALENDAR.first, month),
                    "probability": probability[customers],
                    "churned": ~np.isin(customers, active),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def days_of(month: int) -> range:
    """The days of a month; month and days are counted from 0 at the calendar's start."""
    start = CALENDAR.start_of(CALENDAR.first)
    key = CALENDAR.shift(CALENDAR.first, month)
    return range((CALENDAR.start_of(key) - start).days, (CALENDAR.end_of(key) - start).days)
