"""Ticks of the sensor of alerts over real runs: what opens an incident, what ends it, and what is sent."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._daemon.types import DaemonHeartbeat

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.components.model_project.monitoring.alerts import operation
from mlops_assets.stores.alerts.incidents import open_incidents
from mlops_assets.stores.governance.ledger.entries import Event
from mlops_assets.stores.serving_status.status import ServingError, ServingStatus
from mlops_assets.stores.serving_status.status_files import remove_statuses, write_status
from mlops_assets_tests.support.governed_shop import decide, register_again
from mlops_assets_tests.support.receivers import web_receiver
from mlops_assets_tests.support.shop import MONTHS, of_month

SENSOR = "shop_alerts"
SIXTH = MONTHS[5]


@pytest.fixture
def web(monkeypatch):
    with web_receiver() as receiver:
        monkeypatch.setenv("OPS_ADDRESS", receiver.url)
        yield receiver


def declared(*, severity="warning", **alerts):
    channel = {"webhook": {"url_env": "OPS_ADDRESS", "payload": "json"}, "severity": severity}
    return {"alerts": {"channels": {"ops": channel}, **alerts}}


class Alerts:
    """Ticks of the sensor, and what the receiver got."""

    def __init__(self, shop, web) -> None:
        self.shop, self.web = shop, web

    def tick(self) -> list[dict]:
        """One tick; returns the alerts that were received."""
        before = len(self.web.bodies)
        self.message = self.shop.daemon.tick(SENSOR).skip_message
        return [alert for body in self.web.bodies[before:] for alert in body["alerts"]]

    def titles(self) -> list[str]:
        return [f"{one['occasion']}: {one['title']}" for one in self.tick()]

    @property
    def open(self) -> list[str]:
        return [one.title for one in open_incidents(self.shop.state.root, "shop")]


@pytest.fixture
def alerts(shop, web) -> Alerts:
    shop.declare(settings=declared(disk_free_gigabytes=1e-6))
    return Alerts(shop, web)


def test_nothing_is_wrong_with_a_project_that_runs(alerts):
    assert alerts.titles() == []
    assert alerts.message == "no open incidents"


def test_blocked_data_of_a_partition_are_one_alert_and_resolved_by_a_correction(alerts):
    shop = alerts.shop
    shop.write(SIXTH, of_month(shop.purchases, SIXTH).assign(amount=-1.0))
    shop.ingest(SIXTH)
    [alert] = alerts.tick()
    assert (alert["kind"], alert["severity"], alert["partition"]) == ("blocked", "error", SIXTH)
    assert alert["title"] == "data of validated_purchases are blocked in 2024-06: rejected_share failed"
    assert "violate the contract; the limit is 10.00%" in alert["detail"]
    run = shop.instance.get_runs(limit=1)[0].run_id
    assert alert["links"]["run"] == f"http://127.0.0.1:3000/runs/{run}"
    assert alert["links"]["asset"].endswith(
        "/assets/shop/validated_purchases?view=partitions&partition=2024-06"
    )
    assert [alerts.titles() for _ in range(2)] == [[], []]
    # While no sensor ticks, this partition is corrected, the next one fails and recovers, and a third fails.
    shop.write(SIXTH)
    for month in MONTHS[6:8]:
        shop.write(month, of_month(shop.purchases, month).assign(amount=-1.0))
    shop.ingest(*MONTHS[5:8])
    shop.write(MONTHS[6])
    shop.ingest(MONTHS[6])
    assert sorted(alerts.titles()) == [
        "opened: data of validated_purchases are blocked in 2024-08: rejected_share failed",
        "resolved: data of validated_purchases are blocked in 2024-06: rejected_share failed",
    ]


def test_a_failed_run_is_an_incident_until_its_asset_is_materialized(alerts):
    shop = alerts.shop
    (shop.data / f"purchases-{SIXTH}.csv").write_text("nothing,of\nuse,here\n", "utf-8")
    shop.ingest(SIXTH)
    [alert] = alerts.tick()
    assert (alert["kind"], alert["title"]) == ("run", "quarantine_purchases failed in 2024-06")
    assert "the source lacks the columns" in alert["detail"]
    assert alerts.titles() == []
    alerts.shop.daemon.run("shop/validated_purchases", "shop/quarantine_purchases", partition=SIXTH)
    assert alerts.titles() == [], "it failed again, which is the same incident"
    shop.write(SIXTH)
    shop.ingest(SIXTH)
    assert alerts.titles() == ["resolved: quarantine_purchases failed in 2024-06"]


def evaluated(shop, name, partition, *, passed, asset="evaluation_report"):
    """Record the evaluation of a check, as a run does."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["shop", asset]),
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description="0.61 against 0.62",
        partition=partition,
    )
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", "a job", event_specific_data=evaluation)
    shop.instance.report_dagster_event(event, run_id=make_new_run_id())


