"""A shop's sales log with known truth: the sample data of `customer_churn`."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from mlops_assets.defs.customer_churn.oracle import (
    CALENDAR,
    FADING,
    LEFT,
    STEADY,
    Process,
    days_of,
    judge,
)
from mlops_assets.errors import DataError, ProjectError

DEFAULT_MONTHS, DEFAULT_CUSTOMERS, DEFAULT_SEED = 18, 1600, 7
COLUMNS = ["transaction_id", "customer_id", "occurred_at", "quantity", "amount", "channel", "region"]
TIME = "%Y-%m-%d %H:%M:%S"
CHANNELS = np.array(["web", "app", "store"])
REGIONS = np.array(["north", "east", "south", "west"])
JOINING = 0.06
"""Customers who join in each month after the first, for one who joins in the first."""
LATE, BROKEN = 0.01, 0.005
SHIFT_MONTH, SHIFT_PRICE = 12, 1.3
"""2025-01; months are counted from 0."""
BEHAVIOUR_MONTH = 15
"""2025-04."""
PLANTED = ("broken", "late", "shift", "behaviour")
BREAKS = (
    "missing customer_id",
    "negative amount",
    "quantity 0",
    "unreadable timestamp",
    "unknown channel",
    "repeated transaction_id",
    "amount as text",
    "timestamp after the month",
)
_CUSTOMERS, _DAYS, _MARKS, _LATE, _BROKEN = range(5)
"""Streams of random numbers: one a purpose and month, so that a longer run repeats a shorter one."""


@dataclass(frozen=True)
class SampleReport:
    """What was written, and what the best possible prediction of it scores.

    Attributes
    ----------
    planted
        Rows of the files that bear each fault: every kind of broken row, `late`, `shift` (purchases of the
        shifted month) and `behaviour` (purchases since the change); only what is planted.
    roc_auc
        The oracle's by cut-off month; NaN where all customers share one fate.
    judged
        Customers by cut-off month.
    churned
        Share of them that churned, by cut-off month.
    """

    files: tuple[Path, ...]
    rows: int
    planted: Mapping[str, int]
    roc_auc: Mapping[str, float]
    judged: Mapping[str, int]
    churned: Mapping[str, float]

    @property
    def mean_roc_auc(self) -> float:
        """The oracle's, on average over the cut-offs."""
        return float(np.nanmean(list(self.roc_auc.values())))

    def __str__(self) -> str:
        """What `mlops sample` tells."""
        planted = ", ".join(f"{rows:,} {kind}" for kind, rows in self.planted.items()) or "nothing"
        lines = [
            f"{self.rows:,} rows in {len(self.files)} files: {self.files[0]} to {self.files[-1].name}",
            f"planted rows: {planted}",
            "",
            "cut-off  customers  churned  ROC AUC of the best possible prediction",
        ]
        for month, score in self.roc_auc.items():
            told = f"{self.judged[month]:9,}  {self.churned[month]:7.1%}"
            lines.append(f"{month}  {told}  {score:.4f}")
        return "\n".join([*lines, f"mean {self.mean_roc_auc:.4f}"])


@dataclass(frozen=True)
class Simulation:
    """Customers and their purchases, before anything is broken.

    Attributes
    ----------
    regions
        Region of each customer, as an index.
    purchases
        One row a purchase, by day and customer: what `judge` reads, and `month`, `cents`, the `second` of the
        day, and the hidden `state`.
    """

    process: Process
    months: int
    regions: NDArray
    purchases: pd.DataFrame


