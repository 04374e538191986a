"""Model cards: written when a version is registered, and again after each of its transitions."""

import re

from mlops_assets.components.model_project.promotion.model_cards import update_cards
from mlops_assets.components.model_project.training.provenance import record_provenance
from mlops_assets.components.model_project.training.search import fit_settings
from mlops_assets.ml.number_format import number
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.tracking.registry import Registry
from mlops_assets.stores.tracking.run_artifacts import MOST_DESCRIPTION, read_text
from mlops_assets_tests.support.governed_shop import decide


def card(shop) -> str:
    version = shop.tracking.registry.version("shop", 1)
    return read_text(shop.tracking, version.run_id, "card/model_card.md")


def described(shop) -> str:
    return shop.tracking.client.get_model_version("shop", "1").description


def test_the_card_of_a_version_is_in_the_registry_with_the_run_and_in_the_reports(champion_shop):
    text, version = card(champion_shop), champion_shop.tracking.registry.version("shop", 1)
    assert (champion_shop.state.reports / "shop" / "model_cards" / "version_1.md").read_text() == text
    assert described(champion_shop) == text, "it is short enough"
    assert len(text) <= MOST_DESCRIPTION
    assert text.startswith(
        "# shop, version 1\n\nWhich customers buy nothing next month.\n\nThis version is the champion."
    )
    assert f"| ROC AUC | {number(float(version.facts['test_roc_auc']))} |" in text
    assert f"| model digest | `{version.facts['model_digest']}` |" in text
    assert [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| 20")] == [
        *("registered", "gated", "promoted"),
    ]


def test_each_transition_of_a_version_updates_its_card(champion_shop):
    assert decide(champion_shop, "retire", reason="complaints | since Monday").success
    assert "This version was the champion and is retired." in card(champion_shop)
    actor = r"ada \(claimed, by dagster run \w{8}\)"
    assert re.search(rf"\| retired \| {actor} \| complaints \\\| since Monday \|", card(champion_shop))
    assert described(champion_shop) == card(champion_shop)


def test_only_outdated_cards_are_updated_by_the_next_move(champion_shop, monkeypatch):
    written = []
    real = Registry.set_description
    monkeypatch.setattr(Registry, "set_description", lambda *given: written.append(given[2]) or real(*given))

    def update() -> None:
        reports = str(champion_shop.state.reports)
        update_cards(champion_shop.project, champion_shop.warehouse, champion_shop.tracking, reports)

    update()
    assert written == [], "nothing has happened since"
    champion_shop.tracking.registry.set_version_tags("shop", 1, {"card": "2"})
    update()
    assert written == [1]
    last = Ledger(champion_shop.warehouse, "shop").entries()[-1].sequence
    assert champion_shop.tracking.registry.version("shop", 1).facts["card"] == str(last)


def test_secrets_of_the_environment_are_in_no_file_of_the_state(champion_shop, monkeypatch):
    secret = "s3cr3t-of-the-test"
    monkeypatch.setenv("MLOPS_TRACKING_URI", f"http://ada:{secret}@127.0.0.1:1")
    for name in ("MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, secret)
    version = champion_shop.tracking.registry.version("shop", 1)
    record_provenance(
        champion_shop.project,
        fit_settings(champion_shop.project, 2),
        champion_shop.tracking,
        version.run_id,
        {"model_uri": version.uri},
    )
    assert decide(champion_shop, "retire", reason="complaints").success
    files = [path for path in champion_shop.state.root.rglob("*") if path.is_file()]
    assert any(path.name == "model_card.md" for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]
