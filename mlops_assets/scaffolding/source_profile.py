"""Profile of a source: its format, and the profiles of its columns and of their parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted, quoted_list
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.wide_queries import plan_wide
from mlops_assets.scaffolding.column_profile import MAX_VALUES, ColumnProfile
from mlops_assets.scaffolding.formats.missing_values import with_formats
from mlops_assets.scaffolding.formats.number_codes import keep_codes_as_text
from mlops_assets.scaffolding.formats.text_formats import Choose, find_formats
from mlops_assets.scaffolding.loading.agreement import type_doubts
from mlops_assets.scaffolding.loading.nested import PartSql
from mlops_assets.scaffolding.loading.rows import SEEN, Query, load_rows
from mlops_assets.scaffolding.parts import Part, part_expressions
from mlops_assets.scaffolding.values.null_texts import NULL_TEXTS
from mlops_assets.scaffolding.values.odd_values import odd_values
from mlops_assets.scaffolding.values.plain_values import plain_cast_sql, value_ranges
from mlops_assets.scaffolding.values.value_detection import DetectedValues, detect_values
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

if TYPE_CHECKING:
    import pandas as pd

_MANY_VALUES = 1000
"""Above this number, distinct values are counted approximately, unless every row may have its own."""
_NEARLY_ALL = 0.9
_TRIED_ROWS = 200_000
"""Rows of a larger table in which a repeated value shows that not every row has its own."""
_HASHED_COLUMNS = 4


@dataclass(frozen=True)
class SourceProfile:
    """Profile of a source.

    Attributes
    ----------
    dialect
        The detected dialect of its CSV files.
    doubts
        What the rows do not decide, for the user.
    sample
        Some rows with typed values.
    formats
        The settings of columns of times or numbers with a format of their own.
    parts
        Parts of columns, such as the values of JSON objects, that are features instead of them.
    hints
        What is unusual about a column with parts, for a draft that does not read them.
    """

    columns: tuple[ColumnProfile, ...]
    sample: "pd.DataFrame"
    dialect: Dialect = DEFAULT_DIALECT
    doubts: tuple[str, ...] = ()
    formats: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)


def profile_source(
    source: Path | Query,
    *,
    subject: str,
    root: Path = Path(),
    dialect: Dialect = DEFAULT_DIALECT,
    choose: Choose | None = None,
) -> SourceProfile:
    """Detect the format of a source and profile all of its rows.

    Parameters
    ----------
    source
        File, glob or folder, as `source` in `defs.yaml`, or a query.
    subject
        Subject of error messages.
    root
        The folder that the path of a database starts from.
    dialect
        Settings of the files that are known; those that have their default value are detected.
    choose
        Chooses between formats of times that differ in the order of day and month; see `find_formats`.

    Raises
    ------
    DataError
        When there is no file or it can't be read, there are no rows, or a column name is reserved.
    """
    with duckdb.connect() as connection:
        connection.execute(UTC_SESSION)
        loaded = load_rows(connection, source, root=root, subject=subject, dialect=dialect)
        plan_wide(connection, len(loaded.columns))
        known = loaded.declarable
        detected = detect_values(connection, SEEN, loaded.columns, known, marks=loaded.has_texts)
        coded = keep_codes_as_text(connection, detected.rows, detected.columns)
        detected = detected.retyped(coded)
        formats = find_formats(
            connection,
            detected.rows,
            coded,
            detected.dialect,
            nulls=NULL_TEXTS if known and not known.nulls else (),
            choose=choose,
        )
        detected = with_formats(connection, detected, formats)
        typed = {
            column.name: plain_cast_sql(column) if column.name in detected.plain else column.cast_sql()
            for column in detected.columns
        }
        profiles = _profiles(connection, detected, typed)
        if profiles[0].rows == 0:
            raise DataError(
                f"{subject}: {source} has no rows", hint="choose a source with rows to draft a project from"
            )
        read = part_expressions(
            connection, detected.rows, detected.columns, loaded.nested, numbers=known is None
        )
        parts = _parts(connection, detected, read)
        sample = _sample(
            connection, detected, profiles, typed | {name: part.sql for name, part in read.items()}
        )
        hints = {column.name: column.hint for column in loaded.nested}
        odd = list[str]()
        for column in detected.columns:
            found = list(odd_values(connection, detected.rows, [column], detected.dialect, sample))
            has_parts = any(part.of == column.name for part in parts)
            hints |= {column.name: found[0]} if has_parts and found else {}
            odd += [] if has_parts else found
        if loaded.files > 1:
            odd += type_doubts(connection, detected.rows, detected.columns)
    doubts = [*loaded.doubts, *detected.doubts, *formats.doubts, *odd]
    settings = {found.name: found.declared for found in formats.found}
    return SourceProfile(
        tuple(profiles), sample, loaded.read_as(detected.dialect), tuple(doubts), settings, parts, hints
    )


def _parts(
    connection: duckdb.DuckDBPyConnection, detected: DetectedValues, read: Mapping[str, PartSql]
) -> tuple[Part, ...]:
    """The parts with their profiles."""
    if not read:
        return ()
    selected = ", ".join(f"{part.sql} as {quoted(name)}" for name, part in read.items())
    rows = f"(select {selected} from {detected.rows})"
    columns = tuple(Column(name, part.sql_type) for name, part in read.items())
    found = _profiles(
        connection,
        replace(detected, rows=rows, columns=columns, plain={}),
        {name: quoted(name) for name in read},
    )
    return tuple(
        Part(part.of, part.sql, part.why, profile) for part, profile in zip(read.values(), found, strict=True)
    )


def _sample(
    connection: duckdb.DuckDBPyConnection,
    detected: DetectedValues,
    profiles: Sequence[ColumnProfile],
    values: Mapping[str, str],
) -> "pd.DataFrame":
    """Typed rows, chosen by their hash so that the order of the file does not matter."""
    from mlops_assets.ml.features.leakage import sample_rows

    typed = ", ".join(f"{value} as {quoted(name)}" for name, value in values.items())
    number, order = sample_rows(len(profiles)), f"hash({quoted_list(_distinctive_columns(profiles))})"
    # Sorting wide rows is slow: twice as many as needed are filtered out before.
    limit = int(2**64 * min(1, 2 * number / max(profiles[0].rows, 1)))
    for condition in (f"where {order} < {limit}", ""):
        chosen = f"from {detected.rows} {condition} order by {order} limit {number}"
        sample = connection.sql(f"select {typed} from ({chosen})").df()
        if len(sample) == min(number, profiles[0].rows):
            break
    return sample


def _distinctive_columns(profiles: Sequence[ColumnProfile]) -> list[str]:
    """A few columns in which hardly any two rows are equal, if there are such; else all columns."""
    most_first = sorted(profiles, key=lambda column: -column.distinct)
    few = (
        most_first[:_HASHED_COLUMNS]
        if most_first[0].distinct >= _NEARLY_ALL * most_first[0].rows
        else profiles
    )
    return [column.name for column in few]


def _profiles(
    connection: duckdb.DuckDBPyConnection, detected: DetectedValues, values: Mapping[str, str]
) -> list[ColumnProfile]:
    """The profiles of all columns, given by their name and the SQL of their typed value."""
    table = detected.rows
    unknown = {name: value for name, value in values.items() if name not in detected.plain}
    ranges = {**detected.plain, **value_ranges(connection, table, unknown)}
    [(rows,)] = connection.execute(f"select count(*) from {table}").fetchall()
    profiles = []
    for column in detected.columns:
        seen = ranges[column.name]
        distinct, listed = seen.distinct, dict[str, int]()
        if distinct <= _MANY_VALUES:
            listed = _frequencies(connection, table, column.name, values[column.name])
            distinct = len(listed)
        elif distinct >= _NEARLY_ALL * seen.filled:
            distinct = min(distinct, seen.filled - 1)  # an approximate number does not make a key
            if _may_be_unique(connection, table, column, rows):
                query = f"select count(distinct {values[column.name]}) from {table}"
                [(distinct,)] = connection.execute(query).fetchall()
        profiles.append(
            ColumnProfile(
                column.name,
                column.sql_type,
                rows,
                rows - seen.filled,
                distinct,
                seen.least or "",
                seen.greatest or "",
                listed if distinct <= MAX_VALUES else {},
            )
        )
    return profiles


def _frequencies(connection: duckdb.DuckDBPyConnection, table: str, name: str, value: str) -> dict[str, int]:
    """The values of a column with their number of rows, sorted; each value of the source is cast once."""
    counted = f"select {quoted(name)}, count(*) as times from {table} group by all"
    return dict(
        connection.execute(
            f"select v::varchar, sum(times)::bigint from (select {value} as v, times from ({counted})) "
            "where v is not null group by v order by v"
        ).fetchall()
    )


def _may_be_unique(connection: duckdb.DuckDBPyConnection, table: str, column: Column, rows: int) -> bool:
    """Whether an exact count may show that each row has its own value: not if some rows have one repeated."""
    if rows <= _TRIED_ROWS or column.sql_type == "DOUBLE":
        return column.sql_type != "DOUBLE"
    query = f"select count({quoted(column.name)}) = count(distinct {quoted(column.name)}) "
    [(unique,)] = connection.execute(f"{query} from (from {table} limit {_TRIED_ROWS})").fetchall()
    return bool(unique)