def test_a_warning_is_one_incident_whose_newest_partition_decides(alerts):
    shop = alerts.shop
    evaluated(shop, "beats_baseline", MONTHS[3], passed=False)
    [alert] = alerts.tick()
    assert (alert["kind"], alert["severity"], alert["title"], alert["detail"]) == (
        *("check", "warning", "beats_baseline of evaluation_report failed in 2024-04"),
        "0.61 against 0.62",
    )
    evaluated(shop, "beats_baseline", MONTHS[4], passed=False)
    assert alerts.titles() == [], "it still holds"
    assert alerts.open == ["beats_baseline of evaluation_report failed in 2024-05"]
    evaluated(shop, "beats_baseline", MONTHS[2], passed=True)
    assert alerts.titles() == [], "an older partition does not matter"
    evaluated(shop, "beats_baseline", MONTHS[4], passed=True)
    assert alerts.titles() == ["resolved: beats_baseline of evaluation_report failed in 2024-05"]


def test_checks_of_monitoring_reports_have_kinds_of_their_own_and_link_the_status_page(alerts):
    shop = alerts.shop
    checks = {
        "data_quality": ("data_quality", "in_line_with_past"),
        "drift": ("drift_report", "no_drift"),
        "performance": ("performance_report", "performance_holds"),
    }
    shop.declare(settings={**declared(), "monitoring": {"reports": list(checks)}})
    shop.instance.report_runless_asset_event(
        dg.AssetMaterialization(["shop", "status_page"], metadata={"page": dg.MetadataValue.path("/s.html")})
    )
    for asset, check in checks.values():
        evaluated(shop, check, MONTHS[3], passed=False, asset=asset)
    received = alerts.tick()
    assert {one["kind"]: one["title"] for one in received} == {
        kind: f"{check} of {asset} failed in 2024-04" for kind, (asset, check) in checks.items()
    }
    assert {one["links"]["report"] for one in received} == {"/s.html"}
    for asset, check in checks.values():
        evaluated(shop, check, MONTHS[3], passed=True, asset=asset)
    assert sorted(alerts.titles()) == sorted(
        f"resolved: {check} of {asset} failed in 2024-04" for asset, check in checks.values()
    )


def test_partitions_that_have_not_arrived_are_overdue(alerts):
    shop = alerts.shop
    settings = {**declared(), "freshness": {"arrival_hours": 36}}
    shop.declare(settings={**settings, "partitions": {**partitions(), "end": "2024-07"}})
    opened = alerts.tick()
    assert [one["title"] for one in opened] == [
        "purchases has no rows of 2024-07",
        "purchases has no rows of 2024-06",
    ]
    assert opened[1]["detail"] == (
        "the partition was expected by 2024-07-02 12:00 UTC, 36 hours after its end"
    )


def partitions():
    return {"cadence": "monthly", "start": "2024-01", "lookback": 3}


