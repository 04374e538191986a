"""The sample of `customer_churn`: its files, the planted effects, and the oracle against brute force."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.defs.customer_churn.oracle import RECENT, Belief, Process, days_of, evaluate
from mlops_assets.defs.customer_churn.sample import (
    BREAKS,
    CHANNELS,
    COLUMNS,
    REGIONS,
    SampleReport,
    oracle,
    sample,
)
from mlops_assets.defs.customer_churn.simulation import PLANTED, simulate

COMMITTED = Path(__file__).parents[2] / "data/raw/customer_churn/transactions"
MONTHS = Periods("monthly", "2024-01")
SMALL = {"months": 16, "customers": 150, "seed": 5}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> SampleReport:
    return sample(tmp_path_factory.mktemp("small"), **SMALL)


@pytest.fixture(scope="module")
def committed(tmp_path_factory) -> SampleReport:
    return sample(tmp_path_factory.mktemp("again"))


@cache
def read(files: tuple[Path, ...]) -> pd.DataFrame:
    """All rows as text, with the `file`'s month."""
    frames = [
        pd.read_csv(file, dtype=str, keep_default_na=False).assign(file=MONTHS.find(file.name))
        for file in files
    ]
    return pd.concat(frames, ignore_index=True)


def broken(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Which rows are broken in which way, determined from their values."""
    time = pd.to_datetime(rows["occurred_at"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    amount = pd.to_numeric(rows["amount"], errors="coerce")
    end = rows["file"].map({key: MONTHS.end_of(key) for key in rows["file"].unique()})
    return {
        "missing customer_id": rows["customer_id"] == "",
        "negative amount": amount < 0,
        "quantity 0": rows["quantity"] == "0",
        "unreadable timestamp": time.isna(),
        "unknown channel": ~rows["channel"].isin(CHANNELS),
        "repeated transaction_id": rows["transaction_id"].duplicated(),
        "amount as text": amount.isna(),
        "timestamp after the month": time >= end,
    }


def valid(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[~pd.DataFrame(broken(rows)).any(axis=1)]
    return rows.assign(occurred_at=pd.to_datetime(rows["occurred_at"]), month=rows["occurred_at"].str[:7])


def contents(report: SampleReport) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in report.files}


def test_the_defaults_write_the_committed_files(committed):
    assert contents(committed) == {file.name: file.read_bytes() for file in COMMITTED.iterdir()}
    assert [file.name for file in committed.files][:: len(committed.files) - 1] == [
        "transactions_2024-01.csv",
        "transactions_2025-06.csv",
    ]
    assert sum(file.stat().st_size for file in COMMITTED.iterdir()) <= 3_000_000


def test_the_committed_sample_has_the_figures_in_the_readme(committed):
    later = [key for key in committed.roc_auc if key >= "2024-06"]
    assert 0.80 < committed.mean_roc_auc < 0.85
    assert all(0.82 < committed.roc_auc[key] < 0.87 for key in later)
    assert all(0.25 < committed.churned[key] < 0.40 for key in later)
    assert all(committed.evaluated[key] >= 2000 for key in later)
    readme = (COMMITTED.parents[2] / "README.md").read_text("utf-8")
    figures = [committed.rows, *committed.planted.values(), *committed.evaluated.values()]
    assert [figure for figure in figures if f"{figure:,}" not in readme] == []
    scores = [*committed.roc_auc.values(), committed.mean_roc_auc]
    assert [score for score in scores if f"{score:.3f}" not in readme] == []


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(tmp_path, small):
    again = sample(tmp_path / "again", **SMALL)
    assert contents(again) == contents(small)
    other = sample(tmp_path / "other", **{**SMALL, "seed": 6})
    assert not set(contents(other).values()) & set(contents(small).values())


def test_a_longer_run_keeps_the_earlier_months(tmp_path, small):
    shorter = sample(tmp_path, **{**SMALL, "months": 7})
    assert contents(shorter).items() < contents(small).items()
    longer = sample(tmp_path, **SMALL)
    assert contents(longer) == contents(small)
    assert longer.roc_auc.items() > shorter.roc_auc.items()


def test_columns_and_ids_are_as_declared(small):
    rows = read(small.files)
    assert list(rows.columns) == [*COLUMNS, "file"]
    assert len(rows) == small.rows
    good = valid(rows)
    assert good["transaction_id"].is_unique
    assert set(good["region"]) == set(REGIONS)
    assert not good.duplicated(["customer_id", "month", "occurred_at"]).any()


def test_every_kind_of_broken_row_is_an_additional_row_with_its_share(small):
    rows = read(small.files)
    found = broken(rows)
    counts = {kind: int(found[kind].sum()) for kind in BREAKS}
    assert counts == {kind: small.planted[kind] for kind in BREAKS}
    assert max(counts.values()) - min(counts.values()) <= 1
    assert (pd.DataFrame(found).sum(axis=1) <= 1).all()
    share = pd.DataFrame(found).any(axis=1).groupby(rows["file"]).mean()
    assert share.between(0.002, 0.01).all()
    expected = simulate(**SMALL).purchases
    assert len(valid(rows)) == (expected["known"] < SMALL["months"]).sum()


def test_a_late_row_is_in_the_file_of_the_next_month(small):
    good = valid(read(small.files))
    late = good[good["month"] != good["file"]]
    assert len(late) == small.planted["late"]
    assert (late["file"] == late["month"].map(lambda key: MONTHS.shift(key, 1))).all()
    assert 0.004 < len(late) / len(good) < 0.016
    first = good.sort_values("occurred_at").groupby("customer_id").head(1)
    assert not first.index.isin(late.index).any()


def test_effects_that_are_left_out_are_not_in_the_files(tmp_path, small):
    clean = sample(tmp_path, **SMALL, without=PLANTED)
    rows = read(clean.files)
    assert clean.planted == {}
    assert not pd.DataFrame(broken(rows)).any(axis=None)
    assert (rows["occurred_at"].str[:7] == rows["file"]).all()


def test_the_shift_changes_prices_and_channels_of_one_month_only():
    shifted, usual = (
        simulate(**SMALL, without=without).purchases for without in (["late"], ["late", "shift"])
    )
    same = ["day", "customer", "quantity", "second"]
    pd.testing.assert_frame_equal(shifted[same], usual[same])
    moved = shifted["month"] == MONTHS.between("2024-01", "2025-01").index("2025-01")
    pd.testing.assert_frame_equal(shifted[~moved], usual[~moved])
    assert (shifted["cents"] / usual["cents"])[moved].mean() == pytest.approx(1.3, abs=0.001)
    app = list(CHANNELS).index("app")
    assert (shifted["channel"] == app)[moved].mean() > (usual["channel"] == app)[moved].mean() + 0.15


def test_the_change_of_behaviour_raises_churn_and_keeps_earlier_months():
    arguments = {"months": 24, "customers": 400, "seed": 1}
    changed, steady = (simulate(**arguments, without=without) for without in ([], ["behaviour"]))
    past = changed.purchases["month"] < 15
    pd.testing.assert_frame_equal(changed.purchases[past], steady.purchases[: past.sum()])
    more, less = (
        evaluate(drawn.process, drawn.regions, drawn.purchases, drawn.months)
        .groupby("month")["churned"]
        .mean()
        for drawn in (changed, steady)
    )
    assert more["2024-12"] == less["2024-12"]
    assert (more - less)["2025-06":"2025-09"].min() > 0.04


def test_the_oracle_has_the_customers_and_labels_of_the_files(small):
    good = valid(read(small.files))
    frames = []
    for key in MONTHS.between("2024-01", "2025-01"):
        as_of, last = MONTHS.end_of(key), MONTHS.shift(key, 3)
        recent = good["occurred_at"] >= as_of - pd.Timedelta(days=RECENT)
        customers = np.unique(good[recent & (good["file"] <= key)]["customer_id"])
        after = good["occurred_at"].between(as_of, MONTHS.end_of(last), inclusive="left")
        stayed = good[after & (good["file"] <= last)]["customer_id"]
        frames.append(
            pd.DataFrame({"customer_id": customers, "month": key, "churned": ~np.isin(customers, stayed)})
        )
    truth = oracle(**SMALL)
    pd.testing.assert_frame_equal(
        truth.drop(columns="probability"), pd.concat(frames, ignore_index=True), check_dtype=False
    )
    assert small.evaluated == truth.groupby("month").size().to_dict()


TINY = Process(
    rates=(0.2, 0.6),
    regions=(1.0, 0.5),
    moves=(0.2, 0.1, 0.15, 0.05),
    drift=2.0,
    drift_day=4,
    shift_days=range(2, 3),
)
BOUGHT = {2: (1, 3), 3: (0, 1)}
"""Channel and quantity of the purchases after the first, by day."""
SEEN = {1: 1.0, 2: 1.0, 3: 0.9, 4: 0.9, 5: 1.0, 6: 0.8}
PAST, AHEAD = range(1, 5), range(5, 7)


def brute_force(region: int) -> float:
    """P(no known purchase ahead | the past), summed over all kinds and paths of states."""
    joint = {False: 0.0, True: 0.0}
    days = [*PAST, *AHEAD]
    for rate, path in itertools.product(TINY.rates, itertools.product(range(3), repeat=len(days))):
        past, silent, before = 1.0, 1.0, 0
        for day, state in zip(days, path, strict=True):
            fade, recover, fading_leaves, steady_leaves = TINY.moves
            if day >= TINY.drift_day:
                fading_leaves, steady_leaves = 2 * fading_leaves, 2 * steady_leaves
            moves = [
                [1 - fade - steady_leaves, fade, steady_leaves],
                [recover, 1 - recover - fading_leaves, fading_leaves],
                [0, 0, 1],
            ]
            past *= moves[before][state]
            before = state
            buys = rate * TINY.regions[region] * [1, TINY.fading, 0][state]
            if day in BOUGHT and state < 2:
                channel, quantity = BOUGHT[day]
                share = TINY.channels[state][channel]
                if day in TINY.shift_days:
                    share = 0.5 * share + 0.5 * (channel == 1)
                past *= buys * SEEN[day] * share * TINY.quantities[state][quantity - 1]
            elif day in BOUGHT:
                past = 0.0
            elif day in PAST:
                past *= (1 - buys) + buys * (1 - SEEN[day])
            else:
                silent *= (1 - buys) + buys * (1 - SEEN[day])
        joint[True] += past * silent
        joint[False] += past * (1 - silent)
    return joint[True] / (joint[True] + joint[False])


def test_the_belief_equals_the_sum_over_all_hidden_paths():
    belief = Belief(TINY, np.array([0, 1, 1]))
    both, none = np.arange(2), np.arange(0)
    belief.step(0, both, both, both + 1, np.array([True, True]))
    for day in PAST:
        channel, quantity = BOUGHT.get(day, (0, 0))
        who = both if day in BOUGHT else none
        belief.step(
            day, who, 0 * who + channel, 0 * who + quantity, np.zeros(len(who), dtype=bool), seen=SEEN[day]
        )
    silence = belief.silence(AHEAD, np.array([SEEN[day] for day in AHEAD]))
    assert silence[:2] == pytest.approx([brute_force(0), brute_force(1)], rel=1e-12)
    assert np.isnan(silence[2]), "a customer without a purchase is not known"


def test_a_purchase_that_is_known_too_late_counts_neither_for_entity_nor_label():
    def purchase(customer: int, day: int, known: int, *, first: bool = False) -> dict[str, object]:
        return {
            "day": day,
            "customer": customer,
            "first": first,
            "channel": 0,
            "quantity": 1,
            "known": known,
        }

    as_of, last = days_of(6).stop, days_of(9).start
    purchases = [
        *(purchase(customer, 0, 0, first=True) for customer in range(4)),
        purchase(0, as_of - RECENT, 1),  # on the first day that counts
        purchase(1, as_of - RECENT - 1, 1),  # a day too early
        purchase(2, as_of - 1, 7),  # late: in the next month's file
        purchase(3, as_of - 1, 6),
        purchase(0, last, 10),  # late for the label
        purchase(3, last, 9),
    ]
    frame = pd.DataFrame(purchases).sort_values("day", kind="stable")
    found = evaluate(Process(late=0.01), np.zeros(4, dtype=int), frame, 10)
    found = found[found["month"] == "2024-07"]
    assert found[["customer", "churned"]].to_numpy().tolist() == [[0, True], [3, False]]


def test_the_oracle_is_calibrated_and_better_than_recency_and_frequency():
    arguments = {"months": 18, "customers": 1500, "seed": 2}
    truth, simulation = oracle(**arguments), simulate(**arguments)
    tenths = truth.groupby(pd.cut(truth["probability"], np.linspace(0, 1, 11)), observed=True)
    error = tenths["churned"].mean() - tenths["probability"].mean()
    assert error.abs().max() < 0.03
    assert truth["churned"].mean() == pytest.approx(truth["probability"].mean(), abs=0.01)
    gains = []
    for key, frame in truth[truth["month"] >= "2024-06"].groupby("month"):
        month = MONTHS.between("2024-01", key).index(key)
        seen = simulation.purchases[simulation.purchases["known"] <= month]
        customers = frame["customer_id"].str[1:].astype(int) - 1
        days = seen.groupby("customer")["day"].agg(["max", "size"]).loc[customers]
        score = roc_auc_score(frame["churned"], frame["probability"])
        gains.append([score - roc_auc_score(frame["churned"], -days[column]) for column in ("max", "size")])
    recency, frequency = np.mean(gains, axis=0)
    assert recency > 0.02
    assert frequency > 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"months": 6}, "months of the sample is 6.*\n.*from 7 to"),
        ({"months": 7.5}, "months of the sample is 7.5"),
        ({"customers": 49}, "customers of the sample is 49.*\n.*from 50 to"),
        ({"seed": -1}, "seed of the sample is -1"),
        ({"without": ["noise"]}, "noise.*\n.*broken, late, shift, behaviour"),
        ({"without": "late"}, "late.*\n.*list of names"),
    ],
)
def test_an_invalid_argument_is_reported(tmp_path, change, message):
    with pytest.raises(ProjectError, match=message):
        sample(tmp_path, **{**SMALL, **change})
    assert not list(tmp_path.iterdir())


def test_files_of_later_months_are_not_mixed_with_a_shorter_sample(tmp_path):
    (tmp_path / "transactions_2024-09.csv").touch()
    with pytest.raises(DataError, match=r"transactions_2024-09\.csv does not belong to a sample of 7 months"):
        sample(tmp_path, months=7, customers=50, seed=1)
    assert len(list(tmp_path.iterdir())) == 1
