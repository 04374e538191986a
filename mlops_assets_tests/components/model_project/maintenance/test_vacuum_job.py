"""The vacuum job keeps the inputs of models, and removes unused versions of tables."""

import json
from datetime import datetime, timedelta

from mlops_assets.components.model_project.maintenance import vacuum_job
from mlops_assets.components.model_project.project.training_rows import training_set
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.governed_shop import PENDING, champion_of, decide, findings
from mlops_assets_tests.support.shop import MONTHS, of_month

SECOND, FIFTH = MONTHS[1], MONTHS[4]


class Later(datetime):
    """Half a year from now."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=180)


def clear(shop, **config) -> dict[str, dict]:
    """Run the job; what it observed, by asset."""
    result = shop.daemon.defs.resolve_job_def("shop_vacuum").execute_in_process(
        instance=shop.instance,
        raise_on_error=False,
        run_config={
            "ops": {"shop__vacuum": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )
    assert result.success, failure_message(result)
    observed = [
        e.asset_observation_data.asset_observation for e in result.all_events if e.is_asset_observation
    ]
    return {
        "/".join(one.asset_key.path[1:]): {name: value.value for name, value in one.metadata.items()}
        for one in observed
    }


def month_again(shop, month: str, factor: float) -> None:
    frame = of_month(shop.purchases, month)
    shop.write(month, frame.assign(amount=(frame["amount"] * factor).round(2)))
    shop.ingest(month)


def test_training_data_of_models_is_kept_at_any_age(pending_shop, instance, monkeypatch):
    shop = pending_shop.restored(instance, settings=PENDING)
    assert decide(shop, "reject").success
    month_again(shop, SECOND, 2)  # no model is trained on this version
    month_again(shop, SECOND, 3)
    versions = [shop.tracking.registry.version("shop", number) for number in (1, 2)]
    trained = [training_set(shop.project, shop.warehouse, version.facts) for version in versions]
    assert all(one["freed_files"] == 0 for one in clear(shop).values()), "all of it is young"

    monkeypatch.setattr(vacuum_job, "datetime", Later)
    planned = clear(shop, dry_run=True)
    assert {name for name, one in planned.items() if one["freed_files"]} >= {"raw_purchases", "features"}
    assert clear(shop) == {name: {**one, "dry_run": False} for name, one in planned.items()}
    assert not any(one["freed_files"] for one in clear(shop).values())

    for version, rows in zip(versions, trained, strict=True):
        assert training_set(shop.project, shop.warehouse, version.facts).equals(rows)
        for name, number in json.loads(version.facts["inputs"]).items():
            path = name.split("/")
            assert shop.warehouse.partitions(path, version=number)
            assert len(shop.warehouse.frame(path, version=number))
    assert champion_of(shop) == 1
    assert shop.daemon.run("shop/predictions", partition=FIFTH).success
    assert not any(findings(shop).values())
