"""Who has to decide is reminded by real ticks, once in a period, and nothing runs meanwhile."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from mlops_assets.components.model_project.promotion import approval_reminder
from mlops_assets.stores.governance.ledger import Event, Ledger
from mlops_assets_tests.support.daemon import checks
from mlops_assets_tests.support.governed_shop import say

REMINDER = "shop_approval_reminder"
ASKS = {"approval": {"required": True, "remind_after_hours": 24}}
KEY = dg.AssetCheckKey(dg.AssetKey(["shop", "champion"]), "nobody_waits")


@pytest.fixture
def hours_later(monkeypatch):
    """Make it later."""

    def make(hours: float) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(hours=hours)

        monkeypatch.setattr(approval_reminder, "datetime", Later)

    return make


def waits(shop) -> None:
    """A second version has been registered, and passed its gates."""
    first = shop.tracking.registry.version("shop", 1)
    told = ("a run", "because", first.facts["model_digest"])
    shop.tracking.client.create_model_version("shop", first.uri, first.run_id)
    shop.tracking.registry.set_version_tags("shop", 2, {"model_digest": told[-1]})
    shop.governance.record(Event("registered", 2, *told), Event("gated", 2, *told))


def tick(shop) -> list[dg.AssetCheckEvaluation]:
    """One tick; what it tells is kept as Dagster's daemon would."""
    found = shop.daemon.tick(REMINDER)
    shop.daemon.cursors[REMINDER] = found.cursor
    assert not found.run_requests
    for told in found.asset_events:
        shop.instance.report_runless_asset_event(told)
    return list(found.asset_events)


def test_a_version_that_waits_is_reminded_of_once_in_a_period_until_somebody_decides(
    champion_shop, hours_later, record_property
):
    shop = champion_shop
    shop.declare(settings=ASKS)
    assert tick(shop) == []
    waits(shop)
    hours_later(23)
    assert tick(shop) == []
    assert "version 2 waits for approval since" in shop.daemon.tick(REMINDER).skip_message

    hours_later(25)
    [told] = tick(shop)
    assert (told.passed, told.severity, told.asset_check_key) == (False, dg.AssetCheckSeverity.WARN, KEY)
    since = Ledger(shop.warehouse, "shop").entries()[-1].at
    assert told.description == (
        f"version 2 waits for approval since {since:%Y-%m-%d %H:%M} UTC: "
        'mlops approve shop 2 --reason "…", or mlops reject'
    )
    record_property("told", told.description)
    [kept] = shop.instance.event_log_storage.get_asset_check_execution_history(KEY, limit=1)
    assert kept.status.value == "FAILED"

    assert tick(shop) == [], "it was told of in this period"
    hours_later(48)
    assert tick(shop) == []
    hours_later(50)
    assert len(tick(shop)) == 1

    assert say(shop, "reject").success
    assert tick(shop) == []
    [kept] = shop.instance.event_log_storage.get_asset_check_execution_history(KEY, limit=1)
    assert kept.status.value == "SUCCEEDED"


def test_champion_itself_tells_how_long_somebody_has_waited(champion_shop, hours_later):
    shop = champion_shop
    shop.declare(settings=ASKS)
    waits(shop)
    fresh = checks(say(shop, "retire"))["nobody_waits"]
    assert fresh.passed
    assert fresh.description.startswith("version 2 waits for approval since")
    hours_later(25)
    late = checks(say(shop, "rollback"))["nobody_waits"]
    assert not late.passed


def test_where_nobody_has_to_decide_nobody_is_reminded_unless_a_rollback_holds(champion_shop, hours_later):
    shop = champion_shop
    waits(shop)
    hours_later(1_000)
    assert tick(shop) == []
    version = shop.tracking.registry.version("shop", 1)
    told = ("ada", "because", version.facts["model_digest"])
    shop.governance.record(Event("retired", 1, *told), Event("rolled_back", 1, *told))
    assert len(tick(shop)) == 1
