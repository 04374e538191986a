"""The registry: a real one of MLflow on SQLite."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext

import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets_tests.support.garage import StartRun

pytestmark = pytest.mark.usefixtures("another_store")


def test_registering_a_model_again_updates_its_tags_only(tracking: TrackingStore, trained: TrainedModel):
    first = tracking.registry.register("garage", trained, {"gate": "open"})
    again = tracking.registry.register("garage", trained, {"gate": "shut"})
    assert (first.version, again.version) == (1, 1)
    assert (first.facts, again.facts) == ({"gate": "open"}, {"gate": "shut"})
    assert (again.run_id, again.name) == (trained.run_id, "garage")
    assert (
        tracking.registry.version("garage", 1)
        == tracking.registry.version_of("garage", trained.run_id)
        == again
    )
    assert len(tracking.client.search_model_versions("name = 'garage'")) == 1


def register(uri: str, trained: TrainedModel) -> int:
    registry = TrackingStore(uri).registry
    with registry.lock("garage", holder="a test", on_wait=lambda _: None):
        return registry.register("garage", trained, {}).version


def test_two_processes_that_register_a_model_at_once_create_one_version(
    tracking: TrackingStore, trained: TrainedModel, processes: BaseContext
):
    together = processes.Barrier(2).wait
    with ProcessPoolExecutor(2, mp_context=processes, initializer=together) as pool:
        made = [pool.submit(register, tracking.uri, trained) for _ in range(2)]
        assert [future.result() for future in made] == [1, 1]
    assert len(tracking.client.search_model_versions("name = 'garage'")) == 1


def test_a_registered_version_loads(tracking: TrackingStore, trained: TrainedModel, model: TabularModel):
    version = tracking.registry.register("garage", trained, trained.facts)
    assert tracking.load(version).digest() == model.digest()


def test_there_is_no_champion_before_a_promotion(
    tracking: TrackingStore, trained: TrainedModel, run: StartRun
):
    assert tracking.registry.champion("garage") is None
    first = tracking.registry.register("garage", trained, {})
    assert tracking.registry.champion("garage") is None
    tracking.registry.promote("garage", first.version)
    assert tracking.registry.champion("garage") == first
    challenger = TrainedModel(run(), trained.uri, {}, {})
    second = tracking.registry.register("garage", challenger, {})
    assert second.version == 2
    assert tracking.registry.champion("garage") == first
    tracking.registry.promote("garage", second.version)
    assert tracking.registry.champion("garage") == second


def test_the_version_of_an_unregistered_model_is_an_error_that_names_the_run(
    tracking: TrackingStore, trained: TrainedModel
):
    with pytest.raises(TrackingError, match=rf"the model of run {trained.run_id} is not registered"):
        tracking.registry.version_of("garage", trained.run_id)
