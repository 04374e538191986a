"""An entity of a trained project is forgotten: in tables, ledger, Dagster's records and later arrivals."""

from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import pytest

from mlops_assets.components.model_project.maintenance.reproduce_job import reproduce
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.table_audit import audit_tables
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.forgetting import removal
from mlops_assets.workspace.forgetting.audit import audit_entity, audit_forgotten
from mlops_assets.workspace.forgetting.removal import Attribution, forget
from mlops_assets.workspace.forgetting.report import Report
from mlops_assets.workspace.forgetting.targets import Target
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.governed_shop import findings
from mlops_assets_tests.support.shop import MONTHS, Shop

ID = "c001"
WHO = Attribution("ada", "requested by letter")


@dataclass(frozen=True)
class ShopWorkspace(Workspace):
    """The workspace of a shop that has no dg project."""

    shop: Shop

    @property
    def state(self) -> StateDirectory:
        return self.shop.state

    @cached_property
    def definitions(self) -> dg.Definitions:
        return self.shop.daemon.defs


@pytest.fixture
def target(champion_shop) -> Target:
    return Target.of(ShopWorkspace(champion_shop.root, champion_shop), "shop", [ID])


def remove(target: Target, shop: Shop):
    return forget(target, shop.instance, WHO, on_wait=lambda _: None)


def errors(found) -> dict[str, tuple[str, ...]]:
    return {one.subject: one.errors for one in found if one.errors}


def test_a_forgotten_entity_is_in_no_version_of_any_table_and_everything_says_so(target, champion_shop):
    shop, before = champion_shop, Report.of(target, with_sources=True)
    rows = {one.table[1]: one.rows for one in before.tables}
    assert all(rows[name] for name in ("raw_purchases", "features", "target", "training_set", "predictions"))
    assert [(one.version, one.is_champion) for one in before.models] == [(1, True)]
    assert {one.place for one in before.sources} == {f"purchases-{month}.csv" for month in MONTHS[:5]}
    assert sum(one.rows for one in before.sources) == rows["raw_purchases"]
    versions = {name: shop.version(name) for name in rows}
    predictions = shop.frame("predictions", MONTHS[4])
    assert "it was not forgotten" in str(errors(audit_entity(target.workspace, "shop", [ID])))

    done = remove(target, shop)
    assert {name: removed.rows for name, removed in done.record.removed.items()} == {
        name: count for name, count in rows.items() if count
    }
    assert not any(one.rows for one in target.rows().find())
    assert {name: shop.version(name) for name in rows} == versions
    left = predictions[predictions["customer"] != ID]
    assert shop.frame("predictions", MONTHS[4]).equals(left.reset_index(drop=True))
    assert errors(audit_forgotten(target.workspace, "shop")) == {}
    assert errors(audit_entity(target.workspace, "shop", [ID])) == {}
    assert audit_tables(shop.warehouse, "shop", list).errors == ()
    assert not any(findings(shop).values())
    entry = Ledger(shop.warehouse, "shop").entries()[-1].event
    assert (entry.kind, entry.version, entry.actor) == ("forgotten", 1, "ada")
    assert entry.details["tables"]["features"]["rows"] == rows["features"]
    assert entry.details["entity"] == target.entity.digest
    assert f'"{ID}"' not in str(entry)
    assert shop.champion_ledger.review().state.champion == 1
    assert [one.rows for one in target.models()] == [rows["training_set"]]

    version = shop.tracking.registry.version("shop", 1)
    found = reproduce(shop.project, shop.warehouse, shop.tracking, version)
    assert (found.outcome, found.refits) == ("different", ())
    assert f"{rows['training_set']} rows of forgotten entities were removed" in found.differences[0].message
    assert "this is no damage" in found.differences[0].message

    graph = shop.daemon.defs.resolve_asset_graph()
    staleness = Staleness(graph, shop.instance, shop.warehouse)
    for name in ("validated_purchases", "features", "predictions"):
        assert not staleness.stale({dg.AssetKey(shop.path(name))}, MONTHS[3])
    assert staleness.stale({dg.AssetKey(shop.path("tuned_model"))}, MONTHS[4])
    digests = shop.digests("raw_purchases")
    assert shop.daemon.run("shop/raw_purchases", partition=MONTHS[0]).success  # the source still has its rows
    assert shop.digests("raw_purchases") == digests
    entries = Ledger(shop.warehouse, "shop").entries()
    assert remove(target, shop).record.removed == {}
    assert Ledger(shop.warehouse, "shop").entries() == entries


