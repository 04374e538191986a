"""How often the drift report alarms without a change, and how soon it finds one.

    python benchmarks/drift_detection.py alarms --rows 500 --reference 500 --repetitions 1000
    python benchmarks/drift_detection.py power --rows 2000 --reference 50000 --repetitions 400
    python benchmarks/drift_detection.py sample --seeds 21
    python benchmarks/drift_detection.py speed

`alarms` and `power` draw 20 columns: 15 numbers, among them skewed, heavy-tailed, discrete and mostly zero
ones, and 5 categories with up to 200 values. `power` shifts the first column by 0.1 standard deviations.
`sample` follows customer_churn with its planted change of prices and channels in 2025-01, in that month and
the next, and without any change, in all months; each month is compared with the training rows of a model that
was trained a month before, and with that month. A seed takes 15 seconds.
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the libraries; idle threads spin on a busy machine

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.periods import Periods
from mlops_assets.defs.customer_churn.sample import sample
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS, distinguish, usual_shift
from mlops_assets.ml.monitoring.drift.evaluation import (
    ColumnDrift,
    Reference,
    Thresholds,
    compare_columns,
    compare_rows,
    decide,
)
from mlops_assets.ml.monitoring.drift.histograms import Histograms, count
from mlops_assets.ml.monitoring.drift.reference import reference_histograms

CHURN = Path(__file__).parents[1] / "mlops_assets" / "defs" / "customer_churn"
CATEGORIES = (2, 4, 10, 40, 200)
NUMBERS: tuple[Callable[[np.random.Generator, int], NDArray], ...] = (
    lambda rng, rows: rng.normal(size=rows),
    lambda rng, rows: rng.lognormal(size=rows),
    lambda rng, rows: rng.standard_t(2, size=rows),
    lambda rng, rows: rng.poisson(2, size=rows).astype(float),
    lambda rng, rows: np.where(rng.random(rows) < 0.9, 0.0, rng.exponential(size=rows)),
)
SHIFT_MONTHS = ("2025-01", "2025-02")
"""The month of the planted change, and the next one."""


def draw(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Rows of 20 columns."""
    columns: dict[str, NDArray] = {
        f"number_{place}": NUMBERS[place % len(NUMBERS)](rng, rows) for place in range(15)
    }
    for place, values in enumerate(CATEGORIES):
        shares = 1 / np.arange(1, values + 1)
        labels = np.array([f"value {each}" for each in range(values)], dtype=object)
        columns[f"category_{place}"] = labels[rng.choice(values, rows, p=shares / shares.sum())]
    return pd.DataFrame(columns)


def compare(
    connection: duckdb.DuckDBPyConnection,
    reference: tuple[Histograms, pd.DataFrame],
    current: pd.DataFrame,
    *,
    importances: dict[str, float] | None = None,
    entity: tuple[str, ...] = (),
    name: Reference = "training",
    periods: Sequence[pd.DataFrame] = (),
) -> list[ColumnDrift]:
    """The comparisons of a partition with the training rows, or with the partition before."""
    histograms, sampled = reference
    counts = count(connection.from_df(current), histograms.bins.values())
    compared = compare_columns(name, "feature", histograms, counts, importances)
    rows = current.sample(min(SAMPLED_ROWS, len(current)), random_state=1)
    columns = list(histograms.bins)
    found = distinguish(sampled, rows, columns, entity=entity)
    if found is None:
        return decide(compared, Thresholds())
    alarms = found.auc >= Thresholds().auc
    usual = usual_shift(periods, columns, against=name, entity=entity) if alarms else 0.0
    return decide([*compared, compare_rows(name, found, usual)], Thresholds())


