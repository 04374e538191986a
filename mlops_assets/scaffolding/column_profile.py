"""What the columns of a source look like.

Types are those that a contract would accept for every value: those of `ml/contracts/columns.py`.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import PROVENANCE, RESERVED
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, verified_relations

_NARROWEST_FIRST: tuple[SqlType, ...] = ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")
"""The first that holds every value is taken; text holds all."""
MOST_VALUES = 20
"""Up to so many different values are listed."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column as it was seen.

    Attributes
    ----------
    rows
        Of the source, with and without a value.
    nulls
        Rows without a value.
    distinct
        Different values.
    least, greatest
        The ends of what was seen, as text; empty without values.
    values
        All different values with their number of rows, sorted, if there are at most `MOST_VALUES`.
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
        """Whether its name and its values say that it identifies a row."""
        named = self.name.lower() == "id" or self.name.lower().endswith(("_id", " id", "-id"))
        return named and self.nulls == 0 and self.distinct == self.rows


def profile_source(source: Path, *, subject: str) -> list[ColumnProfile]:
    """Look at every row of a source once for types, and once for what the columns hold.

    Parameters
    ----------
    source
        A file, a glob or a folder, as `source` in `defs.yaml`.
    subject
        What is read, for messages.

    Raises
    ------
    DataError
        When there is no file, when one can't be read, and when there are no rows or names are reserved.
    """
    files = find_files(source, subject=subject)
    with duckdb.connect() as connection:
        relations = read_files(connection, files, subject=subject)
        columns = [name for name in relations[0].columns if name not in PROVENANCE]
        _refuse_reserved(columns, f"{subject}: {source}")
        with verified_relations(files, relations, subject=subject) as unchanged:
            for place, relation in enumerate(unchanged):
                into = "insert into seen by name" if place else "create temp table seen as"
                connection.execute(f"{into} {relation.sql_query()}")
        found = [_profile(connection, name) for name in columns]
    if found[0].rows == 0:
        raise DataError(f"{subject}: {source} has no rows", hint="a project is drafted from rows that it has")
    return found


def _refuse_reserved(columns: list[str], subject: str) -> None:
    if taken := [name for name in columns if name.lower() in RESERVED]:
        raise DataError(
            f"{subject}: column {', '.join(taken)} is a reserved name", hint="rename it in the file"
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
    if 0 < distinct <= MOST_VALUES:
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
    """Whether a type holds every value of a column, and there is any.

    A clock time makes a date of more than a day, and numbers are no truth values.
    """
    column = Column(name, kind)
    lost = f"not {column.is_null_sql()} and ({column.cast_sql()}) is null"
    if kind == "DATE":
        lost = f"({lost}) or try_cast({quoted(name)} as timestamp) != try_cast({quoted(name)} as date)"
    [(filled, faults)] = connection.execute(
        f"select count(*) filter (not {column.is_null_sql()}), count(*) filter ({lost}) from seen"
    ).fetchall()
    return filled > 0 and faults == 0
