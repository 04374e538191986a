"""From drift to a better model by the daemon alone: alert, decision, gates, promotion, recovery."""

import dagster as dg
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets_tests.support.receivers import web_receiver
from mlops_assets_tests.support.shop import FEATURES_SQL, FILES, MONTHS, Shop

CUSTOMERS, CHANGE = 400, 4
"""In the fifth month, May, habits change."""
LAST_AMOUNT = FEATURES_SQL.replace(
    "sum(amount::decimal(18, 2)) as amount", "arg_max(amount, (bought_at, purchase_id)) as last_amount"
)
SETTINGS = {
    "training": {"window": 2},
    "tuning": {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"], "metric": "roc_auc"},
    "monitoring": {"reports": ["drift"]},
    "retrain": {"when": ["drift", "new_data"], "m_of_n": [1, 2], "new_cutoffs": 6},
    "alerts": {"channels": {"ops": {"webhook": {"url_env": "OPS_ADDRESS"}, "severity": "info"}}},
}


def purchases() -> pd.DataFrame:
    """At first those who spend much buy again next month; since the change those who spend little.

    All amounts are higher since the change, which is the drift that can be seen before its labels.
    """
    random, rows = np.random.default_rng(3), []
    again = np.full(CUSTOMERS, 0.6)
    for number, month in enumerate(MONTHS[:8]):
        bought = random.random(CUSTOMERS) < again
        spent = random.random(CUSTOMERS)
        amounts = (20 + 80 * spent + (25 if number >= CHANGE else 0)).round(2)
        for customer in np.flatnonzero(bought):
            rows.append((f"c{customer:03}", f"{month}-{random.integers(15, 28)} 12:00:00", amounts[customer]))
        likes = spent if number + 1 < CHANGE else 1 - spent
        again = np.where(bought, np.where(likes > 0.5, 0.95, 0.15), 0.6)
    frame = pd.DataFrame(rows, columns=["customer", "bought_at", "amount"])
    frame.insert(0, "purchase_id", [f"p{number:05}" for number in range(len(frame))])
    return frame.assign(channel=random.choice(["shop", "web"], len(frame)))


def live(shop, *months: str) -> None:
    """Files arrive; then ticks of all sensors and of automation, with their runs, until nothing happens."""
    for month in months:
        shop.write(month)
    sensors = [
        sensor.name
        for sensor in shop.daemon.defs.get_repository_def().sensor_defs
        if not isinstance(sensor, dg.AutomationConditionSensorDefinition)
    ]
    shop.daemon.look(FILES)  # a file counts once two ticks have seen it
    for _ in range(20):
        ran = [partition for sensor in sensors for partition in shop.daemon.look(sensor)]
        if not shop.daemon.follow() and not ran:
            return
    raise AssertionError("the daemon does not come to rest")


def auc(shop, month: str) -> float:
    """ROC AUC of the predictions of a month, by the purchases of the next one."""
    found = shop.frame("predictions", month)
    following = shop.purchases[shop.purchases["bought_at"].str.startswith(MONTHS[MONTHS.index(month) + 1])]
    return float(roc_auc_score(~found["customer"].isin(following["customer"]), found["probability"]))


def decisions(shop) -> list[tuple]:
    table = shop.warehouse.frame(shop.path("retraining")).sort_values("number")
    chosen = table[table["decision"] == "train"]
    return list(chosen[["cutoff", "rules", "trained_cutoff"]].itertuples(index=False, name=None))


def test_drift_leads_to_a_better_champion_by_the_daemon_alone(
    tmp_path, empty_tracking_store, instance, monkeypatch
):
    with web_receiver() as web:
        monkeypatch.setenv("OPS_ADDRESS", web.url)
        shop = Shop(
            tmp_path / "shop", empty_tracking_store, instance, features_sql=LAST_AMOUNT, settings=SETTINGS
        )
        shop.purchases = purchases()
        live(shop, *MONTHS[:4])
        before, broken = auc(shop, "2024-03"), auc(shop, "2024-04")
        live(shop, "2024-05")
        live(shop, "2024-06", "2024-07")
        texts = "\n".join(web.texts)
    assert decisions(shop) == [
        ("2024-04", "new_data", None),
        ("2024-05", "drift", "2024-04"),
        ("2024-07", "drift", "2024-05"),
    ]
    events = [(entry.event.kind, entry.event.version) for entry in Ledger(shop.warehouse, "shop").entries()]
    assert [event for event in events if event[0] in ("rejected", "promoted")] == [
        ("promoted", 1),
        ("rejected", 2),  # trained on labels of the old habits, and evaluated on those of the new ones
        ("promoted", 3),
    ], events
    assert broken < 0.4 < 0.6 < before, (broken, before)
    assert auc(shop, "2024-07") > 0.6
    assert texts.count("*WARNING shop: no_drift of drift_report failed in 2024-05*") == 1, texts
    assert texts.count("*INFO shop: a new model is trained*") == 3, "each decision is an event, sent once"
    assert "drift: drift in 1 of 1 report since cut-off 2024-04 (2024-05: " in texts, texts
    assert "*INFO shop: version 3 is the champion*" in texts
    rejection = "gate_not_worse_than_champion of registered_model failed in 2024-05*"
    assert [texts.count(f"{what} shop: {rejection}") for what in ("*WARNING", "*RESOLVED")] == [1, 1], texts
