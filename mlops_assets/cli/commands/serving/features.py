"""`mlops features`: the online features of a project."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, plain_errors
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.errors import DataError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.online.features import OnlineRow

app = typer.Typer(no_args_is_help=True, help="Online features of a project, which `mlops serve` reads.")


@app.command()
def get(
    project: ProjectArgument,
    entity: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Column of the entity and its value; once for each column. `-` reads entities from standard "
            "input, a JSON object in each line.",
            show_default=False,
        ),
    ],
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Feature to print; can be repeated. By default all.", show_default=False),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Print the newest features of an entity as JSON, as the service reads them.

    Example: mlops features get customer_churn --entity customer_id=C00198
    """
    with plain_errors(debug):
        from mlops_assets.workspace.serving.read_declared import read_declared

        entities = _from_input() if entity == ["-"] else [_from_options(entity)]
        found = read_declared(find_project_root(), [project]).online_features().get(project, entities)
        known = [column.name for column in found.columns]
        if unknown := [name for name in feature or () if name not in known]:
            raise DataError(f"{project} has no feature {unknown[0]}", hint=suggest_name(unknown[0], known))
        rows = [_printed(row, feature or known) for row in found.rows]
        print_json({"project": project, "written_at": found.written_at, "rows": rows})
        if any(row.values is None for row in found.rows):
            raise typer.Exit(1)


@app.command()
def status(project: ProjectArgument, debug: DebugOption = False) -> None:
    """Print what the online store holds, as JSON: number of entities, age and store.

    Example: mlops features status customer_churn
    """
    with plain_errors(debug):
        from datetime import UTC, datetime

        from mlops_assets.stores.online.base import not_written
        from mlops_assets.workspace.serving.read_declared import read_declared

        store = read_declared(find_project_root(), [project]).online_features().store(project)
        found = store.snapshot()
        if found is None:
            raise not_written(project, store.display_name)
        as_of = found.newest_as_of
        age = None if as_of is None else datetime.now(UTC) - as_of.replace(tzinfo=UTC)
        print_json(
            {
                "project": project,
                "store": store.display_name,
                "entities": found.rows,
                "features": [column.name for column in found.features],
                "as_of": as_of,
                "age_hours": None if age is None else round(age.total_seconds() / 3600, 1),
                "partitions": [partition for partition, _ in found.partitions],
                "written_at": found.written_at,
            }
        )


def _from_options(options: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not name:
            raise DataError("--entity has no =", hint="write it as --entity COLUMN=VALUE")
        if name in found:
            raise DataError(
                f"--entity {name} is given twice",
                hint="send several entities to standard input: --entity -",
            )
        found[name] = value
    return found


def _from_input() -> list[dict[str, Any]]:
    import json

    entities = []
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            entity = json.loads(line)
        except ValueError as error:
            raise DataError(f"line {number} of the input is not JSON: {error}") from error
        if not isinstance(entity, dict):
            raise DataError(f"line {number} of the input is not an object", hint='write {"column": "value"}')
        entities.append(entity)
    return entities


def _printed(row: "OnlineRow", names: list[str]) -> dict[str, Any]:
    values = None if row.values is None else {name: row.values[name] for name in names}
    problem = {"problem": row.problem} if row.problem else {}
    return {"state": row.state, "partition": row.partition, "as_of": row.as_of, "features": values, **problem}
