"""`ModelProject`: the Dagster component that turns a folder of declarations into an asset graph."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue

from mlops_assets.compat.dagster import enrich_validation_errors
from mlops_assets.compat.dagster_texts import plain_values, without_literals
from mlops_assets.components.model_project.assets.champion import champion_asset
from mlops_assets.components.model_project.assets.custom_assets import custom_definitions
from mlops_assets.components.model_project.assets.cutoff_training_set import cutoff_training_set_asset
from mlops_assets.components.model_project.assets.evaluation_report import evaluation_report_asset
from mlops_assets.components.model_project.assets.event_features import event_features_asset
from mlops_assets.components.model_project.assets.features import features_asset
from mlops_assets.components.model_project.assets.features_online import features_online_asset
from mlops_assets.components.model_project.assets.predictions import predictions_asset
from mlops_assets.components.model_project.assets.raw import raw_asset
from mlops_assets.components.model_project.assets.registered_model import registered_model_asset
from mlops_assets.components.model_project.assets.static_predictions import static_predictions_asset
from mlops_assets.components.model_project.assets.target import target_asset
from mlops_assets.components.model_project.assets.training_set import training_set_asset
from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.assets.validated import validated_asset
from mlops_assets.components.model_project.automation.conditions import automation_sensor
from mlops_assets.components.model_project.automation.jobs import project_jobs
from mlops_assets.components.model_project.automation.schedules import project_schedules
from mlops_assets.components.model_project.automation.sensors import project_sensors
from mlops_assets.components.model_project.maintenance.reproduce_job import reproduce_job
from mlops_assets.components.model_project.maintenance.restore_job import restore_job
from mlops_assets.components.model_project.maintenance.vacuum_job import vacuum_job
from mlops_assets.components.model_project.monitoring.assets import monitor_job, report_assets
from mlops_assets.components.model_project.monitoring.retraining import retraining_asset
from mlops_assets.components.model_project.monitoring.retraining_sensor import retrain_sensor
from mlops_assets.components.model_project.monitoring.status_page import status_page_asset
from mlops_assets.components.model_project.project.column_checks import reject_sensitive_uses
from mlops_assets.components.model_project.project.declared_tables import reject_circular_sources
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.scaffolder import ModelProjectScaffolder
from mlops_assets.components.model_project.serving.definitions import serving_definitions
from mlops_assets.components.model_project.settings.preprocessing import PreprocessingSettings
from mlops_assets.components.model_project.settings.project import ProjectSettings
from mlops_assets.components.model_project.settings.rules.consistency import validate_settings
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.project_folder.files import PIPELINE, ProjectFiles

_ATTRIBUTES = "attributes"
"""The key of the settings in a declaration."""


@dg.scaffold_with(ModelProjectScaffolder)
class ModelProject(ProjectSettings, dg.Component, dg.Resolvable):
    """A tabular model and its life cycle, declared in one folder.

    The folder holds `defs.yaml`, `schema.py` (a pandera model for each table, and optionally `Features`),
    `features.sql`, in an event project `target.sql`, and optionally `pipeline.py` (`make_pipeline`),
    `fetch.py` (`fetch`), `sample.py` (`sample`) and `assets.py` (custom Dagster assets).
    """

    model_config = ConfigDict(defer_build=False)  # Dagster reads the attributes of the complete class

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The model of a declaration as it is written, with the JSON schema of Dagster's own model."""
        return _Declaration

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Load the declaration; errors are reported with file and line number.

        Dagster's own way builds a second model of all settings, and resolves each setting alone, with a Jinja
        template for each text: 0.1 s in each process. It is used for declarations with templates or errors.
        """
        declared = (attributes and attributes.model_extra) or {}
        if (values := plain_values(declared)) is not None:
            with suppress(Exception):  # Dagster's way finds the error, too, and its place
                return cls(**values)
        positions = context.resolution_context.source_position_tree
        place = positions.children.get(_ATTRIBUTES) if positions else None
        with enrich_validation_errors(place, [_ATTRIBUTES]) if place else nullcontext():
            model = cls.model().model_validate(declared)
        try:
            return super().load(without_literals(model), context)
        except ValidationError as error:
            raise ProjectError(_located_errors(error, context)) from error

    @model_validator(mode="after")
    def _validate_across_settings(self) -> Self:
        validate_settings(self)
        return self

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets in the order of the graph, jobs, sensors and schedules."""
        project = self._project(context.path, context.project_root)
        reports, champion = report_assets(project), champion_asset(project)
        retraining = [retraining_asset(project, self.retrain)] if self.retrain else []
        last = [champion, *reports, *retraining]
        assets = [
            *(raw_asset(project, table) for table in project.read_tables),
            *(validated_asset(project, table) for table in project.read_tables),
            *(_event_assets(project) if project.timeline else _static_assets(project)),
            tuned_model_asset(project),
            evaluation_report_asset(project),
            registered_model_asset(project),
            *last,
        ]
        reject_circular_sources(project, {key for asset in assets for key in asset.keys})
        generated = dg.Definitions(
            assets=assets,
            jobs=[
                *project_jobs(project),
                *([monitor_job(project, reports)] if reports else []),
                restore_job(project),
                vacuum_job(project),
                reproduce_job(project),
            ],
            sensors=[
                *project_sensors(project),
                *([retrain_sensor(project)] if self.retrain else []),
                automation_sensor(project),
            ],
            schedules=project_schedules(project),
        )
        generated = dg.Definitions.merge(generated, serving_definitions(project, reports))
        complete = dg.Definitions.merge(generated, custom_definitions(project, generated))
        if self.alerts is not None:
            # Its channels import libraries of the network, which other projects do without.
            from mlops_assets.components.model_project.monitoring.alerts.sensor import alerts_sensor

            sensor = alerts_sensor(project, self.alerts, complete)
            complete = dg.Definitions.merge(complete, dg.Definitions(sensors=[sensor]))
        followed = [key for asset in last for key in asset.keys]
        followed += [project.key(names.PREDICTIONS)] if project.scored_key else []
        followed += [project.key(names.FEATURES_ONLINE)] if self.serving.online else []
        page = status_page_asset(project, complete, followed)
        return dg.Definitions.merge(complete, dg.Definitions(assets=[page]))

    def _project(self, path: Path, root: Path) -> Project:
        """The project that the folder declares, with the declared name or else the folder's."""
        folder = path if path.is_dir() else path.parent
        name = self.name or folder.name
        if not names.IDENTIFIER.fullmatch(name):
            raise ProjectError(
                f"{folder}: {name} is not a valid project name",
                hint="name the folder with lower-case letters, digits and _, starting with a letter",
            )
        if name in names.RESERVED_SCHEMAS:
            raise ProjectError(
                f"{folder}: {name} is the name of a schema of DuckDB", hint="rename the folder of the project"
            )
        files = ProjectFiles(name, folder, self.preprocessing.model_dump())
        if files.has(PIPELINE) and self.preprocessing != PreprocessingSettings():
            raise ProjectError(
                f"{name}: preprocessing in {path} has no effect beside pipeline.py",
                hint="remove one of them; in pipeline.py, use TableEncoder(encode=...) of "
                "mlops_assets.ml.transformers",
            )
        files.check(list(self.tables), events=self.partitions is not None)
        project = Project(name, self, files, root)
        reject_sensitive_uses(project)
        return project