def sample(
    folder: Path,
    *,
    months: int = DEFAULT_MONTHS,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    without: Collection[str] = (),
) -> SampleReport:
    """Write the sales log, one file a month from 2024-01 on, and judge what can be known from it.

    The same arguments give the same bytes; with more months the earlier files stay as they are.

    Parameters
    ----------
    months
        From 7 to 120.
    customers
        Who join in the first month, from 50 on; in every later month 6 % of as many join.
    without
        What is not planted: some of `broken`, `late`, `shift`, `behaviour`.

    Raises
    ------
    ProjectError
        When an argument is not what it may be.
    DataError
        When the folder holds other months' files, which would not belong to this sample.
    """
    simulation = simulate(months=months, customers=customers, seed=seed, without=without)
    files = [folder / f"transactions_{key}.csv" for key in _keys(months)]
    strangers = sorted({*folder.glob("transactions_*")} - {*files})
    if strangers:
        raise DataError(
            f"{strangers[0]} is no part of a sample of {months} months from {CALENDAR.first} on",
            hint="delete it, ask for more months, or write into another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(simulation)
    planted = Counter(_planted(rows, months, without))
    total = 0
    for month, file in enumerate(files):
        written = rows[rows["known"] == month]
        if "broken" not in without:
            broken = _broken_rows(
                written,
                month,
                int((rows["month"] == month).sum()),
                sum(planted[kind] for kind in BREAKS),
                seed,
            )
            planted.update(broken["kind"])
            written = pd.concat([written, broken]).sort_index(kind="stable")
        written[COLUMNS].to_csv(file, index=False, lineterminator="\n")
        total += len(written)
    by_month = {str(key): frame for key, frame in _judged(simulation).groupby("month")}
    return SampleReport(
        files=tuple(files),
        rows=total,
        planted=dict(planted),
        roc_auc={key: _roc_auc(frame) for key, frame in by_month.items()},
        judged={key: len(frame) for key, frame in by_month.items()},
        churned={key: float(frame["churned"].mean()) for key, frame in by_month.items()},
    )


def oracle(
    *,
    months: int = DEFAULT_MONTHS,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    without: Collection[str] = (),
) -> pd.DataFrame:
    """The best possible prediction for the sample that `sample` writes with the same arguments.

    Returns
    -------
    One row for each customer and cut-off that the project judges, as `oracle.judge` says: `customer_id`,
    `month` (the cut-off, `2024-06`), `probability` of churn given what is known at the cut-off's end, and
    `churned`.
    """
    return _judged(simulate(months=months, customers=customers, seed=seed, without=without))


def simulate(*, months: int, customers: int, seed: int, without: Collection[str] = ()) -> Simulation:
    """Draw customers and their purchases; arguments as of `sample`."""
    _refuse(months, customers, seed, without)
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
        late = np.random.default_rng([seed, _LATE, month]).random(len(bought)) < process.late
        drawn.append(bought.assign(month=month, known=month + (late & ~bought["first"])))
    return Simulation(process, months, regions, pd.concat(drawn, ignore_index=True))


def _refuse(months: int, customers: int, seed: int, without: Collection[str]) -> None:
    for name, value, least, most in (
        ("months", months, 7, 120),
        ("customers", customers, 50, 100_000),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not isinstance(value, int | np.integer) or not least <= value <= most:
            raise ProjectError(
                f"customer_churn: a sample with {name} {value} can't be drawn",
                hint=f"{name} is a whole number from {least} to {most}",
            )
    unknown = [without] if isinstance(without, str) else sorted({*without} - {*PLANTED})
    if unknown:
        raise ProjectError(
            f"customer_churn: without {', '.join(unknown)} no sample can be drawn",
            hint=f"give a list of names out of {', '.join(PLANTED)}",
        )


def _draw_customers(
    process: Process, months: int, customers: int, seed: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Region, kind and day of joining of each customer, by the month of joining."""
    drawn = []
    for month in range(months):
        size = customers if month == 0 else max(1, round(JOINING * customers))
        region, kind, day = np.random.default_rng([seed, _CUSTOMERS, month]).random((3, size))
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
    """Who buys on which day of a month, with the hidden state; moves `state` on to the month's end."""
    days = days_of(month)
    here = int((joined < days.stop).sum())
    joined, buys, state = joined[:here], buys[:here], state[:here]
    draws = np.random.default_rng([seed, _DAYS, month]).random((len(days), 2, here))
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
    """Channel, quantity, amount and time of the day of a month's purchases."""
    state = bought["state"].to_numpy()
    rng = np.random.default_rng([seed, _MARKS, month])
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
    """The outcome of each draw in [0, 1), given the outcomes' probabilities, a row a draw."""
    return (draws[:, None] >= probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)


def _rows(simulation: Simulation) -> pd.DataFrame:
    """The purchases as they are written, by time; `known` is the month in whose file they stand."""
    bought = simulation.purchases.sort_values(["day", "second"], kind="stable", ignore_index=True)
    number = bought.groupby("month").cumcount() + 1
    time = CALENDAR.start_of(CALENDAR.first) + pd.to_timedelta(86_400 * bought["day"] + bought["second"], "s")
    return pd.DataFrame(
        {
            "transaction_id": list(map(_id, bought["month"], number)),
            "customer_id": [_customer_id(customer) for customer in bought["customer"]],
            "occurred_at": time.dt.strftime(TIME),
            "quantity": bought["quantity"],
            "amount": [f"{cents // 100}.{cents % 100:02}" for cents in bought["cents"]],
            "channel": CHANNELS[bought["channel"]],
            "region": REGIONS[simulation.regions[bought["customer"]]],
            "month": bought["month"],
            "known": bought["known"],
        }
    )


def _broken_rows(rows: pd.DataFrame, month: int, number: int, planted: int, seed: int) -> pd.DataFrame:
    """Rows that a month's file holds besides its own: copies of some of them, each broken in one way.

    Parameters
    ----------
    number
        The last number that a purchase of the month has.
    planted
        How many rows are broken in earlier months: the kinds take turns.

    Returns
    -------
    With the index of the copied row, and `kind`.
    """
    count = max(1, round(BROKEN * len(rows)))
    place, later = np.random.default_rng([seed, _BROKEN, month]).random((2, count))
    after = CALENDAR.end_of(_keys(month + 1)[-1]) + pd.to_timedelta((later * 60 * 86_400).astype(int), "s")
    copies = rows.iloc[(place * len(rows)).astype(int)]
    broken = []
    for turn, copy in enumerate(copies.to_dict("records")):
        kind = BREAKS[(planted + turn) % len(BREAKS)]
        if kind != "repeated transaction_id":
            copy["transaction_id"] = _id(month, number + 1 + turn)
        changes: dict[str, dict[str, object]] = {
            "missing customer_id": {"customer_id": None},
            "negative amount": {"amount": f"-{copy['amount']}"},
            "quantity 0": {"quantity": 0},
            "unreadable timestamp": {"occurred_at": "31st at noon"},
            "unknown channel": {"channel": "fax"},
            "amount as text": {"amount": "twelve"},
            "timestamp after the month": {"occurred_at": after[turn].strftime(TIME)},
        }
        broken.append({**copy, **changes.get(kind, {}), "kind": kind})
    return pd.DataFrame(broken, index=copies.index)


def _planted(rows: pd.DataFrame, months: int, without: Collection[str]) -> dict[str, int]:
    """Unbroken rows of the files that bear what is planted."""
    rows = rows[rows["known"] < months]
    counts = {
        "late": (rows["known"] > rows["month"]).sum(),
        "shift": (rows["month"] == SHIFT_MONTH).sum(),
        "behaviour": (rows["month"] >= BEHAVIOUR_MONTH).sum(),
    }
    return {kind: int(count) for kind, count in counts.items() if kind not in without}


def _judged(simulation: Simulation) -> pd.DataFrame:
    """What `judge` says, with the customers' names."""
    frame = judge(simulation.process, simulation.regions, simulation.purchases, simulation.months)
    frame.insert(0, "customer_id", [_customer_id(customer) for customer in frame.pop("customer")])
    return frame


def _roc_auc(frame: pd.DataFrame) -> float:
    if frame["churned"].nunique() < 2:
        return float("nan")
    return float(roc_auc_score(frame["churned"], frame["probability"]))


def _id(month: int, number: int) -> str:
    return f"T{CALENDAR.shift(CALENDAR.first, month)[2:].replace('-', '')}-{number:05}"


def _customer_id(customer: int) -> str:
    return f"C{customer + 1:05}"


def _keys(months: int) -> list[str]:
    return CALENDAR.between(CALENDAR.first, CALENDAR.shift(CALENDAR.first, months - 1))