def simulate(rows: int, reference: int, repetitions: int, shift: float, seed: int) -> None:
    """Print the share of partitions with an alarm, and of those that find the shift of the first column."""
    rng, alarms, found, drifted = np.random.default_rng(seed), 0, 0, Counter[str]()
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        for _ in range(repetitions):
            before, after = draw(rng, reference), draw(rng, rows)
            after["number_0"] += shift
            columns = list(before.columns)
            histograms = reference_histograms(connection, connection.from_df(before), columns)
            compared = compare(connection, (histograms, before.head(SAMPLED_ROWS)), after)
            alarms += any(each.drifted for each in compared)
            found += compared[0].drifted
            drifted.update(each.column or "classifier" for each in compared if each.drifted)
    print(f"rows {rows:,}, reference {reference:,}, shift {shift:g}, repetitions {repetitions:,}")
    print(f"partitions with an alarm {alarms / repetitions:.2%}; shift found {found / repetitions:.1%}")
    print(dict(drifted))


def monthly_features(seed: int, without: tuple[str, ...], months: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of customer_churn with the month as `_period`, and whether customers churned."""
    periods = Periods("monthly", "2024-01")
    keys = periods.between("2024-01", periods.shift("2024-01", months - 1))
    features, labels = [], []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        sample(Path(folder), months=months, seed=seed, without={*without, "broken"})
        connection.execute(
            "create table arrived as select * exclude (filename), "
            "regexp_extract(filename, '(....-..).csv', 1) as arrived "
            f"from read_csv('{folder}/*.csv', filename = true)"
        )
        for month in keys:
            known = connection.sql(f"select * exclude (arrived) from arrived where arrived <= '{month}'")
            query = FeatureQuery(
                (CHURN / "features.sql").read_text("utf-8"),
                (),
                "customer_churn",
                key=("customer_id",),
                timestamps={"as_of": datetime.fromisoformat(periods.end_of(month).isoformat())},
            )
            recent = known.filter(f"occurred_at >= timestamp '{periods.end_of(month)}' - interval 12 month")
            features.append(query.run(connection, {"transactions": recent}).df().assign(_period=month))
            last = periods.shift(month, 3)
            buyers = connection.sql(
                f"select distinct customer_id from arrived where occurred_at >= '{periods.end_of(month)}' "
                f"and arrived <= '{last}'"
            ).df()["customer_id"]
            if last <= keys[-1]:
                churned = ~features[-1]["customer_id"].isin(buyers)
                labels.append(features[-1][["customer_id", "_period"]].assign(churned=churned))
    return pd.concat(features, ignore_index=True), pd.concat(labels, ignore_index=True)


def trained_importances(rows: pd.DataFrame, churned: NDArray, columns: list[str]) -> dict[str, float]:
    """Permutation importances of trees that were fitted on all months but the last, on the last one."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.inspection import permutation_importance

    numbers = rows[columns].apply(
        lambda column: column.astype("category").cat.codes if column.dtype == object else column
    )
    last = (rows["_period"] == rows["_period"].max()).to_numpy()
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
    model.fit(numbers[~last], churned[~last])
    held = numbers[last].head(1_500)
    found = permutation_importance(
        model, held, churned[last][: len(held)], scoring="neg_log_loss", n_repeats=2, random_state=0
    )
    return dict(zip(columns, map(float, found["importances_mean"]), strict=True))


def follow(
    seed: int, without: tuple[str, ...], only: Sequence[str] = ()
) -> Iterator[tuple[str, list[ColumnDrift], list[ColumnDrift]]]:
    """Each month, or some, and its comparisons with the training rows and with the month before."""
    features, labels = monthly_features(seed, without, months=18)
    columns = [name for name in features.columns if name not in ("customer_id", "_period")]
    time, months = Timeline(Periods("monthly", "2024-01"), 3, 12), sorted(set(features["_period"]))
    labelled = features.merge(labels, on=["customer_id", "_period"])
    with duckdb.connect(config={"threads": 1}) as connection:
        for month in only or months[months.index(time.first_cutoff) + 1 :]:
            cutoff = time.periods.shift(month, -1)
            trained = labelled[labelled["_period"].isin(time.labelled_periods(cutoff))]
            churned = trained["churned"].to_numpy(dtype=bool)
            importances = trained_importances(trained, churned, columns)
            current = features[features["_period"] == month]
            before = features[features["_period"] == cutoff]
            training = reference_histograms(
                connection, connection.from_df(trained), columns, entity=["customer_id"], period="_period"
            )
            counts = count(connection.from_df(before), training.bins.values())
            previous = Histograms(len(before), len(before), training.bins, counts, training.variation)
            sides: tuple[tuple[Reference, Histograms, pd.DataFrame], ...] = (
                ("training", training, trained),
                ("previous", previous, before),
            )
            periods = [
                rows.sample(min(SAMPLED_ROWS, len(rows)), random_state=0)
                for _, rows in trained.groupby("_period")
            ]
            found = [
                compare(
                    connection,
                    (histograms, rows.sample(min(SAMPLED_ROWS, len(rows)), random_state=0)),
                    current,
                    importances=importances,
                    entity=("customer_id",),
                    name=name,
                    periods=periods,
                )
                for name, histograms, rows in sides
            ]
            yield month, found[0], found[1]


def follow_samples(seeds: int, first: int) -> None:
    """Print the months with a drift of each seed, and the counts over all seeds so far."""
    found_at, alarms, months = Counter[str](), 0, 0
    for seed in range(first, first + seeds):
        planted = list(follow(seed, (), SHIFT_MONTHS))
        drifted = [month for month, *sides in planted if any(each.drifted for side in sides for each in side)]
        found_at[drifted[0] if drifted else "not found"] += 1
        unchanged = list(follow(seed, ("shift", "behaviour")))
        months += len(unchanged)
        alarms += sum(any(each.drifted for side in sides for each in side) for _, *sides in unchanged)
        for title, followed in (("planted", planted), ("unchanged", unchanged)):
            for month, training, previous in followed:
                print_drifts(f"seed {seed} {title} {month}", training, previous)
        print(f"planted change: {dict(found_at)}; unchanged: {alarms} of {months} months", flush=True)


def print_drifts(title: str, *sides: Sequence[ColumnDrift]) -> None:
    """Print the drifts of a month, if it has any."""
    drifts = [each for side in sides for each in side if each.drifted]
    shown = (
        f"{each.reference}: {each.column or 'classifier'} {each.weighted_effect or 0.0:.2f}"
        for each in drifts
    )
    if drifts:
        print(f"  {title}: {', '.join(shown)}")


def measure_speed(rows: int = 1_000_000) -> None:
    """Print CPU time and memory of one partition of a million rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("set memory_limit = '1GiB'")
        file = Path(folder) / "rows.parquet"
        rng = np.random.default_rng(1)
        writer = None
        for _ in range(10):  # in parts: the memory of the measurement is that of the report
            part = pa.Table.from_pandas(draw(rng, rows // 10))
            writer = writer or pq.ParquetWriter(file, part.schema)
            writer.write_table(part)
        assert writer is not None
        writer.close()
        source = connection.read_parquet(str(file))
        columns, started = source.columns, process_time()
        histograms = reference_histograms(connection, source, columns)
        made = process_time()
        counts = count(source, histograms.bins.values())
        connection.execute(f"create temp view _rows as from read_parquet('{file}')")
        sampled = connection.sql(
            f"from _rows using sample reservoir({SAMPLED_ROWS} rows) repeatable (1)"
        ).df()
        found = distinguish(sampled, sampled.sample(frac=1.0, random_state=1), columns)
        assert found is not None
        decide(
            [*compare_columns("training", "feature", histograms, counts), compare_rows("training", found)],
            Thresholds(),
        )
        print(f"reference {made - started:.2f} s of CPU, once for a model")
        print(f"partition of {rows:,} rows {process_time() - made:.2f} s of CPU")
        print(f"peak memory of the process {getrusage(RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["alarms", "power", "sample", "speed"])
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--reference", type=int, default=50_000)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    match given.what:
        case "sample":
            follow_samples(given.seeds, given.seed)
        case "speed":
            measure_speed()
        case _:
            shift = 0.1 if given.what == "power" else 0.0
            simulate(given.rows, given.reference, given.repetitions, shift, given.seed)


if __name__ == "__main__":
    main()
