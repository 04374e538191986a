"""Profile of the columns of a source: types, missing values and ranges."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import PROVENANCE, RESERVED
from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, verified_relations

_NARROWEST_FIRST: tuple[SqlType, ...] = ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
"""The first type that holds all values is chosen; else text."""
MAX_VALUES = 20
"""Maximum number of distinct values that are listed."""


@dataclass(frozen=True)
class ColumnProfile:
    """Profile of a column.

    Attributes
    ----------
    rows
        Number of rows.
    nulls
        Number of rows without a value.
    distinct
        Number of distinct values.
    least, greatest
        Minimum and maximum, as text; empty without values.
    values
        Distinct values with their number of rows, sorted, if there are at most `MAX_VALUES`.
    """

    name: str
    sql_type: SqlType
    rows: int
    nulls: int
    distinct: int
    least: str
    greatest: str
    values: dict[str, int]

    @property
    def is_number(self) -> bool:
        return self.sql_type in ("BIGINT", "DOUBLE")

    @property
    def is_key(self) -> bool:
        """Whether the column identifies a row, by its name and its values."""
        named = self.name.lower() == "id" or self.name.lower().endswith(("_id", " id", "-id"))
        return named and self.nulls == 0 and self.distinct == self.rows


def profile_source(source: Path, *, subject: str) -> list[ColumnProfile]:
    """Profile all rows of a source.

    Parameters
    ----------
    source
        File, glob or folder, as `source` in `defs.yaml`.
    subject
        Subject of error messages.

    Raises
    ------
    DataError
        When there is no file or it can't be read, there are no rows, or a column name is reserved.
    """
    files = find_files(source, subject=subject)
    with duckdb.connect() as connection:
        connection.execute(UTC_SESSION)
        relations = read_files(connection, files, subject=subject)
        columns = [name for name in relations[0].columns if name not in PROVENANCE]
        _reject_reserved_names(columns, f"{subject}: {source}")
        with verified_relations(files, relations, subject=subject) as unchanged:
            for index, relation in enumerate(unchanged):
                into = "insert into seen by name" if index else "create temp table seen as"
                connection.execute(f"{into} {relation.sql_query()}")
        found = [_profile(connection, name) for name in columns]
    if found[0].rows == 0:
        raise DataError(
            f"{subject}: {source} has no rows", hint="choose a source with rows to draft a project from"
        )
    return found


def _reject_reserved_names(columns: list[str], subject: str) -> None:
    if taken := [name for name in columns if name.lower() in RESERVED]:
        raise DataError(
            f"{subject}: column {', '.join(taken)} is a reserved name", hint="rename the column in the file"
        )


def _profile(connection: duckdb.DuckDBPyConnection, name: str) -> ColumnProfile:
    column = next((Column(name, kind) for kind in _NARROWEST_FIRST if _holds(connection, name, kind)), None)
    column = column or Column(name, "VARCHAR")
    value = column.cast_sql()
    [(rows, filled, distinct, least, greatest)] = connection.execute(
        f"select count(*), count(v), count(distinct v), min(v)::varchar, max(v)::varchar "
        f"from (select {value} as v from seen)"
    ).fetchall()
    listed: dict[str, int] = {}
    if 0 < distinct <= MAX_VALUES:
        listed = dict(
            connection.execute(
                f"select v::varchar, count(*) from (select {value} as v from seen) where v is not null "
                "group by v order by v"
            ).fetchall()
        )
    return ColumnProfile(
        name, column.sql_type, rows, rows - filled, distinct, least or "", greatest or "", listed
    )


def _holds(connection: duckdb.DuckDBPyConnection, name: str, kind: SqlType) -> bool:
    """Whether a type holds all values of a column, and there is at least one.

    Numbers are not booleans.
    """
    column = Column(name, kind)
    lost = f"not {column.is_null_sql()} and ({column.cast_sql()}) is null"
    [(filled, lost_values)] = connection.execute(
        f"select count(*) filter (not {column.is_null_sql()}), count(*) filter ({lost}) from seen"
    ).fetchall()
    return filled > 0 and lost_values == 0
