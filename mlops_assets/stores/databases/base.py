"""The protocol of databases, and of the snapshot of a query."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
DAY = "_day"
"""Column of an extract with several partitions: the day of a row's arrival time; null without one."""


@dataclass(frozen=True)
class DaySpan:
    """The rows that arrived in a half-open span of days.

    Attributes
    ----------
    column
        The arrival column as the query spells it.
    start
        The first day. With None, the span includes all rows before `end`, and rows without a time.
    end
        The day after the last one.
    """

    column: str
    start: date | None
    end: date


class QuerySnapshot(Protocol):
    """The result of a query in one state of its database; it does not change while the snapshot is open."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the query's columns."""

    def days(self, column: str) -> Sequence[tuple[str | None, int]]:
        """The number of rows for each day, such as `2025-03-31`; None for rows without a day.

        Raises
        ------
        DataError
            If the column's type is not temporal.
        """

    def extract(self, path: Path, span: DaySpan | None = None, *, day_of: str | None = None) -> None:
        """Write rows to a Parquet file, with every column as text.

        Parameters
        ----------
        span
            Only the rows of these days; by default all rows.
        day_of
            Add the column `_day`: the day of the time in this column.
        """


class Database(Protocol):
    """A database that can be queried."""

    @property
    def display_name(self) -> str:
        """The database for messages; it contains no secret."""

    def snapshot(self, query: str, *, subject: str, place: str) -> AbstractContextManager[QuerySnapshot]:
        """Open a read-only snapshot of a query.

        Parameters
        ----------
        subject
            Project and table for error messages, such as `churn: table customers`.
        place
            The file or setting that contains the query, for error messages.
        """
