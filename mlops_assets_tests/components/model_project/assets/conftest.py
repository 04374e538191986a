"""Fixtures of the asset tests."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.project import Project
from mlops_assets_tests.support.events import COUNTS, bought
from mlops_assets_tests.support.loan_assets import Build
from mlops_assets_tests.support.shop import MONTHS, Shop

RunAssets = Callable[[Project, Sequence[Build]], dict[str, dict[str, Any]]]


@pytest.fixture
def run(stores: dict[str, dg.ConfigurableResource], instance: dg.DagsterInstance) -> RunAssets:
    """A function that materializes assets of a project; returns the metadata of each by its name."""

    def run_(project: Project, builders: Sequence[Build]) -> dict[str, dict[str, Any]]:
        assets = [build(project) for build in builders]
        result = dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False)
        failures = [event for event in result.all_events if event.is_step_failure]
        assert not failures, failures[0].step_failure_data.error.to_string()
        return {
            event.asset_key.path[1]: {
                name: value.value
                for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in result.all_events
            if event.is_step_materialization
        }

    return run_


@pytest.fixture
def counting(open_shop: Callable[..., Shop]) -> Shop:
    """A shop that counts purchases, with three months of arrivals: one purchase of `a` in each."""
    shop = open_shop(features_sql=COUNTS)
    for number, month in enumerate(MONTHS[:3]):
        shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
    return shop
