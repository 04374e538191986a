"""`mlops new` and `mlops schema`: the draft of a project, and the JSON schema of its `defs.yaml`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import DebugOption, out, plain_errors, print_line
from mlops_assets.cli.output.questions import ask_path, is_interactive, reading
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Cadence
from mlops_assets.core.plain_settings import setting_text
from mlops_assets.core.text.visible_text import visible
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.scaffolding.column_profile import ColumnProfile
    from mlops_assets.scaffolding.draft import Draft
    from mlops_assets.scaffolding.event_draft import EventDraft
    from mlops_assets.stores.files.csv_dialect import Dialect

_SHOWN_COLUMNS = 60


def _event_option(help_: str, **limits: Any) -> Any:
    """An option for drafting from an event log."""
    return typer.Option(help=help_, rich_help_panel="Event log", show_default=False, **limits)


def _csv_option(help_: str) -> Any:
    """An option for the format of CSV files, which is otherwise detected."""
    return typer.Option(help=help_, rich_help_panel="CSV format, detected by default", show_default=False)


def _excel_option(help_: str, **limits: Any) -> Any:
    """An option for the layout of Excel files, which is otherwise detected."""
    return typer.Option(help=help_, rich_help_panel="Excel", show_default=False, **limits)


def new(
    name: Annotated[str, typer.Argument(help="Name of the new project.", show_default=False)],
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            "--data",
            help="File, glob or folder to draft the project from: CSV, Excel, Parquet or JSON.",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            help="SELECT statement, or name of a table, to draft the project from; with --connection.",
            show_default=False,
        ),
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option(
            help="Database of --query: sqlite:///data/crm.db, or the name of an environment variable that "
            "holds a postgresql:// URL.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Target column, or an SQL expression over the columns of a row, such as "
            "'tips > 0.2 * fare'. For an event log: an aggregate over the rows of the horizon, such as "
            "sum(amount); by default that there are none."
        ),
    ] = None,
    target_name: Annotated[
        str | None, typer.Option(help="Name of the result of an expression; by default target.")
    ] = None,
    task: Annotated[Task | None, typer.Option(help="Task; by default inferred from the target.")] = None,
    table: Annotated[
        str | None, typer.Option(help="Name of the table; by default rows, or events of an event log.")
    ] = None,
    time: Annotated[str | None, _event_option("Column with the time of an event.")] = None,
    entity: Annotated[
        list[str] | None, _event_option("Column that identifies what is predicted; may be repeated.")
    ] = None,
    horizon: Annotated[
        int | None, _event_option("Number of partitions that the target looks at.", min=1)
    ] = None,
    cadence: Annotated[
        Cadence | None, _event_option("Length of a partition; by default by the length of the log.")
    ] = None,
    id_: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            help="Column that identifies a row and is no feature; may be repeated. By default found by name "
            "and values.",
            show_default=False,
        ),
    ] = None,
    day_first: Annotated[
        bool | None,
        typer.Option(
            "--day-first/--month-first",
            help="Order of dates such as 1/2/2024 in which no row decides it.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing, and draft what the rows suggest.")
    ] = False,
    delimiter: Annotated[str | None, _csv_option("Field delimiter.")] = None,
    encoding: Annotated[str | None, _csv_option("Encoding, such as cp1252.")] = None,
    quote: Annotated[str | None, _csv_option("Quote character.")] = None,
    decimal: Annotated[str | None, _csv_option("Decimal separator, . or ,.")] = None,
    thousands: Annotated[str | None, _csv_option("Thousands separator.")] = None,
    null: Annotated[list[str] | None, _csv_option("Text for a missing value; may be repeated.")] = None,
    skip_lines: Annotated[int | None, _csv_option("Number of lines before the header.")] = None,
    sheet: Annotated[str | None, _excel_option("Sheet; by default the only visible one.")] = None,
    header_lines: Annotated[int | None, _excel_option("Number of lines of the header.", min=1, max=5)] = None,
    debug: DebugOption = False,
) -> None:
    """Write a new project's defs.yaml, schema.py and features.sql, drafted from its data.

    The format of CSV files, the types and formats of the columns and texts for missing values are detected;
    the README.md of the draft lists them.

    In a terminal, what the rows leave open is asked; --yes drafts the default answers.

    From an event log, with --time and --entity, an event project is drafted, with a target.sql.

    From a database, with --query and --connection.

    Example: mlops new diabetes --csv data/raw/diabetes/patients.csv --target progression
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.settings.json_schema import schema_reference, write_schema
        from mlops_assets.scaffolding.drafting import draft_from
        from mlops_assets.scaffolding.formats.text_formats import order_of
        from mlops_assets.scaffolding.loading.rows import source_of
        from mlops_assets.scaffolding.templates import new_folder, reject_existing, write_files
        from mlops_assets.workspace.workspace import Workspace

        declared = {
            "delimiter": delimiter,
            "encoding": encoding,
            "quote": quote,
            "decimal": decimal,
            "thousands": thousands,
            "nulls": null,
            "skip_lines": skip_lines,
        }
        dialect = _dialect(
            name,
            {setting: value for setting, value in declared.items() if value is not None},
            sheet=sheet,
            header_lines=header_lines,
        )
        data = source_of(name, csv, query, connection)
        workspace = Workspace(find_project_root())
        folder = workspace.defs_folder / name
        reject_existing(folder)
        interactive = not yes and is_interactive()
        if interactive and data is None and not (target or time):
            data = ask_path("File, folder or glob of the rows (empty: a template)")
        with reading(interactive=interactive) as ask:
            draft = draft_from(
                name,
                workspace.root,
                data=data,
                target=target,
                target_name=target_name,
                task=task,
                table=table,
                time=time,
                entity=entity or (),
                horizon=horizon,
                cadence=cadence,
                dialect=dialect,
                ids=id_,
                choose=None if day_first is None else partial(order_of, day_first=day_first),
                ask=ask,
            )
        reference = schema_reference(workspace.root, folder)
        with new_folder(folder):
            written = write_files(draft, folder, drafted=data is not None, schema=reference)
            written.append(write_schema(workspace.root))
        if data:
            _print_inferences(draft)
        for path in written:
            print_line(f"wrote {path}")
        todo = (
            "" if data else f"complete the files, copy your data to {Path(draft.origin).parent}, then run: "
        )
        print_line(f"next: {todo}mlops run {name}")


