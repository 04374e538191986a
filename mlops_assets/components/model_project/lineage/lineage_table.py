"""The column lineage of a project as a part of a page: one row for each feature, readable on a telephone."""

from markupsafe import Markup

from mlops_assets.components.model_project.lineage.column_graph import ColumnGraph, ColumnNode, sources_of
from mlops_assets.core import names

_MOST = 200
"""Features in the table; a wide project has thousands, of which these are the most important."""


def lineage_table(graph: ColumnGraph) -> Markup | None:
    """Render the features with the columns of sources that they are computed from, names only.

    None while there are no features.
    """
    features = graph.features()
    if not features:
        return None
    rows = Markup("").join(_row(graph, node) for node in features[:_MOST])
    more = f"; the {_MOST} most important of {len(features):,} features" if len(features) > _MOST else ""
    champion = f" Importance in champion version {graph.champion}." if graph.importances else ""
    notes = Markup("").join(
        Markup("<p>The columns of {} are not resolved: {}</p>").format(asset, reason)
        for asset, reason in graph.not_resolved.items()
    )
    return Markup(
        "<p>Columns of the sources that each feature is computed from{}.{}</p>"
        '<table class="stack"><thead><tr><th>feature</th><th>importance</th><th>computed from</th>'
        "<th>rows depend on</th></tr>"
        "</thead><tbody>{}</tbody></table>{}"
    ).format(more, champion, rows, notes)


def _row(graph: ColumnGraph, node: ColumnNode) -> Markup:
    importance = graph.importances.get(node.column)
    sides = [source_names(graph, node, direct=direct) for direct in (True, False)]
    return Markup(
        '<tr><td>{}</td><td data-name="importance">{}</td><td data-name="computed from">{}</td>'
        '<td data-name="rows depend on">{}</td></tr>'
    ).format(marked(graph, node, node.column), "" if importance is None else f"{importance:.4g}", *sides)


def source_names(graph: ColumnGraph, node: ColumnNode, *, direct: bool) -> str:
    """The columns of sources that the values of a column depend on; or its rows, without `direct`."""
    return ", ".join(
        marked(graph, one.node, f"{names.table_of(('', one.node.asset))}.{one.node.column}")
        for one in sources_of(graph, node)
        if one.is_direct == direct
    )


def marked(graph: ColumnGraph, node: ColumnNode, text: str) -> str:
    """A name with what the column is declared as."""
    marks = graph.marks(node)
    return f"{text} [{', '.join(marks)}]" if marks else text
