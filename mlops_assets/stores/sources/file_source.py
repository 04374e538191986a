"""Files as a source, wherever they are."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.request import url2pathname

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.stores.delta.staging import staging
from mlops_assets.stores.files.locations import Files, LocalFiles
from mlops_assets.stores.files.reader import each_unchanged, refuse_empty
from mlops_assets.stores.files.remote import RemoteFiles
from mlops_assets.stores.sources.arrivals import Arrivals, arrival_of, find_arrivals, partition_relations
from mlops_assets.stores.sources.base import Declared, Fetched, Intake

_LOCAL = "file://"


class FileSource:
    """The rows of files."""

    def __init__(self, files: Files, intake: Intake) -> None:
        self.files, self.intake = files, intake

    @property
    def shown(self) -> str:
        return self.files.shown

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002 - all files are there at once
    ) -> Arrivals:
        intake = self.intake
        try:
            return find_arrivals(
                connection, self.files, intake.periods, intake.column, subject=intake.subject, until=until
            )
        except DataError as error:
            raise self.files.told(error) from error

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        intake, subject = self.intake, self.intake.subject
        try:
            arrival = arrival_of(
                connection, self.files, intake.periods, intake.column, partition, subject=subject
            )
            files = tuple(self.files.bring(file, subject=subject) for file in arrival.files)
            here = replace(arrival, files=files)
            relations = partition_relations(connection, here, intake.periods, intake.column, subject=subject)
            if partition is None:
                refuse_empty(files, relations, subject=subject)
        except DataError as error:
            raise self.files.told(error) from error
        return Fetched(relations, arrival.fingerprint, {"files": len(files)}, files=files)

    @contextmanager
    def rows(self, fetched: Fetched) -> Iterator[Iterator[duckdb.DuckDBPyRelation]]:
        try:
            with each_unchanged(fetched.files, fetched.relations, subject=self.intake.subject) as unchanged:
                yield unchanged
        except DataError as error:
            raise self.files.told(error) from error


@contextmanager
def open_files(declared: Declared, intake: Intake, *, root: Path, scratch: Path) -> Iterator[FileSource]:
    """The files that are declared by a path, by a URL, or by a URL with options.

    Parameters
    ----------
    root
        Where a relative path starts.
    scratch
        Below it lie copies of files that are not on this machine, while the source is open.
    """
    place: str = declared if isinstance(declared, str) else declared["url"]
    options = {} if isinstance(declared, str) else declared.get("storage_options", {})
    if "://" not in place:
        yield FileSource(LocalFiles(root / Path(place).expanduser(), intake.dialect), intake)
    elif place.startswith(_LOCAL):
        yield FileSource(LocalFiles(Path(url2pathname(place.removeprefix(_LOCAL))), intake.dialect), intake)
    else:
        with staging(scratch) as folder:
            files = RemoteFiles(place, options, folder, subject=intake.subject, dialect=intake.dialect)
            yield FileSource(files, intake)
