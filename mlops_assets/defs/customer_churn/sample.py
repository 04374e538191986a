"""The sample data of `customer_churn`: a simulated sales log with known probabilities of churn."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from mlops_assets.defs.customer_churn.oracle import CALENDAR, evaluate
from mlops_assets.defs.customer_churn.simulation import (
    BEHAVIOUR_MONTH,
    BROKEN_ROWS,
    SHIFT_MONTH,
    Simulation,
    simulate,
)
from mlops_assets.errors import DataError

DEFAULT_MONTHS, DEFAULT_CUSTOMERS, DEFAULT_SEED = 18, 1600, 7
COLUMNS = ["transaction_id", "customer_id", "occurred_at", "quantity", "amount", "channel", "region"]
TIME = "%Y-%m-%d %H:%M:%S"
CHANNELS = np.array(["web", "app", "store"])
REGIONS = np.array(["north", "east", "south", "west"])
BROKEN = 0.005
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


@dataclass(frozen=True)
class SampleReport:
    """The written files, and the score of the best possible prediction.

    Attributes
    ----------
    planted
        Number of rows with each planted effect: every kind of broken row, `late`, `shift` (purchases of the
        shifted month) and `behaviour` (purchases since the change).
    roc_auc
        ROC AUC of the oracle by cut-off month; NaN if all customers have the same label.
    evaluated
        Number of customers by cut-off month.
    churned
        Share of these customers that churned, by cut-off month.
    """

    files: tuple[Path, ...]
    rows: int
    planted: Mapping[str, int]
    roc_auc: Mapping[str, float]
    evaluated: Mapping[str, int]
    churned: Mapping[str, float]

    @property
    def mean_roc_auc(self) -> float:
        """Mean ROC AUC of the oracle over the cut-offs."""
        return float(np.nanmean(list(self.roc_auc.values())))

    def __str__(self) -> str:
        """The summary that `mlops sample` prints."""
        planted = ", ".join(f"{rows:,} {kind}" for kind, rows in self.planted.items()) or "nothing"
        lines = [
            f"{self.rows:,} rows in {len(self.files)} files: {self.files[0]} to {self.files[-1].name}",
            f"planted rows: {planted}",
            "",
            "cut-off  customers  churned  ROC AUC of the best possible prediction",
        ]
        for month, score in self.roc_auc.items():
            counts = f"{self.evaluated[month]:9,}  {self.churned[month]:7.1%}"
            lines.append(f"{month}  {counts}  {score:.4f}")
        return "\n".join([*lines, f"mean {self.mean_roc_auc:.4f}"])


def sample(
    folder: Path,
    *,
    months: int = DEFAULT_MONTHS,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    without: Collection[str] = (),
) -> SampleReport:
    """Write the sales log, one file per month from 2024-01 on, and score the best possible prediction.

    The same arguments give the same bytes; more months do not change earlier files.

    Parameters
    ----------
    months
        Number of months, 7 to 120.
    customers
        Number of customers who join in the first month, at least 50; in every later month 6 % of them join.
    without
        Effects to leave out: some of `broken`, `late`, `shift`, `behaviour`.

    Raises
    ------
    ProjectError
        When an argument is invalid.
    DataError
        When the folder contains files of other months, which do not belong to this sample.
    """
    simulation = simulate(months=months, customers=customers, seed=seed, without=without)
    files = [folder / f"transactions_{key}.csv" for key in _keys(months)]
    strangers = sorted({*folder.glob("transactions_*")} - {*files})
    if strangers:
        raise DataError(
            f"{strangers[0]} does not belong to a sample of {months} months from {CALENDAR.first} on",
            hint="delete it, choose more months, or write to another folder",
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
    by_month = {str(key): frame for key, frame in _evaluated(simulation).groupby("month")}
    return SampleReport(
        files=tuple(files),
        rows=total,
        planted=dict(planted),
        roc_auc={key: _roc_auc(frame) for key, frame in by_month.items()},
        evaluated={key: len(frame) for key, frame in by_month.items()},
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
    One row for each customer and cut-off, as of `oracle.evaluate`: `customer_id`, `month` (the cut-off,
    `2024-06`), `probability` of churn given all data known at the end of the cut-off, and `churned`.
    """
    return _evaluated(simulate(months=months, customers=customers, seed=seed, without=without))


def _rows(simulation: Simulation) -> pd.DataFrame:
    """The purchases as written to files, by timestamp; `known` is the month of the file."""
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
    """Additional rows of a month's file: copies of some of its rows, each broken in one way.

    Parameters
    ----------
    number
        Highest number of a purchase of the month.
    planted
        Number of broken rows of earlier months: the kinds alternate.

    Returns
    -------
    The rows, with the index of the copied row and the column `kind`.
    """
    count = max(1, round(BROKEN * len(rows)))
    place, later = np.random.default_rng([seed, BROKEN_ROWS, month]).random((2, count))
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
    """Number of valid rows with each planted effect."""
    rows = rows[rows["known"] < months]
    counts = {
        "late": (rows["known"] > rows["month"]).sum(),
        "shift": (rows["month"] == SHIFT_MONTH).sum(),
        "behaviour": (rows["month"] >= BEHAVIOUR_MONTH).sum(),
    }
    return {kind: int(count) for kind, count in counts.items() if kind not in without}


def _evaluated(simulation: Simulation) -> pd.DataFrame:
    """The result of `oracle.evaluate`, with customer ids."""
    frame = evaluate(simulation.process, simulation.regions, simulation.purchases, simulation.months)
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
