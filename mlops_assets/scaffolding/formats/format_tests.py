"""Tests of formats on all rows: how many values a format reads, and which it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.sql_quoting import count_where, literal, quoted
from mlops_assets.ml.contracts.columns import Column

_TESTS_A_QUERY = 50
_ODD_SHARE = 0.05
"""Maximum share of values in another format for them to be named."""


@dataclass(frozen=True)
class FormatTest:
    """How many values of a column a format reads.

    Attributes
    ----------
    filled
        Number of rows with a value.
    missing
        Number of these with a text for a missing value.
    others
        Number of the others that are in another format, with an example.
    """

    filled: int
    missing: int
    others: int
    example: str

    @property
    def fits(self) -> bool:
        """Whether it reads every value, and at least half of the values are not missing."""
        return not self.others and 2 * self.missing <= self.filled and self.missing < self.filled


def run_tests(
    connection: duckdb.DuckDBPyConnection, table: str, candidates: Sequence[Column], nulls: Sequence[str]
) -> dict[Column, FormatTest]:
    """Test the candidates on all rows."""
    found: dict[Column, FormatTest] = {}
    listed = ", ".join(map(literal, nulls))
    for start in range(0, len(candidates), _TESTS_A_QUERY):
        tested = candidates[start : start + _TESTS_A_QUERY]
        aggregates = []
        for each in tested:
            raw = quoted(each.name)
            missing = f"{raw}::varchar in ({listed})" if listed else "false"
            lost = f"not ({missing}) and ({each.cast_sql()}) is null"  # null without a value
            aggregates.append(
                f"count({raw}), {count_where(missing)}, "
                f"{count_where(f'{raw} is not null and {lost}')}, "
                f"min(case when {raw} is not null and {lost} then {raw}::varchar end)"
            )
        [row] = connection.execute(f"select {', '.join(aggregates)} from {table}").fetchall()
        parts = zip(row[::4], row[1::4], row[2::4], row[3::4], strict=True)
        found |= {each: FormatTest(*part) for each, part in zip(tested, parts, strict=True)}
    return found


def odd_values_doubts(nearest: Column, tests: Mapping[Column, FormatTest]) -> list[str]:
    """A doubt about a column in which few values lack the format of the others."""
    test = tests[nearest]
    if test.others > _ODD_SHARE * test.filled:
        return []
    return [
        f"{nearest.name} stays text because of {test.others:,} of {test.filled:,} values, such as "
        f"{test.example!r}; the others have the format {nearest.example}: correct them, or declare the "
        "format in defs.yaml and the type in schema.py, which quarantines their rows"
    ]


def is_read(connection: duckdb.DuckDBPyConnection, column: Column, value: str) -> bool:
    """Whether a format reads a value."""
    query = f"select ({column.cast_sql()}) is not null from (select ? as {quoted(column.name)})"
    [(found,)] = connection.execute(query, [value]).fetchall()
    return bool(found)


def present_nulls(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], nulls: Sequence[str]
) -> tuple[str, ...]:
    """The texts for missing values that occur in some columns."""
    if not names or not nulls:
        return ()
    listed = ", ".join(map(literal, nulls))
    lists = ", ".join(
        f"list(distinct {quoted(name)}::varchar) filter ({quoted(name)}::varchar in ({listed}))"
        for name in names
    )
    [found] = connection.execute(f"select {lists} from {table}").fetchall()
    used = {text for texts in found for text in texts or ()}
    return tuple(text for text in nulls if text in used)