def test_an_interrupted_removal_is_reported_and_a_second_call_finishes_it(target, champion_shop, monkeypatch):
    real, calls = removal.remove_rows, []

    def killed(warehouse, table, *arguments, **named):
        calls.append(table)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(warehouse, table, *arguments, **named)

    monkeypatch.setattr(removal, "remove_rows", killed)
    rows = {one.table[1]: one.rows for one in target.rows().find() if one.rows}
    with pytest.raises(KeyboardInterrupt):
        remove(target, champion_shop)
    [subject] = errors(audit_forgotten(target.workspace, "shop")).values()
    assert "was interrupted: run mlops forget shop again" in subject[0]
    monkeypatch.setattr(removal, "remove_rows", real)
    done = remove(target, champion_shop)
    assert {name: removed.rows for name, removed in done.record.removed.items()} == rows
    assert errors(audit_forgotten(target.workspace, "shop")) == {}


def test_without_the_key_of_the_ledger_nothing_is_removed(target, champion_shop, monkeypatch):
    before = [found for found in target.rows().find() if found.rows]
    monkeypatch.setenv("MLOPS_LEDGER_KEY", "0123456789abcdef" * 4)
    with pytest.raises(StoreError, match="the ledger is not signed, and MLOPS_LEDGER_KEY is set"):
        remove(target, champion_shop)
    assert target.forgotten.records() == []
    assert [found for found in target.rows().find() if found.rows] == before


def test_wrong_arguments_and_runs_in_progress_are_refused(target, champion_shop):
    workspace = target.workspace
    with pytest.raises(MlopsError, match="no table has a column custmer"):
        Target.of(workspace, "shop", [ID], ["custmer"])
    with pytest.raises(StoreError, match="identified by customer, and 2 values were given"):
        Target.of(workspace, "shop", [ID, "x"])
    naming = Attribution("ada", f"{ID} asked for it")
    with pytest.raises(StoreError, match="the reason or the actor contains the ID"):
        forget(target, champion_shop.instance, naming, on_wait=lambda _: None)
    job = champion_shop.daemon.defs.resolve_implicit_global_asset_job_def()
    run = champion_shop.instance.create_run_for_job(
        job,
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey(["shop", "features"])}),
    )
    with pytest.raises(StoreError, match=f"run {run.run_id} is in progress"):
        remove(target, champion_shop)
    assert target.forgotten.records() == []


def test_the_online_features_of_a_forgotten_entity_are_removed_and_a_store_that_is_down_changes_nothing(
    champion_shop, monkeypatch, redis_server, tmp_path
):
    shop = champion_shop
    shop.declare(settings={"serving": {"online": {}}})
    assert shop.daemon.run("shop/features_online").success
    settings = {"store": "redis", "key_prefix": tmp_path.name, "url_env": "SHOP_REDIS"}
    shop.declare(settings={"serving": {"online": settings}})
    monkeypatch.setenv("SHOP_REDIS", redis_server.url())
    assert shop.daemon.run("shop/features_online").success
    target = Target.of(ShopWorkspace(shop.root, shop), "shop", [ID])
    file = shop.state.online / "shop.db"
    assert ID.encode() in file.read_bytes()
    before = file.read_bytes()
    report = Report.of(target, with_sources=False)
    assert [(one.entities, one.searched) for one in report.online] == [(1, True), (1, True)]
    assert f"online features: 1 entities would be removed from {file}" in [*report.lines(dry_run=True)]

    with monkeypatch.context() as down:
        down.setenv("SHOP_REDIS", "redis://127.0.0.1:1/0")
        with pytest.raises(StoreError, match="no connection"):
            remove(target, shop)
    assert target.rows().find()
    assert target.forgotten.find(target.entity) is None, "nothing has begun"

    remove(target, shop)
    assert [one.find().entities for one in target.online()] == [0, 0]
    assert ID.encode() not in file.read_bytes()
    for name in redis_server.client.scan_iter(match=f"{tmp_path.name}:*features:*"):
        assert not [field for field in redis_server.client.hkeys(name) if ID.encode() in field]
    assert errors(audit_entity(target.workspace, "shop", [ID])) == {}
    assert errors(audit_forgotten(target.workspace, "shop")) == {}
    file.write_bytes(before)  # of a backup
    [subject] = errors(audit_forgotten(target.workspace, "shop")).values()
    assert subject == (f"the online features in {file} have 1 forgotten entities: run mlops forget again",)
