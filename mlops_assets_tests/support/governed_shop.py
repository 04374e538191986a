"""Decisions about the versions of a shop, and the content of its ledger, registry and audit."""

from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger import Ledger
from mlops_assets_tests.support.daemon import failure_message


def events_of(shop) -> list[tuple[str, int]]:
    return [(entry.event.kind, entry.event.version) for entry in Ledger(shop.warehouse, "shop").entries()]


def decide(shop, decision, *, reason="because", **config):
    decided = {"decision": decision, "reason": reason, "actor": "ada", **config}
    return shop.daemon.run("shop/champion", ops={"shop__champion": {"config": decided}})


def train(shop, month):
    shop.write(month)
    shop.ingest(month)
    result = shop.train(month)
    assert result.success, failure_message(result)
    return result


def champion_of(shop) -> int | None:
    found = shop.tracking.registry.champion("shop")
    return found.version if found else None


def findings(shop):
    champion_ledger = ChampionLedger(Ledger(shop.warehouse, "shop"), shop.tracking.registry)
    return {found.subject: found.errors for found in audit(champion_ledger, shop.tracking)}
