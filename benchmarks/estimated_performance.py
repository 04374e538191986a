"""How close estimates without labels come to the truth, and how soon a change of behaviour is found.

    python benchmarks/estimated_performance.py [--part classes|errors|churn] [--repetitions 300] [--seeds 20]

`classes` and `errors`: rows of a simulated process are predicted by boosted trees, and the metrics that are
estimated before the targets are known are compared with those of the drawn targets: without a change, and
after a covariate shift of 1.5 standard deviations. `classes` has two processes: in the second, the trees are
deeper, and have fewer rows to learn from and to be calibrated on. `churn`: the sample of customer_churn with
a model that is trained again each month, from the features and the target of the project's own SQL, and the
comparison with the figures at registration that `performance_report` makes. A repetition takes about half a
second, a seed 20 seconds.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from mlops_assets.defs.customer_churn import sample as churn
from mlops_assets.defs.customer_churn.oracle import CALENDAR, HORIZON
from mlops_assets.defs.customer_churn.simulation import BEHAVIOUR_MONTH, simulate
from mlops_assets.ml.evaluation.groups.column_groups import group_column
from mlops_assets.ml.metrics.metrics import compute_metrics
from mlops_assets.ml.metrics.tasks import Measure, Task
from mlops_assets.ml.monitoring.density_ratio import log_density_ratios
from mlops_assets.ml.monitoring.error_model import ErrorModel
from mlops_assets.ml.monitoring.estimate import Estimate, estimate_classes
from mlops_assets.ml.monitoring.label_calibration import LabelCalibration
from mlops_assets.ml.monitoring.performance import (
    MEAN_ERROR,
    ScoredRows,
    compare_with_registration,
    measure_performance,
)
from mlops_assets.ml.monitoring.slice_groups import group_alike

TRAINED, LABELLED, CURRENT = 16_000, 4_000, 2_000
SHIFTS = (0.0, 1.5)
TREES = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "n_jobs": 1}
OVERFITTED = {"n_estimators": 150, "max_depth": 5, "learning_rate": 0.1, "n_jobs": 1}
OVERFITTED_TRAINED, OVERFITTED_LABELLED = 6_000, 2_000
MARGINS = {"roc_auc": 0.02, MEAN_ERROR: 0.03}
"""That of the project's gate, and the default."""
FIRST_CUTOFF = 3 * HORIZON


@dataclass(frozen=True)
class Rows:
    """Rows of the simulated process."""

    features: pd.DataFrame
    target: NDArray


def draw(random: np.random.Generator, rows: int, shift: float, task: Task) -> Rows:
    """Rows whose first feature is shifted; the relation of features and target stays."""
    values = random.normal(size=(rows, 6))
    values[:, 0] += shift
    level = 1.2 * values[:, 0] + 0.9 * np.sin(1.5 * values[:, 1]) + 0.5 * values[:, 2] * values[:, 3]
    if task == "binary":
        target = (random.random(rows) < expit(level - 1.2)).astype(int)
    else:  # errors grow with the first feature
        target = level + random.standard_t(6, rows) * np.exp(0.4 * values[:, 0])
    return Rows(pd.DataFrame(values, columns=list("abcdef")), target)


def draw_other(random: np.random.Generator, rows: int, shift: float, _: Task) -> Rows:
    """Rows of another process, with thresholds and interactions of the shifted feature."""
    values = random.normal(size=(rows, 10))
    values[:, 0] += shift
    level = values[:, 0] + 0.8 * (values[:, 1] > 0) * values[:, 2] + 0.6 * np.abs(values[:, 3])
    level = level + 0.5 * values[:, 0] * values[:, 4]
    target = (random.random(rows) < expit(level - 2.0)).astype(int)
    return Rows(pd.DataFrame(values, columns=list("abcdefghij")), target)


def estimated(
    seed: int, task: Task, *, overfitted: bool = False
) -> Iterator[tuple[float, str, Estimate, float]]:
    """Shift, metric, estimate and truth."""
    random, drawn = np.random.default_rng(seed), draw_other if overfitted else draw
    sizes = (OVERFITTED_TRAINED, OVERFITTED_LABELLED) if overfitted else (TRAINED, LABELLED)
    train, labelled = (drawn(random, rows, 0.0, task) for rows in sizes)
    measure = Measure(task, "roc_auc" if task == "binary" else "rmse")
    trees = (XGBClassifier if task == "binary" else XGBRegressor)(**(OVERFITTED if overfitted else TREES))
    model = trees.fit(train.features, train.target)
    for shift in SHIFTS:
        rows = drawn(random, CURRENT, shift, task)
        if task == "binary":
            known, given = (model.predict_proba(each.features).astype(float) for each in (labelled, rows))
            _, now = log_density_ratios(labelled.features, rows.features, seed=seed)
            calibration = LabelCalibration.fit(labelled.target, known)
            predictions = given[:, 1]
            found = estimate_classes(measure, ["roc_auc"], predictions, calibration, shifts=now, seed=seed)
        else:
            known, predictions = (model.predict(each.features).astype(float) for each in (labelled, rows))
            current = (predictions, rows.features)
            errors = ErrorModel.fit(labelled.target, known, labelled.features, current, seed=seed)
            found = errors.estimate(measure, ["rmse", "mae", "r2"], predictions, seed=seed)
        truth = compute_metrics(measure, rows.target, predictions)
        for metric, estimate in found.items():
            yield shift, metric, estimate, truth[metric]


