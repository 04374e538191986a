"""What `dg scaffold defs mlops_assets.ModelProject NAME` writes: a folder that declares a project."""

from contextlib import suppress
from pathlib import Path

import click
from dagster.components import Scaffolder, ScaffoldRequest, scaffold_component
from pydantic import BaseModel, Field

from mlops_assets.components.model_project.settings.json_schema import schema_reference, write_schema
from mlops_assets.core.errors import MlopsError
from mlops_assets.ml.metrics.tasks import Task


class ModelProjectParams(BaseModel):
    """What a project is drafted from; without any of it, a template is written."""

    csv: str | None = Field(default=None, description="The file to draft from; a folder or a glob, too.")
    target: str | None = Field(default=None, description="The column that is predicted.")
    task: Task | None = Field(default=None, description="By default the target's values tell it.")
    table: str | None = Field(default=None, description="What the table is called; `rows` by default.")


class ModelProjectScaffolder(Scaffolder[ModelProjectParams]):
    """Writes defs.yaml, schema.py and features.sql."""

    @classmethod
    def get_scaffold_params(cls) -> type[ModelProjectParams]:
        """The options that `dg scaffold` has for a project."""
        return ModelProjectParams

    def scaffold(self, request: ScaffoldRequest[ModelProjectParams]) -> None:
        """Write the files into the folder that `dg` has chosen.

        Raises
        ------
        click.ClickException
            When nothing can be drafted, as `dg` shows it; the folder is gone then.
        """
        from mlops_assets.scaffolding.templates import TABLE, draft_project, write_files

        folder, given = request.target_path, request.params
        root = request.project_root or Path.cwd()
        try:
            draft = draft_project(
                folder.name,
                root,
                csv=Path(given.csv) if given.csv else None,
                target=given.target,
                task=given.task,
                table=given.table or TABLE,
            )
        except MlopsError as error:
            with suppress(OSError):  # somebody's files are in it
                folder.rmdir()
            raise click.ClickException(str(error)) from error
        reference = schema_reference(root, folder)
        written = write_files(draft, folder, drafted=given.csv is not None, schema=reference)
        if request.scaffold_format == "python":
            written[0].unlink()
            scaffold_component(request)
        else:
            write_schema(root)
