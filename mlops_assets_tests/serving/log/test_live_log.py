"""The prediction log from the request to the reports and to Dagster's sensor."""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from mlops_assets.components.model_project.serving import endpoint_status
from mlops_assets.core import names
from mlops_assets.stores.serving_status.status import ServedVersion, ServingStatus, Traffic
from mlops_assets.stores.serving_status.status_files import write_status
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.served_shop import served, shop_config
from mlops_assets_tests.support.shop import MONTHS

FOURTH, FIFTH = MONTHS[3:5]
SETTINGS = {
    "monitoring": {"reports": ["drift", "performance"], "drift": {"multivariate": False}},
    "serving": {"observe": True, "log": {"enabled": True, "retention_days": 10_000}},
}
PREDICT, SENSOR = "/v1/projects/shop/predict", "shop_serving"


@pytest.fixture
def shop(champion_shop):
    champion_shop.declare(settings=SETTINGS)
    return champion_shop


def request_predictions(shop, monkeypatch, month, day, **changed):
    """Request predictions for the features of a month on a day: together, some again alone, one invalid."""
    frame = shop.frame("features", month).drop(columns=["_partition", "row_id"], errors="ignore")
    at = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC).timestamp()
    with served(shop_config(shop), shop.root / f"run-{day}") as (client, collector):
        monkeypatch.setattr(time, "time", lambda: at)
        records = frame.assign(**changed).to_dict("records")
        together = client.post(PREDICT, json={"rows": records})
        assert together.status_code == 200, together.text
        for row in records[:5]:
            client.post(PREDICT, json={"rows": [row]})
        assert client.post(PREDICT, json={"rows": [{**records[0], "recent": "many"}]}).status_code == 422
        monkeypatch.undo()
    assert collector.collect() == len(frame) + 5, "rows that were rejected are not logged"
    return together.json()["predictions"]


def report(shop, name, month):
    result = shop.daemon.run(f"shop/{name}", partition=month)
    assert result.success, failure_message(result)
    found = {
        event.event_specific_data.check_name: event.event_specific_data
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    }
    return shop.frame(name, month), found


def test_requests_reach_the_reports_once_their_day_has_ended(shop, monkeypatch):
    rows, _ = report(shop, "drift_report", FIFTH)
    assert "live" not in set(rows["reference"])
    assert shop.metadata("drift_report", FIFTH)["live_days"] == "no request yet"
    assert shop.daemon.ask(SENSOR) == []

    predictions = request_predictions(shop, monkeypatch, FIFTH, "2024-06-10")
    log = shop.warehouse.frame(["shop", "prediction_log"]).sort_values("request_row", kind="stable")
    batch = shop.frame("predictions", FIFTH).set_index("customer")
    assert set(log["role"]) == {"champion"}
    assert log["route"].str.endswith("/predict").all()
    assert log["probability"].tolist() == batch.loc[log["customer"], "probability"].tolist(), "bit for bit"
    assert {each["probability"] for each in predictions} == set(log["probability"])
    [asked] = shop.daemon.ask(SENSOR)
    assert (asked.partition_key, [key.path[1] for key in asked.asset_selection]) == (FIFTH, ["drift_report"])

    rows, checks = report(shop, "drift_report", FIFTH)
    live, training = (rows[rows["reference"] == name] for name in ("live", "training"))
    compared = ["column_name", "kind", "rows", "reference_rows", "p_value", "effect_size"]
    assert live[compared].values.tolist() == training[compared].values.tolist(), (
        "one request of each customer with the features of the batch: the same comparisons"
    )
    assert checks["no_drift"].passed
    assert shop.metadata("drift_report", FIFTH)["live_rows"] == len(batch)

    request_predictions(shop, monkeypatch, FIFTH, "2024-06-20", amount=5_000.0)
    asked = shop.daemon.ask(SENSOR)
    assert [request.partition_key for request in asked] == [FIFTH]
    rows, checks = report(shop, "drift_report", FIFTH)
    drifted = rows[rows["drifted"]]
    assert drifted[["reference", "column_name"]].values.tolist() == [["live", "amount"]]
    assert not checks["no_drift"].passed
    assert checks["no_drift"].description.startswith("live requests against the training rows: amount (")
    shop.daemon.ask(SENSOR)
    assert shop.daemon.ask(SENSOR) == [], "a day is requested once"


def test_the_performance_of_requests_is_measured_with_the_targets_of_their_features(shop, monkeypatch):
    request_predictions(shop, monkeypatch, FOURTH, "2024-05-10")
    rows, checks = report(shop, "performance_report", FOURTH)
    frame = shop.frame("target", FOURTH).merge(shop.frame("predictions", FOURTH), on="customer")
    of_all = rows[rows["slice_column"].isna()].set_index(["kind", "metric"])
    measured = of_all.loc[("live_measured", "accuracy")]
    given = (frame["quiet"] == frame["prediction"]).mean()
    assert measured["value"] == pytest.approx(given)
    assert measured["rows"] == len(frame), "of each customer the last request"
    assert "live requests: " in checks["performance_holds"].description
    metadata = shop.metadata("performance_report", FOURTH)
    assert (metadata["live_labelled_rows"], metadata["live_accuracy"]) == (len(frame), pytest.approx(given))


def status_of(version, at, **changed):
    served_version = ServedVersion(version, "digest", at, 2)
    values = {
        "state": "serving",
        "versions": {"champion": served_version},
        "traffic": Traffic(requests=120, rows=240, recent_requests=60, recent_seconds=30.0, p95=0.002),
        **changed,
    }
    fixed = ("shop", "run-1", "http://127.0.0.1:8000", "host", 1, at, at)
    return ServingStatus(*fixed, workers=2, ready=2, **values)


def test_the_sensor_observes_what_is_served(shop):
    now, key = datetime.now(UTC), dg.AssetKey(["shop", names.ENDPOINT])
    assert shop.daemon.tick(SENSOR).asset_events == [], "no service was ever started"

    write_status(shop.state.root, status_of(1, now))
    observed, check = shop.daemon.tick(SENSOR).asset_events
    values = {name: value.value for name, value in observed.metadata.items()}
    assert observed.asset_key == key
    assert (values["version"], values["requests"], values["requests_per_second"]) == (1, 120, 2.0)
    assert values["p95_ms"] == 2.0
    assert (check.check_name, check.passed) == ("serves_champion", True)
    assert check.description == "version 1 is served"

    read = endpoint_status.EndpointStatus.read(shop.project, shop.warehouse, now)
    other, loading = status_of(7, now), status_of(7, now, state="changing", upcoming=1)
    found = [endpoint_status.EndpointStatus([one], [], read.champion).evaluate() for one in (other, loading)]
    assert found == [
        (False, "http://127.0.0.1:8000 serves version 7; the champion is 1"),
        (True, "version 1 is being loaded by http://127.0.0.1:8000"),
    ]

    write_status(shop.state.root, status_of(1, now - timedelta(minutes=2)))
    _, check = shop.daemon.tick(SENSOR).asset_events
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description.startswith("no service has reported since ")
