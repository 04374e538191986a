"""The job that fits a registered version again, and tells whether it is the same model.

Nothing is searched for again: family, parameters, seed and rounds are those of the artifact, whose files are
verified before any is opened. Of the code, only what lies in the project's folder now is executed.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata_names import FIT, REPRODUCTION, SERVING_PERIODS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.training_rows import training_set
from mlops_assets.components.model_project.training.provenance import changed_since
from mlops_assets.components.model_project.training.search import fit_settings
from mlops_assets.components.resources import MlflowTracking, WarehouseResource
from mlops_assets.core import job_names, names
from mlops_assets.core.errors import MlopsError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model.refit_comparison import Difference, Refit, Reproduction
    from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_EVALUATED, _SERVING = "evaluated", "serving"


class ReproduceConfig(dg.Config):
    """What is fitted again."""

    version: int = Field(ge=1, description="The registered version; `mlops history` lists them.")


def reproduce_job(project: Project) -> dg.JobDefinition:
    """The job `<project>_reproduce`; it fails where another model comes out."""

    @dg.op(name=names.op_name(project.name, job_names.REPRODUCE), out={})
    def reproduce_version(
        config: ReproduceConfig, warehouse: WarehouseResource, mlflow: MlflowTracking
    ) -> Iterator[dg.AssetObservation]:
        with as_dagster_failures(project.name):
            tracking = mlflow.store
            version = tracking.registry.version(project.name, config.version)
            found = reproduce(project, warehouse.store, tracking, version)
        yield dg.AssetObservation(
            project.key(names.REGISTERED_MODEL),
            partition=version.facts.get("cutoff"),
            description=f"version {version.version}, fitted again, is {found.outcome}",
            metadata={
                "version": version.version,
                "outcome": found.outcome,
                REPRODUCTION: dg.MetadataValue.json(found.to_json()),
            },
        )
        if found.outcome == "different":
            told = "; ".join(f"{each.subject}: {each.message}" for each in found.differences)
            raise dg.Failure(
                f"{project.name}: version {version.version}, fitted again, is another model: {told}",
                allow_retries=False,
            )

    @dg.job(
        name=job_names.job_name(project.name, job_names.REPRODUCE),
        description="Fit a registered version again from what it recorded, and compare.",
        tags={"project": project.name},
    )
    def job() -> None:
        reproduce_version()

    return job


def reproduce(
    project: Project, warehouse: "Warehouse", tracking: "TrackingStore", version: "Version"
) -> "Reproduction":
    """Fit a version's models again on the rows that they were fitted on, and compare.

    Raises
    ------
    MlopsError
        When the recorded model can't be read, or its files are not those that were recorded. Rows that are
        gone, and code that can't fit any more, are told as differences instead.
    """
    from mlops_assets.ml.model.refit_comparison import Difference, Reproduction

    recorded = {_EVALUATED: tracking.load(version.as_evaluated)}
    if version.as_evaluated is not version:
        recorded[_SERVING] = tracking.load(version)
    differences = list(changed_since(project, tracking, version))
    try:
        frame = training_set(project, warehouse, version.facts)
    except MlopsError as error:
        gone = Difference("training data", error.message, hint="bring the warehouse back from a backup")
        return Reproduction(project.name, version.version, (), (gone, *differences))
    try:
        refits = tuple(_refits(project, version, recorded, frame))
    except MlopsError as error:
        failed = Difference("fit", error.message)
        return Reproduction(project.name, version.version, (), (failed, *differences))
    found = Reproduction(project.name, version.version, refits, tuple(differences))
    if found.outcome == "different":
        found = Reproduction(project.name, version.version, refits, (*_apart(refits), *differences))
    return found


def _refits(
    project: Project,
    version: "Version",
    recorded: "dict[str, TabularModel]",
    frame: "pd.DataFrame",
) -> "Iterator[Refit]":
    from mlops_assets.ml.model.refit_comparison import compare_refit
    from mlops_assets.ml.model.tabular_model import TabularModel

    holdout = frame[frame[names.SPLIT] == names.HOLDOUT]
    for role, model in recorded.items():
        spec = model.spec
        rows = _read(project, spec, _fitted_on(project, version, frame, role))
        refitted = TabularModel.fit(
            spec,
            model.features_sql,
            rows.features,
            rows.target,
            project.files.make_pipeline(),
            _fit_settings(project, spec, version),
        )
        judging = _read(project, spec, holdout).features
        yield compare_refit(role, model, refitted, judging, fitted_rows=len(rows.target))


def _fitted_on(project: Project, version: "Version", frame: "pd.DataFrame", role: str) -> "pd.DataFrame":
    """The rows that train; of an event project's serving model all that were labelled by its cut-off."""
    if role == _EVALUATED:
        return frame[frame[names.SPLIT] == names.TRAIN]
    recorded = version.facts.get(SERVING_PERIODS)
    periods = json.loads(recorded) if recorded else project.time.labelled_periods(version.facts["cutoff"])
    return frame[frame[names.PERIOD].isin(periods)]


def _read(project: Project, spec: "ModelSpec", rows: "pd.DataFrame") -> "TrainingData":
    """Rows with the model's own features, whatever the project declares by now."""
    from mlops_assets.ml.search.training_data import TrainingData

    columns = [names.ROW_ID, spec.target, *spec.features]
    return TrainingData.of(rows[columns], target=spec.target, classes=spec.classes, subject=project.name)


def _fit_settings(project: Project, spec: "ModelSpec", version: "Version") -> "Settings":
    """What the fits shared, as recorded; as declared now where a version is older than the record."""
    from dataclasses import replace

    declared = fit_settings(project, len(spec.classes))
    recorded = json.loads(version.facts.get(FIT, "{}"))
    return replace(declared, task=spec.task, **{"seed": spec.seed, **recorded})


def _apart(refits: "tuple[Refit, ...]") -> "Iterator[Difference]":
    """How far the models are apart, in words."""
    from mlops_assets.ml.model.refit_comparison import Difference

    for refit in refits:
        if refit.outcome == "different":
            yield Difference(
                f"{refit.role} model",
                f"digest {refit.digest[:12]} instead of {refit.recorded_digest[:12]}; predictions of "
                f"{refit.compared_rows:,} holdout rows are up to {refit.largest_difference:.3g} apart, "
                "relative to the larger",
            )
