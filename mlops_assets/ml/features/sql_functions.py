"""Functions of DuckDB whose result depends on their arguments alone, by DuckDB's own catalog."""

import difflib
from dataclasses import dataclass
from functools import cache

import duckdb

_EXPRESSION_KINDS = ("scalar", "aggregate", "window")
_CLOCK_OR_SESSION = {
    *("current_localtime", "current_localtimestamp", "version", "json_serialize_plan"),
    *("reservoir_quantile", "approx_quantile", "approx_top_k"),
}
"""Functions labelled CONSISTENT by DuckDB, whose result differs between runs, versions or threads."""
_CONSISTENT = {"error"}
"""Functions labelled VOLATILE, so that they are not folded, whose result is the same in every run."""
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}
"""Table functions that read their arguments only."""
_SINGLE_ARGUMENT = {"age"}
"""Functions that compare with the current date if they have one argument."""
TIME_KEYWORDS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
"""Names that DuckDB reads as functions where no column has them."""
ORDER_DEPENDENT = {
    *("any_value", "arbitrary", "first", "last", "mode", "lttb"),
    *("list", "array_agg", "string_agg", "group_concat", "listagg"),
    *("json_group_array", "json_group_object", "json_group_structure", "variant_group_array"),
    "variant_group_object",
}
"""Aggregates whose result depends on the order of the rows, unless they have an ORDER BY of their own."""
ORDER_DEPENDENT_WINDOWS = {
    *("row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value", "fill"),
}
"""Window functions whose result depends on the order of the rows, unless the window has an ORDER BY."""


@dataclass(frozen=True)
class Catalog:
    """The functions of one version of DuckDB.

    Attributes
    ----------
    consistent, inconsistent
        Names of functions for expressions.
    macros
        Definitions of each macro, which is as consistent as what it calls.
    tables
        Names of functions that are called in FROM.
    """

    consistent: frozenset[str]
    inconsistent: frozenset[str]
    macros: dict[str, tuple[str, ...]]
    tables: frozenset[str]

    def is_known(self, name: str) -> bool:
        """Whether an expression can call the function."""
        return name in self.consistent or name in self.inconsistent or name in self.macros

    def is_consistent(self, name: str, arguments: int) -> bool:
        """Whether a function that is not a macro depends on its arguments alone."""
        if name in _SINGLE_ARGUMENT and arguments < 2:  # in x.age(), x is not an argument
            return False
        return name in _CONSISTENT or (name in self.consistent and name not in self.inconsistent)

    def similar(self, name: str) -> list[str]:
        """Names of functions that are spelled similarly."""
        return difflib.get_close_matches(name, [*self.consistent, *self.macros], n=2)


def reads_arguments_only(table_function: str) -> bool:
    """Whether a function in FROM reads nothing but its arguments."""
    return table_function in _TABLE_FUNCTIONS


@cache
def catalog() -> Catalog:
    """The functions of the installed DuckDB."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select lower(function_name), function_type, stability, macro_definition from duckdb_functions()"
        ).fetchall()
    called = [(name, stability) for name, kind, stability, _ in rows if kind in _EXPRESSION_KINDS]
    volatile = {name for name, stability in called if stability != "CONSISTENT"} - _CONSISTENT
    macros: dict[str, tuple[str, ...]] = {}
    for name, kind, _, definition in rows:
        if kind == "macro":
            macros[name] = (*macros.get(name, ()), definition)
    return Catalog(
        consistent=frozenset({name for name, _ in called} | {"unnest"}),
        inconsistent=frozenset(volatile | _CLOCK_OR_SESSION),
        macros=macros,
        tables=frozenset(name for name, kind, *_ in rows if kind in ("table", "table_macro")),
    )
