"""The graph of a project's columns: which column is computed from which, from source to prediction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.core import names
from mlops_assets.core.text.suggestions import suggest_name

DIRECT, CONDITION = "direct", "condition"


@dataclass(frozen=True, order=True)
class ColumnNode:
    """A column of an asset, such as `raw_orders.amount`; `asset` is without the project."""

    asset: str
    column: str

    def __str__(self) -> str:
        return f"{self.asset}.{self.column}"


@dataclass(frozen=True)
class ReachedColumn:
    """A column that is reached from another one.

    Attributes
    ----------
    by
        `direct`: its values are computed from the other column's. `condition`: only the rows that it is
        computed from depend on it.
    """

    node: ColumnNode
    by: str

    @property
    def is_direct(self) -> bool:
        """Whether values are computed from values."""
        return self.by == DIRECT


@dataclass(frozen=True)
class ColumnGraph:
    """All columns of a project's tables with their inputs.

    Attributes
    ----------
    inputs
        By column, its input columns, each with `direct` or `condition`.
    order
        The assets in the order of their dependencies.
    sources
        By raw table, where it is read from, as declared.
    sensitive, protected
        Names of columns that are declared as such.
    identity
        The columns of the features that identify a row, which no model reads.
    importances
        By feature, its importance in the champion; empty if it is not known.
    not_resolved
        By asset, why its columns have no known inputs.
    champion
        The version of the champion; None without one.
    """

    project: str
    inputs: Mapping[ColumnNode, Mapping[ColumnNode, str]]
    order: Sequence[str]
    sources: Mapping[str, str] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    identity: frozenset[str] = frozenset()
    importances: Mapping[str, float] = field(default_factory=dict)
    not_resolved: Mapping[str, str] = field(default_factory=dict)
    champion: int | None = None

    def find(self, name: str) -> list[ColumnNode]:
        """Find a column by `amount`, `table.amount` or `asset.amount`, the most upstream ones.

        Raises
        ------
        KeyError
            With a suggestion, when there is none.
        """
        asset, _, column = name.rpartition(".")
        every = {*self.inputs, *(one for found in self.inputs.values() for one in found)}
        same = [one for one in every if one.column.lower() == column.lower()]
        if asset:
            same = [one for one in same if asset in (one.asset, names.table_of(("", one.asset)))]
        if not same:
            known = {one.column for one in every} | {str(one) for one in every}
            raise KeyError(suggest_name(name, sorted(known)))
        place = {asset: number for number, asset in enumerate(self.order)}
        first = min(place.get(one.asset, len(place)) for one in same)
        chosen = [one for one in same if place.get(one.asset, len(place)) == first]
        # A name may start in several tables.
        starts = [one for one in same if not self.inputs.get(one)]
        return sorted({*chosen, *starts})

    def downstream(self, start: ColumnNode) -> list[ReachedColumn]:
        """The columns that depend on a column, in the order of the assets."""
        outputs: dict[ColumnNode, dict[ColumnNode, str]] = {}
        for node, found in self.inputs.items():
            for one, by in found.items():
                outputs.setdefault(one, {})[node] = by
        return self._reached(start, outputs)

    def upstream(self, end: ColumnNode) -> list[ReachedColumn]:
        """The columns that a column depends on, in the order of the assets."""
        return self._reached(end, self.inputs)

    def features(self) -> list[ColumnNode]:
        """The features, by importance in the champion if it is known."""
        aside = {*self.identity, names.ROW_ID, names.PARTITION}
        found = [one for one in self.inputs if one.asset == names.FEATURES and one.column not in aside]
        return sorted(found, key=lambda one: (-self.importances.get(one.column, 0.0), one.column))

    def marks(self, node: ColumnNode) -> list[str]:
        """What a column is declared as, such as `sensitive`."""
        marks = (("sensitive", self.sensitive), ("protected", self.protected))
        return [mark for mark, columns in marks if node.column in columns]

    def _reached(
        self, start: ColumnNode, edges: Mapping[ColumnNode, Mapping[ColumnNode, str]]
    ) -> list[ReachedColumn]:
        """A way of direct steps counts before one with a condition."""
        found: dict[ColumnNode, str] = {}
        left = [(start, DIRECT)]
        while left:
            node, so_far = left.pop()
            for after, by in edges.get(node, {}).items():
                reached = DIRECT if so_far == by == DIRECT else CONDITION
                if after != start and found.get(after) not in (DIRECT, reached):
                    found[after] = reached
                    left.append((after, reached))
        place = {asset: number for number, asset in enumerate(self.order)}
        nodes = sorted(
            found, key=lambda one: (place.get(one.asset, len(place)), found[one] != DIRECT, one.column)
        )
        return [ReachedColumn(node, found[node]) for node in nodes]


def lineage_as_json(graph: ColumnGraph, nodes: Iterable[ColumnNode]) -> dict[str, Any]:
    """The lineage of columns as JSON, in both directions."""
    return {
        "project": graph.project,
        "champion": graph.champion,
        "columns": [
            {
                **_as_json(graph, node),
                "from": [{**_as_json(graph, one.node), "by": one.by} for one in graph.upstream(node)],
                "to": [{**_as_json(graph, one.node), "by": one.by} for one in graph.downstream(node)],
            }
            for node in nodes
        ],
        "not_resolved": dict(graph.not_resolved),
    }


def _as_json(graph: ColumnGraph, node: ColumnNode) -> dict[str, Any]:
    importance = graph.importances.get(node.column) if node.asset == names.FEATURES else None
    return {
        "asset": node.asset,
        "column": node.column,
        "marks": graph.marks(node),
        **({"importance": importance} if importance is not None else {}),
        **({"source": graph.sources[node.asset]} if node.asset in graph.sources else {}),
    }


def sources_of(graph: ColumnGraph, node: ColumnNode) -> Iterator[ReachedColumn]:
    """The columns of sources that a column is computed from."""
    starts = [one for one in graph.upstream(node) if names.layer_of(("", one.node.asset)) == names.RAW]
    yield from starts
