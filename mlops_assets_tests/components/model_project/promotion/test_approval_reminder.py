"""Reminders of pending approvals: real ticks send one in each period, and no run is requested."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from mlops_assets.components.model_project.promotion import approval_reminder
from mlops_assets.stores.governance.ledger.entries import Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets_tests.support.daemon import checks
from mlops_assets_tests.support.governed_shop import decide, register_again

REMINDER = "shop_approval_reminder"
ASKS = {"approval": {"required": True, "remind_after_hours": 24}}
KEY = dg.AssetCheckKey(dg.AssetKey(["shop", "champion"]), "no_overdue_approval")


@pytest.fixture
def hours_later(monkeypatch):
    """Advance the clock."""

    def make(hours: float) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(hours=hours)

        monkeypatch.setattr(approval_reminder, "datetime", Later)

    return make


def register_second(shop) -> None:
    """Register a second version that passed its gates."""
    second = register_again(shop)
    facts = ("a run", "because", second.facts["model_digest"])
    shop.champion_ledger.record(Event("registered", 2, *facts), Event("gated", 2, *facts))


def tick(shop) -> list[dg.AssetCheckEvaluation]:
    """One tick, whose events are stored as Dagster's daemon does."""
    found = shop.daemon.tick(REMINDER)
    shop.daemon.cursors[REMINDER] = found.cursor
    assert not found.run_requests
    for event in found.asset_events:
        shop.instance.report_runless_asset_event(event)
    return list(found.asset_events)


def test_a_pending_version_is_reminded_of_once_in_a_period_until_a_decision(
    champion_shop, hours_later, record_property
):
    shop = champion_shop
    shop.declare(settings=ASKS)
    assert tick(shop) == []
    register_second(shop)
    hours_later(23)
    assert tick(shop) == []
    assert "version 2 is pending approval since" in shop.daemon.tick(REMINDER).skip_message

    hours_later(25)
    [sent] = tick(shop)
    assert (sent.passed, sent.severity, sent.asset_check_key) == (False, dg.AssetCheckSeverity.WARN, KEY)
    since = Ledger(shop.warehouse, "shop").entries()[-1].at
    assert sent.description == (
        f"version 2 is pending approval since {since:%Y-%m-%d %H:%M} UTC: "
        'mlops approve shop 2 --reason "…", or mlops reject'
    )
    record_property("reminder", sent.description)
    [kept] = shop.instance.event_log_storage.get_asset_check_execution_history(KEY, limit=1)
    assert kept.status.value == "FAILED"

    assert tick(shop) == [], "the reminder of this period was sent"
    hours_later(48)
    assert tick(shop) == []
    hours_later(50)
    assert len(tick(shop)) == 1

    assert decide(shop, "reject").success
    assert tick(shop) == []
    [kept] = shop.instance.event_log_storage.get_asset_check_execution_history(KEY, limit=1)
    assert kept.status.value == "SUCCEEDED"


def test_the_champion_asset_reports_overdue_approvals(champion_shop, hours_later):
    shop = champion_shop
    shop.declare(settings=ASKS)
    register_second(shop)
    fresh = checks(decide(shop, "retire"))["no_overdue_approval"]
    assert fresh.passed
    assert fresh.description.startswith("version 2 is pending approval since")
    hours_later(25)
    late = checks(decide(shop, "rollback"))["no_overdue_approval"]
    assert not late.passed


def test_without_required_approval_reminders_are_sent_only_after_a_rollback(champion_shop, hours_later):
    shop = champion_shop
    register_second(shop)
    hours_later(1_000)
    assert tick(shop) == []
    version = shop.tracking.registry.version("shop", 1)
    facts = ("ada", "because", version.facts["model_digest"])
    shop.champion_ledger.record(Event("retired", 1, *facts), Event("rolled_back", 1, *facts))
    assert len(tick(shop)) == 1
