"""`mlops lineage`: the columns that a column is computed from, and those that are computed from it."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    out,
    plain_errors,
    print_line,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.components.model_project.lineage.column_graph import ColumnGraph, ColumnNode


def lineage(
    project: ProjectArgument,
    column: Annotated[
        str | None,
        typer.Argument(help="Column such as `amount` or `orders.amount`, or a feature.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the sources of each feature; of one column, all columns before and after it. Names only.

    Example: mlops lineage customer_churn transactions.amount
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.lineage.collect import column_lineage_of
        from mlops_assets.components.model_project.lineage.column_graph import lineage_as_json
        from mlops_assets.workspace.status.read_only_instance import read_only_instance
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        with read_only_instance(workspace) as instance:
            assets = workspace.definitions.resolve_all_asset_specs()
            graph = column_lineage_of(assets, instance, project) if instance else None
        if graph is None or not graph.inputs:
            raise ProjectError(
                f"{project} has no column lineage yet", hint=f"materialize its tables: mlops run {project}"
            )
        nodes = _found(graph, column) if column else graph.features()
        if as_json:
            print_json(lineage_as_json(graph, nodes))
            return
        if column is None:
            print_table(out, _features(graph))
        for node in nodes if column else ():
            _print_column(graph, node)
        for asset, reason in graph.not_resolved.items():
            print_line(f"note: the columns of {asset} are not resolved: {reason}")


def _found(graph: "ColumnGraph", column: str) -> list["ColumnNode"]:
    try:
        return graph.find(column)
    except KeyError as error:
        raise ProjectError(f"{graph.project} has no column {column}", hint=str(error.args[0])) from error


def _features(graph: "ColumnGraph") -> Table:
    """Each feature with the columns of sources that its values and its rows depend on."""
    from mlops_assets.components.model_project.lineage.lineage_table import marked, source_names

    table = Table("feature", "importance", "computed from", "rows depend on", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for node in graph.features():
        importance = graph.importances.get(node.column)
        table.add_row(
            escape(marked(graph, node, node.column)),
            "" if importance is None else f"{importance:.4g}",
            *(escape(source_names(graph, node, direct=direct)) for direct in (True, False)),
        )
    return table


def _print_column(graph: "ColumnGraph", node: "ColumnNode") -> None:
    from mlops_assets.components.model_project.lineage.lineage_table import marked

    print_line(marked(graph, node, str(node)))
    for title, found in (("from", graph.upstream(node)), ("to", graph.downstream(node))):
        by_asset: dict[tuple[str, bool], list[str]] = {}
        for one in found:
            shown = marked(graph, one.node, one.node.column)
            importance = graph.importances.get(one.node.column)
            if one.node.asset == names.FEATURES and importance is not None:
                shown += f" (importance {importance:.4g})"
            by_asset.setdefault((one.node.asset, one.is_direct), []).append(shown)
        for (asset, direct), columns in by_asset.items():
            how = "" if direct else " (decides the rows)"
            print_line(f"  {title} {asset}{how}: {', '.join(columns)}")
            if title == "from" and asset in graph.sources:
                print_line(f"       {asset} is read from {graph.sources[asset]}")
    if node.asset in graph.sources:
        print_line(f"  read from {graph.sources[node.asset]}")
    reached = {one.node for one in graph.downstream(node) if one.is_direct}
    used = [one for one in graph.features() if one in reached or one == node]
    if used and graph.champion is not None:
        print_line(f"  champion version {graph.champion} reads {len(used)} of its features")
