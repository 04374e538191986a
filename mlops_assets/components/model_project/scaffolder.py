"""Scaffolder of `dg scaffold defs mlops_assets.ModelProject NAME`: writes a project's first files."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import click
from dagster.components import Scaffolder, ScaffoldRequest, scaffold_component
from pydantic import BaseModel, Field

from mlops_assets.components.model_project.settings.json_schema import schema_reference, write_schema
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.periods import Cadence
from mlops_assets.ml.metrics.tasks import Task


class ModelProjectParams(BaseModel):
    """Options of `dg scaffold`: the data to draft a project from; without them a template is written."""

    data: str | None = Field(
        default=None, description="File, folder or glob to draft from: CSV, Excel, Parquet or JSON."
    )
    csv: str | None = Field(default=None, description="The same as `data`.")
    query: str | None = Field(
        default=None, description="SELECT statement, or name of a table, to draft from; with `connection`."
    )
    connection: str | None = Field(
        default=None,
        description="Database of `query`: `sqlite:///…`, or an environment variable with a `postgresql://` "
        "URL.",
    )
    sheet: str | None = Field(
        default=None, description="Sheet of an Excel file; by default the only visible one."
    )
    target: str | None = Field(
        default=None,
        description="Target column, or an SQL expression over the columns of a row; of an event log, an "
        "aggregate over the rows of the horizon, by default that there are none.",
    )
    target_name: str | None = Field(
        default=None, description="Name of the result of an expression; by default `target`."
    )
    task: Task | None = Field(
        default=None, description="Learning task; by default inferred from the target's values."
    )
    table: str | None = Field(
        default=None, description="Name of the table; by default `rows`, or `events` of an event log."
    )
    time: str | None = Field(default=None, description="Event log: column with the time of an event.")
    entity: str | None = Field(
        default=None, description="Event log: columns that identify what is predicted, separated by commas."
    )
    horizon: int | None = Field(
        default=None, ge=1, description="Event log: number of partitions that the target looks at."
    )
    cadence: Cadence | None = Field(
        default=None, description="Event log: length of a partition; by default by the length of the log."
    )
    id: str | None = Field(
        default=None,
        description="Columns that identify a row and are no features, separated by commas; by default found "
        "by name and values.",
    )
    day_first: bool | None = Field(
        default=None, description="Order of dates such as 1/2/2024 in which no row decides it."
    )


class ModelProjectScaffolder(Scaffolder[ModelProjectParams]):
    """Writes defs.yaml, schema.py, features.sql, and target.sql of an event project."""

    @classmethod
    def get_scaffold_params(cls) -> type[ModelProjectParams]:
        """The options of `dg scaffold` for a project."""
        return ModelProjectParams

    def scaffold(self, request: ScaffoldRequest[ModelProjectParams]) -> None:
        """Write the files into the folder that `dg` chose.

        Raises
        ------
        click.ClickException
            When no project can be drafted. The folder is removed.
        """
        from mlops_assets.scaffolding.drafting import draft_from
        from mlops_assets.scaffolding.formats.text_formats import order_of
        from mlops_assets.scaffolding.loading.rows import source_of
        from mlops_assets.scaffolding.templates import write_files
        from mlops_assets.stores.files.csv_dialect import Dialect, SheetLayout

        folder, given = request.target_path, request.params
        root = request.project_root or Path.cwd()
        try:
            path = given.data or given.csv
            data = source_of(folder.name, Path(path) if path else None, given.query, given.connection)
            draft = draft_from(
                folder.name,
                root,
                data=data,
                dialect=Dialect(excel=SheetLayout(given.sheet or "")),
                target=given.target,
                target_name=given.target_name,
                task=given.task,
                table=given.table,
                time=given.time,
                entity=given.entity.split(",") if given.entity else (),
                horizon=given.horizon,
                cadence=given.cadence,
                ids=given.id.split(",") if given.id else None,
                choose=None if given.day_first is None else partial(order_of, day_first=given.day_first),
            )
        except MlopsError as error:
            with suppress(OSError):  # the folder is not empty: it holds files of the user
                folder.rmdir()
            raise click.ClickException(str(error)) from error
        reference = schema_reference(root, folder)
        written = write_files(draft, folder, drafted=data is not None, schema=reference)
        if request.scaffold_format == "python":
            written[0].unlink()
            scaffold_component(request)
            return
        try:
            write_schema(root)
        except MlopsError as error:
            raise click.ClickException(str(error)) from error
