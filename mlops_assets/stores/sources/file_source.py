"""Files as a source, local or remote."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.request import url2pathname

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.stores.delta.writing.staging import staging
from mlops_assets.stores.files.copies import reject_copies
from mlops_assets.stores.files.locations import Files, LocalFiles
from mlops_assets.stores.files.reader import require_rows, verified_relations
from mlops_assets.stores.files.remote import RemoteFiles
from mlops_assets.stores.files.source_file import FoundFile
from mlops_assets.stores.sources.arrivals import Arrivals, arrival_of, find_arrivals, partition_relations
from mlops_assets.stores.sources.base import Fetched, Ingestion, SourceSpec

_LOCAL = "file://"


class FileSource:
    """The rows of files.

    The methods are those of `Source`.
    """

    def __init__(self, files: Files, ingestion: Ingestion) -> None:
        self.files, self.ingestion = files, ingestion

    @property
    def display_name(self) -> str:
        return self.files.display_name

    def list_files(self) -> list[FoundFile]:
        """The files that exist; subfolders count if the dates in names determine partitions."""
        by_name = self.ingestion.periods is not None and self.ingestion.column is None
        return self.files.list_files(deep=by_name)

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002 - listing the files is enough for all partitions
    ) -> Arrivals:
        periods, column = self.ingestion.periods, self.ingestion.column
        subject, written = self.ingestion.subject, self.ingestion.time_text
        try:
            return find_arrivals(
                connection, self.files, periods, column, subject=subject, until=until, time_text=written
            )
        except DataError as error:
            raise self.files.with_source_path(error) from error

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        periods, column = self.ingestion.periods, self.ingestion.column
        subject, written = self.ingestion.subject, self.ingestion.time_text
        try:
            arrival = arrival_of(
                connection, self.files, periods, column, partition, subject=subject, time_text=written
            )
            files = tuple(self.files.local_copy(file, subject=subject) for file in arrival.files)
            local = replace(arrival, files=files)
            relations = partition_relations(
                connection, local, periods, column, subject=subject, time_text=written
            )
            reject_copies(files, relations, subject=subject)
            if partition is None:
                require_rows(files, relations, subject=subject)
        except DataError as error:
            raise self.files.with_source_path(error) from error
        return Fetched(relations, arrival.fingerprint, {"files": len(files)}, files=files)

    @contextmanager
    def rows(self, fetched: Fetched) -> Iterator[Iterator[duckdb.DuckDBPyRelation]]:
        subject = self.ingestion.subject
        try:
            with verified_relations(fetched.files, fetched.relations, subject=subject) as relations:
                yield relations
        except DataError as error:
            raise self.files.with_source_path(error) from error


@contextmanager
def open_file_source(
    declared: SourceSpec, ingestion: Ingestion, *, root: Path, scratch: Path
) -> Iterator[FileSource]:
    """Open files that are declared by a path, by a URL, or by a URL with options.

    Parameters
    ----------
    root
        The folder that a relative path starts from.
    scratch
        The folder of local copies of remote files; they are removed when the source is closed.
    """
    place: str = declared if isinstance(declared, str) else declared["url"]
    options = {} if isinstance(declared, str) else declared.get("storage_options", {})
    if "://" not in place:
        yield FileSource(LocalFiles(root / Path(place).expanduser(), ingestion.dialect), ingestion)
    elif place.startswith(_LOCAL):
        path = Path(url2pathname(place.removeprefix(_LOCAL)))
        yield FileSource(LocalFiles(path, ingestion.dialect), ingestion)
    else:
        with staging(scratch) as folder:
            files = RemoteFiles(place, options, folder, subject=ingestion.subject, dialect=ingestion.dialect)
            yield FileSource(files, ingestion)