def report_estimates(task: Task, seeds: range, *, overfitted: bool = False) -> None:
    """Error and coverage of the estimates."""
    found = [each for seed in seeds for each in estimated(seed, task, overfitted=overfitted)]
    print("| shift, sd | metric | truth | mean absolute error | bias | deviation of the truth | coverage |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for shift in SHIFTS:
        for metric in dict.fromkeys(name for _, name, _, _ in found):
            own = [(estimate, truth) for at, name, estimate, truth in found if (at, name) == (shift, metric)]
            errors = np.array([estimate.value - truth for estimate, truth in own])
            covered = mean(estimate.low <= truth <= estimate.high for estimate, truth in own)
            truths = np.array([truth for _, truth in own])
            error = f"{np.abs(errors).mean():.4f} | {errors.mean():+.4f}"
            of_truth = f"{truths.mean():.3f} | {error} | {truths.std():.4f}"
            print(f"| {shift} | {metric} | {of_truth} | {covered:.1%} |", flush=True)


def churn_rows(seed: int, months: int, without: tuple[str, ...]) -> pd.DataFrame:
    """Features and target of each month by the project's SQL, as known at its end."""
    folder = Path(churn.__file__).parent
    sql = (folder / "features.sql").read_text("utf-8")
    simulation = simulate(months=months, customers=churn.DEFAULT_CUSTOMERS, seed=seed, without=without)
    bought = simulation.purchases
    seconds = pd.to_timedelta(86_400 * bought["day"] + bought["second"], "s")
    rows = pd.DataFrame(
        {
            "customer_id": bought["customer"],
            "occurred_at": CALENDAR.start_of(CALENDAR.first) + seconds,
            "quantity": bought["quantity"],
            "amount": bought["cents"] / 100,
            "channel": churn.CHANNELS[bought["channel"]],
            "region": churn.REGIONS[simulation.regions[bought["customer"]]],
            "month": bought["month"],
            "known": bought["known"],
        }
    )
    frames = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for month in range(months):
            end = CALENDAR.end_of(CALENDAR.shift(CALENDAR.first, month))
            known = rows["known"].between(month - 11, month) & (rows["month"] <= month)
            connection.register("transactions", rows[known])
            frame = connection.execute(sql.replace("$as_of", f"timestamp '{end}'")).df()
            later = rows["month"].between(month + 1, month + HORIZON) & rows["known"].le(month + HORIZON)
            quiet = ~frame["customer_id"].isin(rows.loc[later, "customer_id"])
            frames.append(frame.assign(churned=quiet.astype(int), at=month))
    return pd.concat(frames, ignore_index=True)


def holds_by_month(seed: int, months: int, without: tuple[str, ...]) -> dict[int, bool]:
    """Whether the performance of each labelled month holds, of the version that was trained before it."""
    frame = churn_rows(seed, months, without)
    at, truth = frame["at"].to_numpy(), frame["churned"].to_numpy()
    texts = ["region", "favourite_channel", "last_channel"]
    matrix = pd.get_dummies(frame.drop(columns=["customer_id", "churned", "at"]), columns=texts, dtype=float)
    matrix, measure = matrix.fillna(0.0), Measure("binary", "roc_auc")
    columns = ("region", "last_channel", "tenure_days", "orders")

    def predict(until: int, rows: NDArray) -> NDArray:
        model: Pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=300))
        fitted = model.fit(matrix[at <= until], truth[at <= until])
        return np.asarray(fitted.predict_proba(matrix[rows])[:, 1])

    found = {}
    for month in range(FIRST_CUTOFF, months - HORIZON):
        then, now = at == month - HORIZON, at == month
        grouped = {name: group_column(frame[name][then], name=name) for name in columns}
        alike = [group_alike(frame[name][then], grouped[name], frame[name][now]) for name in columns]
        holdout = ScoredRows(truth[then], predict(month - 2 * HORIZON, then), slices=list(grouped.values()))
        scored = ScoredRows(truth[now], predict(month - HORIZON, now), slices=alike)
        registered = {each.place: each for each in measure_performance(measure, holdout, metrics=["roc_auc"])}
        figures = measure_performance(measure, scored, metrics=["roc_auc"])
        compared = compare_with_registration(figures, registered, MARGINS)
        found[month] = all(each.holds is not False for each in compared)
    return found


def report_churn(seeds: int) -> None:
    """Alarms by month with the change of behaviour, and without."""
    every: dict[str, Any] = {
        "18 months, sample": ([churn.DEFAULT_SEED], churn.DEFAULT_MONTHS, ()),
        "with the change": (range(101, 101 + seeds), 20, ()),
        "without it": (range(201, 201 + seeds), 30, ("behaviour",)),
    }
    for title, (chosen, months, without) in every.items():
        runs = [holds_by_month(seed, months, without) for seed in chosen]
        alarms = {month: mean(not run[month] for run in runs) for month in runs[0]}
        shown = ", ".join(
            f"{CALENDAR.shift(CALENDAR.first, month)} {share:.0%}" for month, share in alarms.items() if share
        )
        print(
            f"{title}: {len(runs)} seeds, {len(alarms)} months, alarms {mean(alarms.values()):.2%}: {shown}"
        )
        if not without:
            first = BEHAVIOUR_MONTH - 1  # its whole horizon lies after the change
            late = [run for run in runs if all(run[month] for month in (first, first + 1) if month in run)]
            print(f"  not found in the first month of the change or the next: {len(late)} of {len(runs)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=10_000, help="first seed of the repetitions")
    parser.add_argument("--part", choices=["classes", "errors", "churn"], default=None)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.repetitions)
    if arguments.part in (None, "classes"):
        report_estimates("binary", seeds)
        report_estimates("binary", seeds, overfitted=True)
    if arguments.part in (None, "errors"):
        report_estimates("regression", seeds)
    if arguments.part in (None, "churn"):
        report_churn(arguments.seeds)


if __name__ == "__main__":
    main()
