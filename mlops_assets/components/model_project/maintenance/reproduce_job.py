"""The job that refits a registered version and compares the result with the recorded model.

There is no search: family, parameters, seed and rounds are read from the artifact, whose files are verified
before they are opened. Only code in the current project folder is executed.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata_names import FIT, REPRODUCTION, SERVING_PERIODS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.training_rows import forgotten_rows, training_set
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.components.model_project.training.provenance import changed_since
from mlops_assets.components.model_project.training.search import fit_settings
from mlops_assets.components.resources import MlflowTracking, WarehouseResource
from mlops_assets.core import job_names, names
from mlops_assets.core.errors import MlopsError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.model.refit_comparison import Difference, Refit, Reproduction
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_EVALUATED, _SERVING = "evaluated", "serving"


class ReproduceConfig(dg.Config):
    """The version to reproduce."""

    version: int = Field(ge=1, description="The registered version, see `mlops history`.")


def reproduce_job(project: Project) -> dg.JobDefinition:
    """The job `<project>_reproduce`; it fails if the refitted model is different."""

    @dg.op(name=names.op_name(project.name, job_names.REPRODUCE), out={})
    def reproduce_version(
        context: dg.OpExecutionContext,
        config: ReproduceConfig,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
    ) -> Iterator[dg.AssetObservation]:
        with as_dagster_failures(project.name, project.sensitive):
            tracking = mlflow.store
            ledger = open_champion_ledger(project, warehouse.store, tracking)
            holder = f"Dagster run {context.run_id}"
            version = ledger.verified_version(config.version, holder, context.log.info)
            found = reproduce(project, warehouse.store, tracking, version)
        yield dg.AssetObservation(
            project.key(names.REGISTERED_MODEL),
            partition=version.facts.get("cutoff"),
            description=f"version {version.version}, refitted: {found.outcome}",
            metadata={
                "version": version.version,
                "outcome": found.outcome,
                REPRODUCTION: dg.MetadataValue.json(found.to_json()),
            },
        )
        if found.outcome == "different":
            differences = "; ".join(f"{each.subject}: {each.message}" for each in found.differences)
            raise dg.Failure(
                f"{project.name}: version {version.version}, refitted, is a different model: {differences}",
                allow_retries=False,
            )

    @dg.job(
        name=job_names.job_name(project.name, job_names.REPRODUCE),
        description="Refit a registered version from its recorded inputs, and compare the models.",
        tags={"project": project.name},
    )
    def job() -> None:
        reproduce_version()

    return job


def reproduce(
    project: Project, warehouse: "Warehouse", tracking: "TrackingStore", version: "RecordedVersion"
) -> "Reproduction":
    """Refit the models of a version on their recorded rows, and compare.

    Raises
    ------
    MlopsError
        If the recorded model cannot be read, or its files were changed. Missing rows and code that fails to
        fit are reported as differences instead.
    """
    from mlops_assets.ml.model.refit_comparison import Difference, Reproduction
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.governance.training_content import training_set_error

    recorded = {_EVALUATED: tracking.load(version.as_evaluated)}
    if version.as_evaluated is not version:
        recorded[_SERVING] = tracking.load(version)
    differences = list(changed_since(project, tracking, version))
    rows, removed_on = forgotten_rows(warehouse, project.name, version.facts)
    entries = Ledger(warehouse, project.name).entries() if rows else []
    if changed := training_set_error(warehouse, project.name, version.version, entries):
        hint = f"verify the project: mlops audit {project.name}"
        other = Difference("training data", changed, hint=hint)
        return Reproduction(project.name, version.version, (), (other, *differences))
    if rows:
        forgotten = Difference(
            "training data",
            f"{rows:,} rows of forgotten entities were removed from its training set, the last on "
            f"{removed_on}: the "
            "version can't be reproduced, and this is no damage",
            hint=f"train a version without them: mlops run {project.name}",
        )
        return Reproduction(project.name, version.version, (), (forgotten,))
    try:
        frame = training_set(project, warehouse, version.facts)
    except MlopsError as error:
        gone = Difference("training data", error.message, hint="restore the warehouse from a backup")
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
            weights=rows.weights,
        )
        compared = _read(project, spec, holdout).features
        yield compare_refit(role, model, refitted, compared, fitted_rows=len(rows.target))


def _fitted_on(project: Project, version: "Version", frame: "pd.DataFrame", role: str) -> "pd.DataFrame":
    """The training rows; for the refitted model all labelled rows, in an event project of its cut-off."""
    if role == _EVALUATED:
        return frame[frame[names.SPLIT] == names.TRAIN]
    if project.timeline is None:
        return frame
    recorded = version.facts.get(SERVING_PERIODS)
    periods = json.loads(recorded) if recorded else project.time.labelled_periods(version.facts["cutoff"])
    return frame[frame[names.PERIOD].isin(periods)]


def _read(project: Project, spec: "ModelSpec", rows: "pd.DataFrame") -> "TrainingData":
    """Rows with the features of the model, independent of the current declaration."""
    from mlops_assets.ml.search.training_data import TrainingData

    weight = [names.WEIGHT] if names.WEIGHT in rows else []
    columns = [names.ROW_ID, spec.target, *weight, *spec.features]
    return TrainingData.of(rows[columns], target=spec.target, classes=spec.classes, subject=project.name)


def _fit_settings(project: Project, spec: "ModelSpec", version: "Version") -> "Settings":
    """The recorded settings of the fits; the current ones if a version has no record."""
    from dataclasses import replace

    declared = fit_settings(project, len(spec.classes))
    recorded = json.loads(version.facts.get(FIT, "{}"))
    return replace(declared, task=spec.task, quantile=spec.quantile, **{"seed": spec.seed, **recorded})


def _apart(refits: "tuple[Refit, ...]") -> "Iterator[Difference]":
    """A difference for each model that is different."""
    from mlops_assets.ml.model.refit_comparison import Difference

    for refit in refits:
        if refit.outcome == "different":
            yield Difference(
                f"{refit.role} model",
                f"digest {refit.digest[:12]} instead of {refit.recorded_digest[:12]}; the largest relative "
                f"difference of predictions on {refit.compared_rows:,} holdout rows is "
                f"{refit.largest_difference:.3g}",
            )
