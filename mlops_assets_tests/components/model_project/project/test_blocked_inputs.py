"""Inputs that failed a blocking check: automation and manual runs build nothing on them."""

import dagster as dg
import pytest

from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.training_set import training_set_asset
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.partitions import arrival_partitions
from mlops_assets.resources import WarehouseResource
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.loan_assets import LOAN_DATA, materialize
from mlops_assets_tests.support.loans import FEATURES_SQL, loans
from mlops_assets_tests.support.shop import MONTHS, of_month
from mlops_assets_tests.support.split_features import SPLIT_FEATURES_SQL, with_huge_purchase

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]


@pytest.fixture(scope="session")
def kept_blocked(keep_shop, trained_shop):
    def make(_, known):
        shop = trained_shop.restored(known)
        shop.declare(features_sql=SPLIT_FEATURES_SQL)
        shop.write(SIXTH, with_huge_purchase(of_month(shop.purchases, SIXTH)))
        ran = shop.ingest(SIXTH)
        assert ran == {"shop/features": [SIXTH], "shop/target": [FIFTH], "shop/predictions": [SIXTH]}
        assert not shop.daemon.run("shop/features", partition=SIXTH).success
        return shop

    return keep_shop("blocked_shop", make)


@pytest.fixture
def blocked(kept_blocked, instance):
    """A shop with a champion whose features of the sixth month fail `one_row_each`."""
    return kept_blocked.restored(instance, features_sql=SPLIT_FEATURES_SQL)


def test_automation_builds_nothing_on_features_that_failed_a_blocking_check(blocked):
    shop = blocked
    assert SIXTH not in shop.digests("predictions"), "skipped in the run in which the check failed"
    assert SIXTH in shop.digests("features"), "the rows stay readable for an analysis"
    shop.write(SEVENTH)
    assert shop.ingest(SEVENTH) == {
        "shop/features": [SEVENTH],
        "shop/predictions": [SEVENTH],
        "shop/status_page": [None],
    }
    assert SIXTH not in shop.digests("predictions")
    assert SIXTH not in shop.digests("target"), "its horizon has arrived"

    shop.write(SIXTH)
    ran = shop.ingest(SIXTH)
    assert SIXTH in ran["shop/features"]
    assert SIXTH in shop.digests("predictions")
    assert SIXTH in shop.digests("target")


def test_a_job_on_downstream_assets_alone_is_stopped_by_the_failed_check_of_its_input(blocked):
    shop = blocked
    shop.write(SEVENTH)
    shop.ingest(SEVENTH)
    for asset in ("predictions", "target"):
        message = failure_message(shop.daemon.run(f"shop/{asset}", partition=SIXTH))
        assert message.startswith(
            "shop: features of 2024-06 failed a blocking check, so nothing is built on it (one_row_each: "
            "1 rows have the customer of another row"
        )
        assert "hint: correct the cause and materialize shop/features for 2024-06 again" in message
        assert SIXTH not in shop.digests(asset)


def test_no_training_row_comes_from_features_that_failed_after_they_were_labelled(champion_shop):
    shop = champion_shop
    shop.declare(features_sql=SPLIT_FEATURES_SQL)
    version = shop.version("training_set")
    shop.write(SECOND, with_huge_purchase(of_month(shop.purchases, SECOND)))
    shop.ingest(SECOND)
    result = shop.train(FIFTH)
    assert not result.success
    assert "shop: features of 2024-02 failed a blocking check" in failure_message(result)
    assert shop.version("training_set") == version


def test_a_model_is_not_trained_on_a_training_set_that_failed_a_blocking_check(champion_shop):
    shop = champion_shop
    shop.declare(target_sql="select customer, 1::bigint as quiet from entities")
    for month in MONTHS[:4]:
        assert shop.daemon.run("shop/target", partition=month).success
    failed = shop.daemon.run("shop/training_set", partition=FIFTH)
    assert not failed.success
    assert not checks(failed)["both_sides"].passed
    message = failure_message(shop.daemon.run("shop/tuned_model", partition=FIFTH))
    assert "shop: training_set of 2024-05 failed a blocking check" in message
    assert "both_sides: " in message


def test_a_materialization_that_was_not_checked_to_its_end_is_not_used(shop, monkeypatch):
    def broken(*_args):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("mlops_assets.components.model_project.assets.event_features._one_row_each", broken)
    assert not shop.daemon.run("shop/features", partition=THIRD).success
    message = failure_message(shop.daemon.run("shop/target", partition=THIRD))
    assert "shop: features of 2024-03 is not checked: run " in message
    assert "ended before all checks of it were evaluated" in message


def test_content_that_dagster_has_no_materialization_of_is_accepted(shop, instance):
    key = dg.AssetKey(["shop", "features"])
    with dg.DagsterInstance.ephemeral() as other:
        require_succeeded(other, "shop", [(key, THIRD), (dg.AssetKey(["shop", "nothing"]), None)])
    require_succeeded(instance, "shop", [(key, month) for month in MONTHS[:5]])


def test_a_custom_table_is_not_written_from_a_failed_input(blocked):
    @dg.asset(
        key_prefix="shop", deps=[["shop", "features"]], partitions_def=arrival_partitions(blocked.project)
    )
    def counted(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
        return warehouse.table(
            context, "select count(*) as n from shop.features where _partition = $partition"
        )

    blocked.daemon.defs = dg.Definitions.merge(blocked.daemon.defs, dg.Definitions(assets=[counted]))
    failed = blocked.daemon.run("shop/counted", partition=SIXTH)
    assert "features of 2024-06 failed a blocking check" in failure_message(failed)
    assert blocked.daemon.run("shop/counted", partition=FIFTH).success


def test_a_training_set_of_a_static_project_is_not_written_from_failed_features(
    make_project, write_loans, stores, instance, warehouse
):
    project = make_project()
    write_loans(loans(200))
    data = [build(project) for build in LOAN_DATA]
    assert materialize(data, stores, instance).success
    before = warehouse.version(project.key("training_set").path)
    project = make_project(features_sql=FEATURES_SQL.replace("amount / income", "0 - amount"))
    assert not materialize([features_asset(project)], stores, instance).success
    message = failure_message(materialize([training_set_asset(project)], stores, instance))
    assert message.startswith(
        "lending: features failed a blocking check, so nothing is built on it (contract: "
    )
    assert warehouse.version(project.key("training_set").path) == before
