"""Queries over many columns: how DuckDB plans them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

_Item = TypeVar("_Item")

MANY_COLUMNS = 250
"""Above this number, columns are planned without two optimizers, and rules and aggregates in groups: DuckDB
holds a vector for each part of an expression."""
_QUADRATIC = "common_subexpressions,projection_placement"
WRONG_OPTIMIZERS = "window_self_join"
"""In DuckDB 2.0.0 this optimizer drops the filter on a Hive partition below a window function, and the query
returns rows of other partitions."""


def in_groups(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Columns or expressions in groups, each of which one statement computes within the memory limit."""
    for start in range(0, len(items), MANY_COLUMNS):
        yield items[start : start + MANY_COLUMNS]


def plan_narrow(connection: "duckdb.DuckDBPyConnection") -> None:
    """Plan queries with all optimizers again, but for the wrong one: the settings are those of a database."""
    connection.execute(f"set disabled_optimizers = '{WRONG_OPTIMIZERS}'")


def plan_wide(connection: "duckdb.DuckDBPyConnection", columns: int) -> None:
    """Let a connection plan queries over many columns in a time that is linear in their number.

    Two optimizers are quadratic in the expressions of a select list: they take ten times as long as all other
    parts of the plan of a cast of 2,000 columns. With few columns they save a fifth of the cast.

    Parameters
    ----------
    connection
        One that is confined already keeps its settings.
    columns
        The number of columns that queries of the connection read.
    """
    if columns <= MANY_COLUMNS:
        return
    [[locked]] = connection.execute("select current_setting('lock_configuration')").fetchall()
    if not locked:
        connection.execute(f"set disabled_optimizers = '{WRONG_OPTIMIZERS},{_QUADRATIC}'")
