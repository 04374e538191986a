"""The protocol of sources: ingestion, fetched rows and the source itself."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import SCORING
from mlops_assets.core.periods import Periods
from mlops_assets.ml.contracts.time_sql import ISO_IN_UTC, TimeText
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.files.source_file import SourceFile
    from mlops_assets.stores.sources.arrivals import Arrivals
    from mlops_assets.stores.warehouse.warehouse import Warehouse

SourceSpec = str | Mapping[str, Any]
"""A declared source: a path or URL, or a mapping with `sql` and `database`, with `url`, or with `asset`."""


@dataclass(frozen=True)
class Ingestion:
    """The table that is ingested, and how its rows are assigned to partitions.

    Attributes
    ----------
    periods
        The partitions; None for a table without partitions.
    column
        The column whose time assigns a row to a partition. None to assign files by the dates in their names.
    dialect
        The dialect of CSV files.
    time_text
        How times in `column` are written.
    """

    project: str
    table: str
    periods: Periods | None = None
    column: str | None = None
    dialect: Dialect = DEFAULT_DIALECT
    time_text: TimeText = ISO_IN_UTC

    @property
    def subject(self) -> str:
        """Project and table, for messages."""
        return f"{self.project}: table {self.table}"

    @property
    def path(self) -> str:
        """The path of the table's settings in `defs.yaml`, for messages."""
        return SCORING if self.table == SCORING else f"tables.{self.table}"


@dataclass(frozen=True)
class Fetched:
    """The rows of one partition, or of a table without partitions.

    Attributes
    ----------
    relations
        Relations with the same columns, including provenance. Read them before the source is closed.
    fingerprint
        The fingerprint that `Source.arrivals` returns for the same rows.
    details
        Metadata about the origin of the rows, such as the number of files.
    inputs
        The versions of the tables that were read, by asset key.
    input_digests
        The content digests of the tables that were read, by asset key and partition.
    files
        The local files that contain the rows, if the source is files.
    """

    relations: "Sequence[duckdb.DuckDBPyRelation]"
    fingerprint: str
    details: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    input_digests: Mapping[tuple[tuple[str, ...], str | None], str] | None = None
    files: "Sequence[SourceFile]" = ()


class Source(Protocol):
    """The origin of a table's rows: it lists the available partitions and fetches their rows."""

    @property
    def display_name(self) -> str:
        """The source for messages; it contains no secret."""

    def arrivals(
        self,
        connection: "duckdb.DuckDBPyConnection",
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,
    ) -> "Arrivals":
        """All available partitions with the fingerprints of their content.

        Parameters
        ----------
        until
            Only periods that begin before this time; by default now.
        wanted
            The partitions whose fingerprints are required; those of others may be empty. By default all.

        Raises
        ------
        DataError
            If the source can't be reached or read, or is empty.
        """

    def fetch(self, connection: "duckdb.DuckDBPyConnection", partition: str | None) -> Fetched:
        """The rows of one partition; None for a table without partitions.

        Raises
        ------
        DataError
            If the source can't be reached or read, or has no data for the partition.
        """

    def rows(self, fetched: Fetched) -> "AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]":
        """Iterate over the fetched relations; read them before the context ends.

        Raises
        ------
        DataError
            If the rows can't be read to their end.
        """


@contextmanager
def translated_errors(
    fetched: Fetched, translate: "Callable[[Exception], DataError]"
) -> "Iterator[Iterator[duckdb.DuckDBPyRelation]]":
    """Iterate over the fetched relations; DuckDB's errors are raised as `translate` returns them."""
    import duckdb

    try:
        yield iter(fetched.relations)
    except duckdb.Error as error:
        raise translate(error) from error


def scratch_folder(warehouse: "Warehouse") -> Path:
    """The folder of copies and extracts, on the disk of the tables."""
    return warehouse.root / ".sources"