def _dialect(
    project: str, settings: dict[str, Any], *, sheet: str | None, header_lines: int | None
) -> "Dialect":
    from pydantic import ValidationError

    from mlops_assets.components.model_project.settings.file_formats import CsvSettings
    from mlops_assets.stores.files.csv_dialect import SheetLayout

    try:
        dialect = CsvSettings.model_validate(settings).dialect
        excel = SheetLayout(sheet or "", dialect.skip_lines, header_lines or 1, dialect.nulls)
        return replace(dialect, excel=excel)
    except ValidationError as error:
        [problem, *_] = error.errors()
        setting = "".join(f" --{str(part).replace('_', '-')}" for part in problem["loc"])
        raise ProjectError(
            f"{project}:{setting}: {problem['msg'].removeprefix('Value error, ')}",
            hint="correct the option, or omit it: the format is detected",
        ) from error


def _print_inferences(draft: "Draft | EventDraft") -> None:
    """Print what was detected, and what the rows leave open."""
    out.print(_columns(draft))
    for kind, found in (("CSV", draft.csv), ("Excel", draft.excel)):
        if found:
            print_line(f"{kind} format: {setting_text(found)}")
    for column, declared in draft.formats.items():
        print_line(f"format of {column}: {setting_text(declared)}")
    for note in draft.notes:
        out.print(f"[dim]note:[/] {escape(note)}", soft_wrap=True)


def _columns(draft: "Draft | EventDraft") -> Table:
    """Return a table of the columns and their roles."""
    table = Table(title=f"{draft.rows:,} rows; task {draft.task}, metric {draft.metric}")
    for heading in ("column", "type", "missing", "values", "role"):
        table.add_column(heading)
    shown = _shown_columns(draft)
    if len(shown) < len(draft.described):
        table.caption = f"and {len(draft.described) - len(shown):,} more, which README.md lists"
    for column in shown:
        role = draft.role(column)
        ranged = column.is_number and column.name not in draft.sensitive
        values = f"{column.least} to {column.greatest}" if ranged else f"{column.distinct:,} distinct"
        cells = (column.name, column.sql_type.lower(), f"{column.nulls:,}", values, role)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _shown_columns(draft: "Draft | EventDraft") -> "list[ColumnProfile]":
    """The columns in their order; of a wide table first those that are more than a feature."""
    plain_last = sorted(draft.described, key=lambda column: draft.role(column) == "feature")
    shown = {column.name for column in plain_last[:_SHOWN_COLUMNS]}
    return [column for column in draft.described if column.name in shown]


def schema(debug: DebugOption = False) -> None:
    """Print the JSON schema of defs.yaml, for editors; redirect it to defs.schema.json in the project root.

    Example: mlops schema
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.settings.json_schema import schema_text

        typer.echo(schema_text(), nl=False)
