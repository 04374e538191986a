"""Column lineage as metadata of a materialization: the input columns of each column, names only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from mlops_assets.core.redaction.redact import redact

LINEAGE = "dagster/column_lineage"
CONDITIONS = "column_conditions"
"""Materialization metadata: the columns in conditions of joins, filters and groups, as `project/asset.name`,
by column; `*` are those of all columns of the table."""
NOT_RESOLVED = "column_lineage_not_resolved"
"""Materialization metadata: why the text of a query does not show the inputs of its columns."""

InputColumn = tuple[dg.AssetKey, str]


@dataclass(frozen=True)
class ColumnLineage:
    """The input columns of the columns of a table.

    Attributes
    ----------
    direct
        By column, the columns that its values are computed from.
    conditions
        By column, those that decide which rows it is computed from.
    not_resolved
        Why a part is missing; empty if it is complete.
    """

    direct: Mapping[str, Iterable[InputColumn]]
    conditions: Mapping[str, Iterable[InputColumn]] = field(default_factory=dict)
    not_resolved: str = ""

    def __or__(self, other: "ColumnLineage") -> "ColumnLineage":
        """Both, of different columns of one table."""
        return ColumnLineage(
            {**self.direct, **other.direct},
            {**self.conditions, **other.conditions},
            self.not_resolved or other.not_resolved,
        )

    def metadata(self) -> dict[str, Any]:
        """The lineage as metadata; the order of columns is that of the table, of inputs by name."""
        found: dict[str, Any] = {}
        if any(inputs for inputs in map(set, self.direct.values())):
            found[LINEAGE] = dg.TableColumnLineage(
                {
                    column: [dg.TableColumnDep(key, name) for key, name in sorted(set(inputs))]
                    for column, inputs in self.direct.items()
                }
            )
        conditions = {column: set(inputs) for column, inputs in self.conditions.items()}
        shared = set.intersection(*conditions.values()) if conditions else set()
        listed = {"*": shared, **{column: inputs - shared for column, inputs in conditions.items()}}
        if named := {column: _named(inputs) for column, inputs in listed.items() if inputs}:
            found[CONDITIONS] = dg.MetadataValue.json(named)
        if self.not_resolved:
            found[NOT_RESOLVED] = self.not_resolved
        return found


def copied_columns(key: dg.AssetKey, columns: Iterable[str], *, of: Iterable[str]) -> ColumnLineage:
    """Lineage of columns that are those of another table under the same name.

    Parameters
    ----------
    of
        The columns of the other table.
    """
    known = set(of)
    return ColumnLineage({column: [(key, column)] for column in columns if column in known})


def query_columns(
    sql: str, tables: Mapping[str, tuple[dg.AssetKey, Sequence[str]]], outputs: Sequence[str]
) -> ColumnLineage:
    """Lineage of the columns of a query.

    Parameters
    ----------
    tables
        Asset and columns by the name of the table in the query.
    outputs
        The columns that the query returns.
    """
    from mlops_assets.ml.lineage.query_lineage import query_lineage

    found = query_lineage(sql, {name: columns for name, (_, columns) in tables.items()}, outputs)
    if found.not_resolved:
        return ColumnLineage({}, not_resolved=redact(found.not_resolved))

    def inputs(columns: Iterable[tuple[str, str]]) -> list[InputColumn]:
        return [(tables[table][0], name) for table, name in columns]

    return ColumnLineage(
        {name: inputs(one.direct) for name, one in found.columns.items()},
        {name: inputs(one.indirect) for name, one in found.columns.items()},
    )


def _named(columns: Iterable[InputColumn]) -> list[str]:
    return sorted(f"{key.to_user_string()}.{name}" for key, name in columns)