def test_an_overdue_asset_is_reported_by_its_freshness_policy(alerts):
    shop = alerts.shop
    shop.declare(settings={**declared(), "freshness": {"predictions_hours": 48}})
    key = dg.AssetKey(["shop", "predictions"])

    def change(before, after):
        event = FreshnessStateChange(
            key=key, previous_state=before, new_state=after, state_change_timestamp=time.time()
        )
        shop.instance._report_runless_asset_event(event)

    change(FreshnessState.UNKNOWN, FreshnessState.WARN)
    assert alerts.titles() == ["opened: predictions is nearly overdue"]
    change(FreshnessState.WARN, FreshnessState.FAIL)
    [worse] = alerts.tick()
    assert (worse["occasion"], worse["severity"], worse["title"]) == (
        *("escalated", "error", "predictions is overdue"),
    )
    assert worse["detail"] == "it is expected to be materialized at least every 48 hours"
    change(FreshnessState.FAIL, FreshnessState.PASS)
    assert alerts.titles() == ["resolved: predictions is overdue"]


def test_a_pending_approval_and_the_decision_are_sent(champion_shop, web):
    shop = champion_shop
    shop.declare(settings={**declared(severity="info"), "approval": {"required": True}})
    alerts = Alerts(shop, web)
    assert [title for title in alerts.titles() if "version" in title] == [], "the history is not sent"
    second = register_again(shop)
    facts = ("a run", "because", second.facts["model_digest"])
    shop.champion_ledger.record(Event("registered", 2, *facts), Event("gated", 2, *facts))
    [alert] = alerts.tick()
    assert (alert["kind"], alert["title"]) == ("approval", "version 2 is pending approval")
    assert "mlops approve shop 2" in alert["detail"]
    assert alert["links"]["report"].endswith("evaluation_report.html")
    challenged = Event("challenged", 2, *facts, details={"mode": "canary", "share": 0.1})
    withdrawn = replace(challenged, kind="withdrawn", actor="guardrails", reason="score_distance 0.4")
    shop.champion_ledger.record(challenged, withdrawn)
    sent = {alert["title"]: (alert["kind"], alert["severity"]) for alert in alerts.tick()}
    assert sent == {
        "version 2 challenges the champion": ("promotion", "info"),
        "version 2 was withdrawn as challenger": ("canary", "warning"),
    }
    assert decide(shop, "reject", reason="drift of the inputs").success
    assert sorted(alerts.titles()) == [
        "event: version 2 was rejected",
        "resolved: version 2 is pending approval",
    ]
    assert alerts.titles() == []


def instigator(shop, name, kind=operation.InstigatorType.SENSOR):
    """A running sensor in Dagster's storage, as the daemon records it."""
    from dagster._core.remote_origin import (
        InProcessCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.scheduler.instigation import InstigatorStatus, SensorInstigatorData
    from dagster._core.storage.schedules import SqliteScheduleStorage
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    if shop.instance.schedule_storage is None:  # an instance in memory has none
        shop.instance._schedule_storage = SqliteScheduleStorage.from_local(str(shop.root / "schedules"))
        shop.instance._schedule_storage.register_instance(shop.instance)
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="x"), location_name="x")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    state = operation.InstigatorState(
        origin, kind, InstigatorStatus.RUNNING, SensorInstigatorData(min_interval=5)
    )
    shop.instance.add_instigator_state(state)
    return state


def tick_of(shop, state, status, *, at=None, error=None):
    shop.instance.create_tick(
        TickData(
            state.instigator_origin_id,
            state.instigator_name,
            state.instigator_type,
            status,
            at or time.time(),
            error=error,
            selector_id=state.selector_id,
            end_timestamp=at or time.time(),
        )
    )


def test_a_sensor_whose_tick_fails_is_an_incident(alerts):
    from dagster_shared.error import SerializableErrorInfo

    shop = alerts.shop
    files, other = instigator(shop, "shop_purchases_files"), instigator(shop, "orders_files")
    error = SerializableErrorInfo("the folder is missing\n", [], "Failure")
    tick_of(shop, other, TickStatus.FAILURE, error=error)
    tick_of(shop, files, TickStatus.FAILURE, error=error)
    [alert] = alerts.tick()
    assert (alert["kind"], alert["title"], alert["detail"]) == (
        *("sensor", "sensor shop_purchases_files fails", "the folder is missing"),
    )
    tick_of(shop, files, TickStatus.STARTED, at=time.time() + 1)
    assert alerts.titles() == [], "a tick in progress decides nothing"
    tick_of(shop, files, TickStatus.SKIPPED, at=time.time() + 2)
    assert alerts.titles() == ["resolved: sensor shop_purchases_files fails"]


