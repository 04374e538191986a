"""Sources: where the rows of a table come from, whatever keeps them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.files.source_file import SourceFile
    from mlops_assets.stores.sources.arrivals import Arrivals
    from mlops_assets.stores.warehouse.warehouse import Warehouse

Declared = str | Mapping[str, Any]
"""A source as a project declares it: a text, or `sql` with `database`, `url`, or `asset`."""


@dataclass(frozen=True)
class Intake:
    """Which table takes rows in, and how they are cut into partitions.

    Attributes
    ----------
    periods, column
        None for a table without partitions; with a column, rows are dated by it.
    dialect
        How CSV files are written.
    """

    project: str
    table: str
    periods: Periods | None = None
    column: str | None = None
    dialect: Dialect = USUAL

    @property
    def subject(self) -> str:
        """Project and table, for messages."""
        return f"{self.project}: table {self.table}"


@dataclass(frozen=True)
class Fetched:
    """The rows of one partition, or of a table without partitions.

    Attributes
    ----------
    relations
        With the same columns, and with their provenance; they are read while the source is open.
    fingerprint
        The one that `Source.arrivals` tells of the same rows.
    told
        What a person should see of where they came from.
    inputs
        The versions of the tables that they were read from.
    made_of
        The content digests of the same, by asset key and partition.
    files
        That hold the rows, on this machine; of files alone.
    """

    relations: "Sequence[duckdb.DuckDBPyRelation]"
    fingerprint: str
    told: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    made_of: Mapping[tuple[tuple[str, ...], str | None], str] | None = None
    files: "Sequence[SourceFile]" = ()


class Source(Protocol):
    """Where rows come from: it lists the partitions that there are, and fetches one."""

    @property
    def shown(self) -> str:
        """What it is, for people; no secret is in it."""

    def arrivals(
        self,
        connection: "duckdb.DuckDBPyConnection",
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,
    ) -> "Arrivals":
        """All partitions that there are now, each with the fingerprint of its content.

        Parameters
        ----------
        until
            The moment up to which periods have begun; now.
        wanted
            The partitions whose fingerprints are asked for; those of others may be empty. All by default.

        Raises
        ------
        DataError
            When it can't be reached or read, or has nothing.
        """

    def fetch(self, connection: "duckdb.DuckDBPyConnection", partition: str | None) -> Fetched:
        """The rows of one partition; None for a table without partitions.

        Raises
        ------
        DataError
            When it can't be reached or read, or has nothing of the partition.
        """

    def rows(self, fetched: Fetched) -> "AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]":
        """The relations that were fetched, one after another; read them before the context ends.

        Raises
        ------
        DataError
            When rows break off while they are read.
        """


@contextmanager
def faults_told(
    fetched: Fetched, broken: "Callable[[Exception], DataError]"
) -> "Iterator[Iterator[duckdb.DuckDBPyRelation]]":
    """The relations that were fetched; what DuckDB says of them meanwhile is told by `broken`."""
    import duckdb

    try:
        yield iter(fetched.relations)
    except duckdb.Error as error:
        raise broken(error) from error


def scratch_of(warehouse: "Warehouse") -> Path:
    """Where copies and extracts lie: on the disk that has to hold the table anyway."""
    return warehouse.root / ".sources"
