"""What retraining recovers after a change of behaviour: the sample of customer_churn, with its known truth.

    python benchmarks/retraining.py [--months 36] [--customers 6000] [--seeds 1] [--plot FILE]

From 2025-04 on, customers leave four times as often. The model of cut-off 2025-03, the last one before the
change, scores every later month; beside it runs a model that is trained again as `retrain: {when:
[performance, new_data], cooldown: 3, new_cutoffs: 6}` with `training.window: 12` decides: by the product's
comparison of measured performance with that at registration, by its rules, and by a gate of non-inferiority.
Features are the project's; the model has fixed hyperparameters. Labels arrive three months late, as in the
project.

The loss is measured against the oracle, which knows the process but not the hidden states: how much farther
from it the old model is than in the same shop without the change.
"""

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import duckdb
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from xgboost import XGBClassifier

from mlops_assets.defs.customer_churn.oracle import CALENDAR
from mlops_assets.defs.customer_churn.sample import oracle, sample
from mlops_assets.defs.customer_churn.simulation import BEHAVIOUR_MONTH
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.monitoring.performance import (
    MEAN_ERROR,
    ScoredRows,
    compare_with_registration,
    measure_performance,
)
from mlops_assets.ml.monitoring.retraining_rules import History, Report, Rules, decide
from mlops_assets.ml.transformers import TableEncoder

PROJECT = Path(__file__).parents[1] / "mlops_assets/defs/customer_churn"
HORIZON, LOOKBACK, WINDOW, LAST_MONTHS = 3, 12, 12, 12
FIRST = BEHAVIOUR_MONTH - 1
"""The cut-off before the change."""
RULES = Rules(when=["performance", "new_data"], cooldown=3, new_data=6)
MEASURE = Measure("binary", "roc_auc")
MARGINS = {"roc_auc": 0.02, MEAN_ERROR: 0.05}
"""As the project has them: `gates.champion_margin`, and the default of the mean error."""
TARGET, KEY = "churned", ["customer_id"]


@dataclass
class Shop:
    """The labelled features of each month, with the oracle's probability."""

    months: list[pd.DataFrame]

    def labelled(self, last: int) -> pd.DataFrame:
        """The newest `WINDOW` months up to one."""
        return pd.concat(self.months[max(0, last - WINDOW + 1) : last + 1])


@dataclass
class Version:
    """A model of a cut-off: as evaluated on the holdout, and refitted on all labelled months."""

    cutoff: int
    evaluated: Pipeline
    deployed: Pipeline
    registered: dict = field(default_factory=dict)

    @classmethod
    def train(cls, shop: Shop, cutoff: int) -> "Version":
        evaluated = fit(shop.labelled(cutoff - 2 * HORIZON))
        holdout = shop.months[cutoff - HORIZON]
        figures = measure_performance(MEASURE, scored(evaluated, holdout))
        return cls(
            cutoff, evaluated, fit(shop.labelled(cutoff - HORIZON)), {each.place: each for each in figures}
        )


def simulate(folder: Path, world: Mapping[str, int], *, without: Collection[str] = ()) -> Shop:
    """Write a sample, compute the project's features of each month, and join truth and oracle."""
    sample(folder, without=("broken", *without), **world)
    truth = oracle(without=("broken", *without), **world)
    query = (PROJECT / "features.sql").read_text("utf-8")
    connection, months = duckdb.connect(), []
    for month in range(world["months"] - HORIZON):
        keys = [
            CALENDAR.shift(CALENDAR.first, each) for each in range(max(0, month - LOOKBACK + 1), month + 1)
        ]
        files = [str(folder / f"transactions_{each}.csv") for each in keys]
        end = f"timestamp '{CALENDAR.end_of(keys[-1])}'"
        connection.execute(
            "create or replace temp table transactions as select * from "
            f"read_csv($files) where occurred_at < {end}",
            {"files": files},
        )
        features = connection.execute(query.replace("$as_of", end)).df()
        months.append(features.merge(truth[truth["month"] == keys[-1]], on=KEY, validate="one_to_one"))
    return Shop(months)


def inputs(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=[*KEY, "month", "probability", TARGET])


def fit(rows: pd.DataFrame) -> Pipeline:
    model = XGBClassifier(
        n_estimators=200, max_depth=4, learning_rate=0.05, subsample=0.8, n_jobs=1, random_state=0
    )
    return make_pipeline(TableEncoder(), model).fit(inputs(rows), rows[TARGET].astype(int))


