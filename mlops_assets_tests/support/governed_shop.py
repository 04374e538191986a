"""What a shop's ledger, registry and audit hold, and decisions about its versions."""

from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import Governance
from mlops_assets.stores.governance.ledger import Ledger
from mlops_assets_tests.support.daemon import failure_message


def story(shop) -> list[tuple[str, int]]:
    return [(entry.event.kind, entry.event.version) for entry in Ledger(shop.warehouse, "shop").entries()]


def say(shop, word, *, reason="because", **config):
    said = {"word": word, "reason": reason, "actor": "ada", **config}
    return shop.daemon.run("shop/champion", ops={"shop__champion": {"config": said}})


def train(shop, month):
    shop.write(month)
    shop.ingest(month)
    result = shop.train(month)
    assert result.success, failure_message(result)
    return result


def serving(shop) -> int | None:
    found = shop.tracking.registry.champion("shop")
    return found.version if found else None


def findings(shop):
    governance = Governance(Ledger(shop.warehouse, "shop"), shop.tracking.registry)
    return {found.subject: found.faults for found in audit(governance, shop.tracking)}
