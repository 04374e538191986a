"""`mlops diff`: the differences of two registered versions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    out,
    plain_errors,
    print_line,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.cli.output.table_versions import row_lines
from mlops_assets.core import names
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.version_diff import VersionDiff

_DIGITS = 12
_DIGESTS = ("training_set_digest", "code_version", "git_commit")


def diff(
    project: ProjectArgument,
    before: Annotated[
        int, typer.Argument(metavar="V1", min=1, help="The first version.", show_default=False)
    ],
    after: Annotated[
        int, typer.Argument(metavar="V2", min=1, help="The second version.", show_default=False)
    ],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare two versions: training rows, features.sql, code, parameters, metrics and environment.

    Example: mlops diff customer_churn 1 2
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.metadata_names import IDENTITY, SENSITIVE
        from mlops_assets.stores.tracking.version_diff import diff_model_versions
        from mlops_assets.stores.warehouse.warehouse import Warehouse
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        table = names.project_asset(project, names.TRAINING_SET)
        with err.status("comparing"):
            tracking = workspace.tracking
            versions = [tracking.registry.version(project, number) for number in (before, after)]
            found = diff_model_versions(
                Warehouse(workspace.state.warehouse),
                tracking,
                *versions,
                identity=workspace.declared(table, IDENTITY, default=[]),
                sensitive=workspace.declared(table, SENSITIVE, default=[]),
            )
        if as_json:
            print_json(found.to_json())
        else:
            _print(found)


def _print(found: "VersionDiff") -> None:
    if found.same_model:
        print_line(f"versions {found.before} and {found.after} are the same model")
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for number in (found.before, found.after):
        table.add_column(f"version {number}", overflow="fold")
    _add(table, found.facts, "")
    _add(table, found.tables, "table ")
    _add(table, found.parameters, "parameter ")
    for name, sides in found.metrics.items():
        table.add_row(name, *("" if value is None else f"{value:.6g}" for value in sides))
    _add(table, found.environment, "environment ")
    print_table(out, table)
    print_line("")
    if found.data is None:
        print_line(f"training set: can't be compared: {found.data_error}")
    elif found.data.rows is None:
        print_line("training set: the same rows")
    else:
        for line in row_lines(found.data.rows):
            print_line(f"training set: {line}")
    for name, text in found.code.items():
        print_line("")
        print_line(text or name)
    for name, reason in found.code_errors.items():
        print_line(f"{name}: can't be compared: {reason}")


def _add(table: Table, sides: "Mapping[str, tuple[str, str]]", kind: str) -> None:
    for name, (before, after) in sides.items():
        digits = _DIGITS if name in _DIGESTS else None
        table.add_row(f"{kind}{name}", before[:digits], after[:digits])
