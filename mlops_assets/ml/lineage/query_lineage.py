"""The columns of tables that each output column of a query is computed from, from its text alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot.errors import SqlglotError

from mlops_assets.ml.lineage.column_inputs import ColumnInputs
from mlops_assets.ml.lineage.relation_lineage import NotResolvedError, resolve


@dataclass(frozen=True)
class QueryLineage:
    """The inputs of the output columns of a query.

    Attributes
    ----------
    columns
        By name of the output column; empty if the query is not resolved.
    not_resolved
        Why the text does not show what the columns depend on; empty if it does.
    """

    columns: Mapping[str, ColumnInputs]
    not_resolved: str = ""


def query_lineage(sql: str, tables: Mapping[str, Sequence[str]], outputs: Sequence[str]) -> QueryLineage:
    """Find the inputs of the columns of a query.

    The inputs may include a column without influence on any value, but no column with an influence is
    missing. A query with a construct that is not understood is not resolved.

    Parameters
    ----------
    tables
        The columns of each table that the query reads.
    outputs
        The columns that DuckDB returns for the query; in order, if there are some without a name.
    """
    return _cached(sql, tuple((name, tuple(columns)) for name, columns in tables.items()), tuple(outputs))


@lru_cache(maxsize=32)
def _cached(
    sql: str, tables: tuple[tuple[str, tuple[str, ...]], ...], outputs: tuple[str, ...]
) -> QueryLineage:
    try:
        found = resolve(sql, {name: list(columns) for name, columns in tables})
        if {name.lower() for name in outputs} <= found.keys():
            return QueryLineage({name: found[name.lower()] for name in outputs})
        if len(found) != len(outputs):
            raise NotResolvedError(f"{len(found)} columns were found, and DuckDB returns {len(outputs)}")
    except NotResolvedError as error:
        return QueryLineage({}, str(error))
    except SqlglotError as error:
        [reason, *_] = str(error).splitlines() or [type(error).__name__]
        return QueryLineage({}, f"sqlglot does not understand the query: {reason}")
    except RecursionError:
        return QueryLineage({}, "an expression is nested too deeply")
    # Columns without a name have another one in DuckDB.
    return QueryLineage(dict(zip(outputs, found.values(), strict=True)))