def probability(model: Pipeline, rows: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(inputs(rows))[:, 1]


def scored(model: Pipeline, rows: pd.DataFrame) -> ScoredRows:
    return ScoredRows(rows[TARGET].astype(int).to_numpy(), probability(model, rows))


def key(month: int) -> str:
    return CALENDAR.shift(CALENDAR.first, month)


def retrain(shop: Shop, first: Version) -> tuple[dict[int, Version], list[str]]:
    """The version that scores each month when the rules decide, and what they decided."""
    champion, trained, version, log = first, first.cutoff, 1, []
    reports: list[Report] = []
    by_month = dict.fromkeys(range(first.cutoff - HORIZON + 1, first.cutoff + 1), (1, first))
    for month in range(first.cutoff + 1, len(shop.months)):
        by_month[month] = (version, champion)
        past = month - HORIZON
        number, model = by_month[past]
        compared = compare_with_registration(
            measure_performance(MEASURE, scored(model.deployed, shop.months[past])), model.registered, MARGINS
        )
        lost = [each.figure for each in compared if each.holds is False]
        figures = [{"name": each.metric, "value": round(each.value, 4)} for each in lost]
        reports.append(Report("measured", key(past), key(month), bool(lost), number, figures))
        found = decide(
            RULES,
            History(
                candidate=key(month),
                trained=key(trained),
                is_new=True,
                new_data=month - trained,
                gap=month - trained,
                champion=version,
                reports=reports,
            ),
        )
        log.append(f"{key(month)}: {found.name}: {found.reason}")
        if not found.train:
            continue
        trained, challenger = month, Version.train(shop, month)
        holdout = shop.months[past]
        better = roc_auc_score(holdout[TARGET].astype(int), probability(challenger.evaluated, holdout))
        before = roc_auc_score(holdout[TARGET].astype(int), probability(champion.evaluated, holdout))
        if better >= before - MARGINS["roc_auc"]:
            champion, version = challenger, version + 1
        else:
            log.append(f"{key(month)}: rejected: roc_auc {better:.4f} against {before:.4f}")
    return {month: model for month, (_, model) in by_month.items()}, log


def curve(shop: Shop, models: dict[int, Version]) -> pd.DataFrame:
    """ROC AUC and log loss of the oracle and of models by month."""
    rows = []
    for month, model in models.items():
        frame = shop.months[month]
        truth, predicted = frame[TARGET].astype(int), probability(model.deployed, frame)
        rows.append(
            {
                "month": month,
                "oracle": roc_auc_score(truth, frame["probability"]),
                "roc_auc": roc_auc_score(truth, predicted),
                "oracle_loss": log_loss(truth, frame["probability"]),
                "log_loss": log_loss(truth, predicted),
                "cutoff": key(model.cutoff),
            }
        )
    return pd.DataFrame(rows).set_index("month")


def compare(folder: Path, seed: int, months: int, customers: int) -> pd.DataFrame:
    """The curves with and without retraining, and that of the shop without the change."""
    world = {"months": months, "customers": customers, "seed": seed}
    changed = simulate(folder / "changed", world)
    usual = simulate(folder / "usual", world, without=["behaviour"])
    first = Version.train(changed, FIRST)
    retrained, log = retrain(changed, first)
    print("\n".join(log), flush=True)
    kept = curve(changed, dict.fromkeys(retrained, first))
    again = curve(changed, retrained)
    same = Version.train(usual, FIRST)
    unchanged = curve(usual, dict.fromkeys(retrained, same))
    found = kept.join(again[["roc_auc", "log_loss", "cutoff"]], rsuffix="_retrained")
    found["usual"] = unchanged["oracle"] - unchanged["roc_auc"]
    found["usual_loss"] = unchanged["log_loss"] - unchanged["oracle_loss"]
    return found


def summary(found: pd.DataFrame) -> dict[str, float]:
    """Lost and recovered ROC AUC and log loss over the last year."""
    last = found.iloc[-LAST_MONTHS:].mean(numeric_only=True)
    lost = last["oracle"] - last["roc_auc"] - last["usual"]
    lost_loss = last["log_loss"] - last["oracle_loss"] - last["usual_loss"]
    return {
        "lost": lost,
        "recovered": (last["roc_auc_retrained"] - last["roc_auc"]) / lost,
        "lost_log_loss": lost_loss,
        "recovered_log_loss": (last["log_loss"] - last["log_loss_retrained"]) / lost_loss,
    }


def plot(found: pd.DataFrame, path: Path) -> None:
    """Distance to the oracle by month, with and without retraining."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    months = [key(month) for month in found.index]
    for axis, columns, title in (
        (axes[0], ("oracle", "roc_auc", "roc_auc_retrained"), "ROC AUC below the best possible"),
        (axes[1], ("oracle_loss", "log_loss", "log_loss_retrained"), "log loss above the best possible"),
    ):
        best, kept, again = (found[name] for name in columns)
        usual = found["usual" if axis is axes[0] else "usual_loss"]
        axis.plot(months, abs(best - kept), color="#b2182b", label="model of 2025-03, never trained again")
        axis.plot(months, abs(best - again), color="#2166ac", label="trained again by `retrain`")
        axis.plot(months, usual, color="#777777", linestyle=":", label="without the change of behaviour")
        axis.axvline(key(BEHAVIOUR_MONTH), color="#777777", linewidth=0.8)
        changes = found["cutoff_retrained"].ne(found["cutoff_retrained"].shift()) & (found.index > FIRST)
        for month in found.index[changes & (found["cutoff_retrained"] != key(FIRST))]:
            axis.axvline(key(month), color="#2166ac", linewidth=0.6, linestyle="--")
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].tick_params(axis="x", rotation=60, labelsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--customers", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    summaries = []
    for seed in range(7, 7 + arguments.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            found = compare(Path(scratch), seed, arguments.months, arguments.customers)
        summaries.append(summary(found))
        if seed == 7 and arguments.plot:
            plot(found, arguments.plot)
        print("\n| month | best possible | never trained again | trained again | its cut-off |")
        print("| --- | --- | --- | --- | --- |")
        for month, row in zip(found.index, found.to_dict("records"), strict=True):
            cells = (f"{row[name]:.4f}" for name in ("oracle", "roc_auc", "roc_auc_retrained"))
            print(f"| {key(month)} | {' | '.join(cells)} | {row['cutoff_retrained']} |")
        print(f"\nseed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in summaries[-1].items()))
    for name in summaries[0]:
        print(f"mean {name}: {mean(one[name] for one in summaries):.4f}")


if __name__ == "__main__":
    main()
