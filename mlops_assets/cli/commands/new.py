"""`mlops new` and `mlops schema`: the draft of a project, and the JSON schema of its `defs.yaml`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mlops_assets.cli.output.console import DebugOption, out, plain_errors
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.scaffolding.draft import Draft


def new(
    name: Annotated[str, typer.Argument(help="Name of the new project.", show_default=False)],
    csv: Annotated[
        Path | None,
        typer.Option(help="File or folder to draft the project from: CSV, Parquet or JSON lines."),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Name of the target column.")] = None,
    task: Annotated[Task | None, typer.Option(help="Task; by default inferred from the target.")] = None,
    table: Annotated[str, typer.Option(help="Name of the table.")] = "rows",
    debug: DebugOption = False,
) -> None:
    """Write a new project's defs.yaml, schema.py and features.sql, drafted from its data.

    Example: mlops new diabetes --csv data/raw/diabetes/patients.csv --target progression
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.settings.json_schema import schema_reference, write_schema
        from mlops_assets.scaffolding.templates import draft_project, new_folder, write_files
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        folder = workspace.defs_folder / name
        with out.status("reading"):
            draft = draft_project(name, workspace.root, csv=csv, target=target, task=task, table=table)
        new_folder(folder)
        reference = schema_reference(workspace.root, folder)
        written = write_files(draft, folder, drafted=csv is not None, schema=reference)
        written.append(write_schema(workspace.root))
        if csv:
            out.print(_columns(draft))
        for note in draft.notes if csv else []:
            out.print(f"[dim]note:[/] {note}", soft_wrap=True)
        for path in written:
            out.print(f"wrote {path}", soft_wrap=True, highlight=False)
        todo = "" if csv else f"complete the files, copy your data to {Path(draft.source).parent}, then run: "
        out.print(f"{todo}mlops run {name}", soft_wrap=True, highlight=False)


def _columns(draft: "Draft") -> Table:
    """Return a table of the columns and their roles."""
    table = Table(title=f"{draft.target.rows:,} rows; task {draft.task}, metric {draft.metric}")
    for heading in ("column", "type", "missing", "values", "role"):
        table.add_column(heading)
    for column in draft.columns:
        role = "target" if column == draft.target else draft.why_no_feature(column) or "feature"
        values = (
            f"{column.least} to {column.greatest}" if column.is_number else f"{column.distinct:,} distinct"
        )
        table.add_row(column.name, column.sql_type.lower(), f"{column.nulls:,}", values, role)
    return table


def schema(debug: DebugOption = False) -> None:
    """Print the JSON schema of defs.yaml, for editors; redirect it to defs.schema.json in the project root.

    Example: mlops schema
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.settings.json_schema import schema_text

        typer.echo(schema_text(), nl=False)