def test_a_daemon_or_sensor_that_stands_still_is_reported_while_sensors_run(alerts, monkeypatch):
    shop = alerts.shop
    monkeypatch.setattr(type(shop.instance), "get_required_daemon_types", lambda _: ["SENSOR", "SCHEDULER"])
    monkeypatch.setattr(operation, "_HOLD_SECONDS", 0)
    tick_of(shop, instigator(shop, "shop_new_champion"), TickStatus.SKIPPED, at=time.time() - 3600)
    assert alerts.titles() == [], "without a daemon, nothing is expected to run"
    for kind, age in (("SENSOR", 5), ("SCHEDULER", 900)):
        shop.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, kind, "one", []))
    assert sorted(alerts.titles()) == [
        "opened: Dagster's daemon SCHEDULER stands still",
        "opened: sensor shop_new_champion is not evaluated",
    ]


def test_a_disk_that_is_nearly_full_is_reported_for_the_installation(alerts):
    alerts.shop.declare(settings=declared(disk_free_gigabytes=1e9))
    [alert] = alerts.tick()
    assert (alert["project"], alert["kind"]) == ("", "disk")
    assert alert["subject"] == "ERROR Dagster: the disk of the state directory is nearly full"
    alerts.shop.declare(settings=declared(disk_free_gigabytes=1e-6))
    assert alerts.titles() == [], "the limit of the open incident still counts"


def test_problems_of_a_service_are_reported_until_it_reports_that_they_are_solved(alerts):
    now, root = datetime.now(UTC), alerts.shop.state.root
    served = ServingStatus("shop", "run-1", "http://127.0.0.1:8000", "vm", 7, now, now, "serving", 2, 2)
    write_status(root, served)
    assert alerts.titles() == []

    write_status(
        root, replace(served, error=ServingError("load", "version 2 does not load", "train", now, 2))
    )
    [alert] = alerts.tick()
    assert (alert["kind"], alert["severity"]) == ("serving", "error")
    assert alert["title"] == "the champion is not served: it does not load"
    assert alert["detail"] == "version 2 does not load; train (http://127.0.0.1:8000 on vm)"
    write_status(root, replace(served, state="refusing"))
    assert sorted(alerts.titles()) == [
        "opened: requests are refused: the project has no champion",
        "resolved: the champion is not served: it does not load",
    ]
    write_status(root, replace(served, updated_at=now - timedelta(seconds=31)))
    assert sorted(alerts.titles()) == [
        "opened: a service does not report any more",
        "resolved: requests are refused: the project has no champion",
    ]
    remove_statuses(root, "run-1")
    assert alerts.titles() == ["resolved: a service does not report any more"]


def test_a_source_that_fails_hides_no_other_alert_and_resolves_nothing(alerts, monkeypatch):
    evaluated(alerts.shop, "beats_baseline", MONTHS[3], passed=False)
    alerts.tick()
    from mlops_assets.stores.governance.ledger.ledger import Ledger

    monkeypatch.setattr(Ledger, "entries", lambda _: 1 / 0)
    evaluated(alerts.shop, "plausible_score", MONTHS[3], passed=False)
    with pytest.raises(Exception, match="division by zero"):
        alerts.tick()
    assert alerts.open == [
        "beats_baseline of evaluation_report failed in 2024-04",
        "plausible_score of evaluation_report failed in 2024-04",
    ]


def test_a_receiver_that_is_down_does_not_fail_the_tick(alerts, web):
    web.statuses = [503]
    evaluated(alerts.shop, "beats_baseline", MONTHS[3], passed=False)
    alerts.tick()
    assert alerts.message == (
        "1 open incident; channel ops: the webhook of OPS_ADDRESS answered 503: no_service; it is tried again"
    )
