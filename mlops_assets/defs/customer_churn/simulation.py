"""Simulation of a shop's customers and purchases, with known probabilities."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.defs.customer_churn.oracle import FADING, LEFT, STEADY, Process, days_of
from mlops_assets.errors import ProjectError

JOINING = 0.06
"""Customers who join in each later month, relative to those who join in the first."""
LATE = 0.01
SHIFT_MONTH, SHIFT_PRICE = 12, 1.3
"""2025-01; months are counted from 0."""
BEHAVIOUR_MONTH = 15
"""2025-04."""
PLANTED = ("broken", "late", "shift", "behaviour")
CUSTOMERS, DAYS, MARKS, LATE_ROWS, BROKEN_ROWS = range(5)
"""Streams of random numbers, one per purpose and month, so that a longer run repeats a shorter one."""


@dataclass(frozen=True)
class Simulation:
    """Customers and their purchases, before rows are broken.

    Attributes
    ----------
    regions
        Region of each customer, as an index.
    purchases
        One row per purchase, by day and customer: the columns of `oracle.evaluate`, and `month`, `cents`, the
        `second` of the day, and the hidden `state`.
    """

    process: Process
    months: int
    regions: NDArray
    purchases: pd.DataFrame


def simulate(*, months: int, customers: int, seed: int, without: Collection[str] = ()) -> Simulation:
    """Draw customers and their purchases; arguments as in `sample`."""
    _require_valid(months, customers, seed, without)
    process = Process(
        drift_day=np.inf if "behaviour" in without else days_of(BEHAVIOUR_MONTH).start,
        shift_days=range(0) if "shift" in without else days_of(SHIFT_MONTH),
        late=0.0 if "late" in without else LATE,
    )
    regions, kinds, joined = _draw_customers(process, months, customers, seed)
    buys, state = process.daily(kinds, regions), np.full(len(joined), STEADY)
    drawn = []
    for month in range(months):
        bought = _draw_purchases(process, month, joined, buys, state, seed)
        bought = _draw_marks(process, month, bought, seed)
        late = np.random.default_rng([seed, LATE_ROWS, month]).random(len(bought)) < process.late
        drawn.append(bought.assign(month=month, known=month + (late & ~bought["first"])))
    return Simulation(process, months, regions, pd.concat(drawn, ignore_index=True))


def _require_valid(months: int, customers: int, seed: int, without: Collection[str]) -> None:
    for name, value, least, most in (
        ("months", months, 7, 120),
        ("customers", customers, 50, 100_000),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not isinstance(value, int | np.integer) or not least <= value <= most:
            raise ProjectError(
                f"customer_churn: {name} of the sample is {value}",
                hint=f"choose an integer from {least} to {most}",
            )
    unknown = [without] if isinstance(without, str) else sorted({*without} - {*PLANTED})
    if unknown:
        raise ProjectError(
            f"customer_churn: `without` has unknown names: {', '.join(unknown)}",
            hint=f"pass a list of names from {', '.join(PLANTED)}",
        )


def _draw_customers(
    process: Process, months: int, customers: int, seed: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Region, kind and day of joining of each customer, ordered by month of joining."""
    drawn = []
    for month in range(months):
        size = customers if month == 0 else max(1, round(JOINING * customers))
        region, kind, day = np.random.default_rng([seed, CUSTOMERS, month]).random((3, size))
        days = days_of(month)
        drawn.append(
            [
                (region * len(process.regions)).astype(int),
                (kind * len(process.rates)).astype(int),
                days.start + (day * len(days)).astype(int),
            ]
        )
    regions, kinds, joined = np.concatenate(drawn, axis=1)
    return regions, kinds, joined


def _draw_purchases(
    process: Process, month: int, joined: NDArray, buys: NDArray, state: NDArray, seed: int
) -> pd.DataFrame:
    """Purchases of a month by day and customer; advances the hidden `state` to the end of the month."""
    days = days_of(month)
    count = int((joined < days.stop).sum())
    joined, buys, state = joined[:count], buys[:count], state[:count]
    draws = np.random.default_rng([seed, DAYS, month]).random((len(days), 2, count))
    bought = []
    for day, (move, chance) in zip(days, draws, strict=True):
        fade, recover, fading_leaves, steady_leaves = process.moves_on(day)
        fading = state == FADING
        leaves = np.where(fading, fading_leaves, steady_leaves)
        turns = leaves + np.where(fading, recover, fade)
        moves = (joined < day) & (state != LEFT) & (move < turns)
        state[moves] = np.where(move < leaves, LEFT, np.where(fading, STEADY, FADING))[moves]
        rate = np.choose(state, [1.0, process.fading, 0.0]) * buys
        customers = np.flatnonzero((joined == day) | ((joined < day) & (chance < rate)))
        bought.append(
            pd.DataFrame(
                {
                    "day": day,
                    "customer": customers,
                    "first": joined[customers] == day,
                    "state": state[customers],
                }
            )
        )
    return pd.concat(bought, ignore_index=True)


def _draw_marks(process: Process, month: int, bought: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Channel, quantity, price and time of day of the purchases of a month."""
    state = bought["state"].to_numpy()
    rng = np.random.default_rng([seed, MARKS, month])
    channel, quantity, price, more, second = rng.random((5, len(bought)))
    shifted = days_of(month).start in process.shift_days
    quantities = 1 + _choose(np.array(process.quantities)[state], quantity)
    cents = np.rint((600 + 900 * (price + more)) * (SHIFT_PRICE if shifted else 1.0)).astype(int)
    return bought.assign(
        channel=_choose(process.channels_on(days_of(month).start)[state], channel),
        quantity=quantities,
        cents=quantities * cents,
        second=(8 * 3600 + second * 14 * 3600).astype(int),
    )


def _choose(probabilities: NDArray, draws: NDArray) -> NDArray:
    """Outcome of each draw in [0, 1), given the probabilities of the outcomes, one row per draw."""
    return (draws[:, None] >= probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