class _Declaration(BaseModel):
    """The settings of a declaration; `ModelProject.load` validates them."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def __get_pydantic_json_schema__(
        cls,
        core_schema: Any,
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        return handler(ModelProject.model().__pydantic_core_schema__)


def _static_assets(project: Project) -> list[dg.AssetsDefinition]:
    """Assets between tables and model, if each row of the table gets a prediction."""
    scoring = project.settings.scoring
    predictions = [static_predictions_asset(project, scoring)] if scoring else []
    return [features_asset(project), training_set_asset(project), *predictions]


def _event_assets(project: Project) -> list[dg.AssetsDefinition]:
    """Assets between tables and model of an event project, and its predictions."""
    online = project.settings.serving.online
    return [
        event_features_asset(project),
        *([features_online_asset(project, online)] if online else []),
        target_asset(project),
        cutoff_training_set_asset(project),
        predictions_asset(project),
    ]


def _located_errors(error: ValidationError, context: dg.ComponentLoadContext) -> str:
    """Every error of a declaration with its file and line number."""
    tree = context.resolution_context.source_position_tree
    lines = []
    for each in error.errors(include_url=False):
        path = (each.get("ctx") or {}).get("path", "").split(".") if not each["loc"] else each["loc"]
        location = tree.lookup_closest_and_path([_ATTRIBUTES, *path], trace=None)[0] if tree else context.path
        message = each["msg"] if not each["loc"] else f"{'.'.join(map(str, path))}: {each['msg']}"
        lines.append(f"{location}: {message}")
    return "\n".join(lines)
