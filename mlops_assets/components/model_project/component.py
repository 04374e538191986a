"""`ModelProject`: one folder of declarations becomes a project's asset graph.

Holds: the component, its settings at the top level, and the table of contents of the graph.
Add here: a setting of the whole project, or a line in `build_defs` for another kind of asset.
Not here: assets; each kind has a module beside this one.
"""

from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import BaseModel, Field, ValidationError, model_validator

from mlops_assets import names
from mlops_assets.components.model_project.code import ProjectCode
from mlops_assets.components.model_project.evaluation_report import evaluation_report_asset
from mlops_assets.components.model_project.features import features_asset
from mlops_assets.components.model_project.jobs import project_jobs
from mlops_assets.components.model_project.project import Project
from mlops_assets.components.model_project.raw import raw_asset
from mlops_assets.components.model_project.registry import champion_asset, registered_model_asset
from mlops_assets.components.model_project.scaffolder import ModelProjectScaffolder
from mlops_assets.components.model_project.settings import (
    SplitSettings,
    TableSettings,
    TargetSettings,
    TuningSettings,
    misfit,
)
from mlops_assets.components.model_project.training_set import training_set_asset
from mlops_assets.components.model_project.tuned_model import tuned_model_asset
from mlops_assets.components.model_project.validated import validated_asset
from mlops_assets.errors import ProjectError
from mlops_assets.ml.tasks import Task, metrics_of


@dg.scaffold_with(ModelProjectScaffolder)
class ModelProject(dg.Component, dg.Model, dg.Resolvable):
    """A tabular model and its whole life cycle, declared in one folder.

    Beside `defs.yaml` lie `schema.py` (a pandera model for each table, and optionally `Features`),
    `features.sql`, and where needed `pipeline.py` (`make_pipeline`) and `fetch.py` (`fetch`).
    """

    description: str = Field(description="What is predicted, of what, and what for.")
    task: Task = Field(description="`regression`, `binary` or `multiclass`.")
    target: TargetSettings = Field(description="What is predicted.")
    tables: dict[str, TableSettings] = Field(description="The project's table by its name.")
    split: SplitSettings = Field(default=SplitSettings(), description="Which rows judge the model.")
    tuning: TuningSettings = Field(default=TuningSettings(), description="How the model is searched for.")
    owners: list[str] = Field(
        default_factory=list, description="Who answers for it: e-mail addresses or `team:name`."
    )
    tags: dict[str, str] = Field(default_factory=dict, description="More tags for every asset.")

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Load the declaration; an error that Dagster can't place names the file and line here."""
        try:
            return super().load(attributes, context)
        except ValidationError as error:
            raise ProjectError(_told_with_places(error, context)) from error

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        metric = self.tuning.metric
        if metric and metric not in metrics_of(self.task):
            raise misfit(
                "tuning.metric", f"is {metric}, and {self.task} has {', '.join(metrics_of(self.task))}"
            )
        if len(self.tables) != 1:
            raise misfit("tables", f"has {len(self.tables)} entries; a project has one table")
        for table in self.tables:
            if not names.IDENTIFIER.match(table) or table == names.FEATURES:
                raise misfit(
                    f"tables.{table}",
                    "is no name for a table: it is made of lower-case letters, digits and _, starts with a "
                    f"letter, and is not {names.FEATURES}",
                )
        if self.split.method == "stratified" and self.task == "regression":
            raise misfit("split.method", "is stratified, which needs classes, and task is regression")
        if self.task != "regression" and self.target.unit_size != 1:
            raise misfit("target.unit_size", "is for regression; classes have no unit")
        return self

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The graph, in its order."""
        project = self._project(context.path, context.project_root)
        return dg.Definitions(
            assets=[
                raw_asset(project),
                validated_asset(project),
                features_asset(project),
                training_set_asset(project),
                tuned_model_asset(project),
                evaluation_report_asset(project),
                registered_model_asset(project),
                champion_asset(project),
            ],
            jobs=project_jobs(project),
        )

    def _project(self, path: Path, root: Path) -> Project:
        """The project that the folder declares; it is called like the folder."""
        folder = path if path.is_dir() else path.parent
        if not names.IDENTIFIER.match(folder.name):
            raise ProjectError(
                f"{folder}: {folder.name} can't be a project's name",
                hint="name the folder with lower-case letters, digits and _, starting with a letter",
            )
        code = ProjectCode(folder.name, folder)
        code.check(list(self.tables))
        return Project(folder.name, self, code, root)


def _told_with_places(error: ValidationError, context: dg.ComponentLoadContext) -> str:
    """Each fault of a declaration, with the file and the line that it stands in."""
    tree = context.resolution_context.source_position_tree
    told = []
    for fault in error.errors(include_url=False):
        path = (fault.get("ctx") or {}).get("path", "").split(".") if not fault["loc"] else fault["loc"]
        place = tree.lookup_closest_and_path(["attributes", *path], trace=None)[0] if tree else context.path
        message = fault["msg"] if not fault["loc"] else f"{'.'.join(map(str, path))}: {fault['msg']}"
        told.append(f"{place}: {message}")
    return "\n".join(told)
