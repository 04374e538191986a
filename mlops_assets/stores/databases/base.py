"""Databases: what a query of a source needs of one, whichever it is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
DAY = "_day"
"""In an extract that is cut into partitions later: the day of a row's arrival; null when it has none."""


@dataclass(frozen=True)
class Cut:
    """The rows that arrived in a half-open span of days.

    Attributes
    ----------
    column
        As the query spells it.
    start
        The first day; with None, rows that have no time belong to it, and all before the end.
    end
        The first day after it.
    """

    column: str
    start: date | None
    end: date


class Snapshot(Protocol):
    """What a query returns in one state of its database, however often it is asked."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the query's columns."""

    def days(self, column: str) -> Sequence[tuple[str | None, int]]:
        """How many rows arrived on each day, `2025-03-31`; those without a day under None.

        Raises
        ------
        DataError
            When the column's type holds no time.
        """

    def extract(self, path: Path, cut: Cut | None = None, *, day_of: str | None = None) -> None:
        """Write rows to a Parquet file, every column as text.

        Parameters
        ----------
        cut
            Only these rows.
        day_of
            Also write the column `_day`: the day in this column.
        """


class Database(Protocol):
    """A database that a query can be asked of."""

    @property
    def shown(self) -> str:
        """Its address, without secrets."""

    def snapshot(self, query: str, *, subject: str, place: str) -> AbstractContextManager[Snapshot]:
        """Open one state of the database, which nobody's later change alters; nothing can be written.

        Parameters
        ----------
        subject
            What is read, for messages: `churn: table customers`.
        place
            Where the query is written.
        """
