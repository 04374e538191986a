"""The generated assets of the loans project, and helpers to materialize them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from mlops_assets.components.model_project.assets.champion import champion_asset
from mlops_assets.components.model_project.assets.evaluation_report import evaluation_report_asset
from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.registered_model import registered_model_asset
from mlops_assets.components.model_project.assets.training_set import training_set_asset
from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.components.model_project.project.project import Project

Build = Callable[[Project], dg.AssetsDefinition]
LOAN_DATA: tuple[Build, ...] = (
    lambda project: raw_asset(project, "loans"),
    lambda project: validated_asset(project, "loans"),
    features_asset,
    training_set_asset,
)
LOAN_MODEL: tuple[Build, ...] = (
    tuned_model_asset,
    evaluation_report_asset,
    registered_model_asset,
    champion_asset,
)


def materialize(
    assets: Sequence[dg.AssetsDefinition], stores: dict[str, Any], instance: dg.DagsterInstance, **kwargs: Any
) -> dg.ExecuteInProcessResult:
    """Materialize assets; a failed step does not raise."""
    return dg.materialize(assets, resources=stores, instance=instance, raise_on_error=False, **kwargs)


def check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    """The evaluation of a check by its name."""
    return next(found for found in result.get_asset_check_evaluations() if found.check_name == name)


def materialized(result: dg.ExecuteInProcessResult, asset: str) -> Mapping[str, dg.MetadataValue]:
    """The metadata of the materialization of an asset by the last part of its key."""
    found = [event for event in result.all_events if event.is_step_materialization]
    return next(
        event.step_materialization_data.materialization.metadata
        for event in found
        if event.asset_key and event.asset_key.path[-1] == asset
    )


def recorded(instance: dg.DagsterInstance, project: Project, asset: str) -> dict[str, Any]:
    """The metadata of the latest materialization of an asset in an instance."""
    event = instance.get_latest_materialization_event(project.key(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}
