"""Decisions about the versions of a shop, and the content of its ledger, registry and audit."""

from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.tracking.client import make_current
from mlops_assets_tests.support.daemon import failure_message

LENIENT = {"champion_margin": 10.0}
PENDING = {"gates": LENIENT, "approval": {"required": True}}
"""Settings with which the second version of a shop is pending approval."""


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


def register_again(shop):
    """Register the model of version 1 as version 2 of the registry; the ledger does not have it."""
    first = shop.tracking.registry.version("shop", 1)
    make_current(shop.tracking.uri)  # MLflow resolves the address of a logged model in the current store
    shop.tracking.client.create_model_version("shop", first.uri, first.run_id)
    shop.tracking.registry.set_version_tags("shop", 2, dict(first.facts))
    return shop.tracking.registry.version("shop", 2)


def champion_of(shop) -> int | None:
    found = shop.tracking.registry.champion("shop")
    return found.version if found else None


def findings(shop):
    champion_ledger = ChampionLedger(Ledger(shop.warehouse, "shop"), shop.tracking.registry)
    return {found.subject: found.errors for found in audit(champion_ledger, shop.tracking)}
