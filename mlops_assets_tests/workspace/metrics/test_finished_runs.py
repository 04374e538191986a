"""Counters of finished runs."""

import dagster as dg
import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.dagster_run import PROJECT_TAG
from mlops_assets.workspace.metrics.finished_runs import Job, count_finished_runs


@dg.asset(key=["shop", "raw"])
def raw() -> None: ...


@dg.asset(key=["shop", "broken"])
def broken() -> None:
    raise ValueError


SHOP = Job("shop", "__ephemeral_asset_job__")


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **tags: str) -> str:
    return dg.materialize([asset], instance=instance, raise_on_error=False, tags=tags).run_id


def test_counts_continue_when_runs_are_deleted_and_when_the_exporter_starts_again(tmp_path):
    state = StateDirectory(tmp_path)
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        assert count_finished_runs(state, instance) == {}
        first = run(instance, raw, **{PROJECT_TAG: "shop"})
        failed = run(instance, broken, **{PROJECT_TAG: "shop"})
        assert count_finished_runs(state, instance) == {(SHOP, "success"): 1, (SHOP, "failure"): 1}
        assert count_finished_runs(state, instance) == {(SHOP, "success"): 1, (SHOP, "failure"): 1}
        for deleted in (failed, first):
            instance.delete_run(deleted)
        assert count_finished_runs(state, instance) == {(SHOP, "success"): 1, (SHOP, "failure"): 1}
        run(instance, broken, **{PROJECT_TAG: "shop"})
        run(instance, raw)
        counted = count_finished_runs(state, instance)
        assert counted[SHOP, "failure"] == 2
        assert sum(counted.values()) == 4


def test_a_damaged_file_is_an_error(tmp_path, instance):
    state = StateDirectory(tmp_path)
    state.metrics.mkdir()
    (state.metrics / "finished_runs.json").write_text('{"cursors": [')
    with pytest.raises(StoreError, match="contains no counters of runs"):
        count_finished_runs(state, instance)
