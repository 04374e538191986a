"""The rows that were appended to the file of a table since its last run: only they are read and written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import SOURCE_ROW
from mlops_assets.stores.delta.kept_content import AllRowsNeededError, KeptContent
from mlops_assets.stores.delta.writing.staging import staging
from mlops_assets.stores.files.appended_file import EarlierFile, appended_part
from mlops_assets.stores.files.reader import read_files
from mlops_assets.stores.files.readers.read_errors import require_unchanged
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.sources.base import Fetched, scratch_folder
from mlops_assets.stores.warehouse.step_record import StepRecord, step_code
from mlops_assets.stores.warehouse.warehouse import TableKey, Warehouse, WriteResult

Write = Callable[[Iterable[duckdb.DuckDBPyRelation], KeptContent], WriteResult]
"""Writes relations as rows that are added to a content."""


@dataclass(frozen=True)
class AppendedRows:
    """The raw table of one file, which may be longer than when it was read last.

    Parameters
    ----------
    code
        What the rows depend on beside the file.
    subject
        Project and table, for messages.
    """

    connection: duckdb.DuckDBPyConnection
    store: Warehouse
    table: TableKey
    fetched: Fetched
    code: str
    subject: str

    def write(self, write: Write) -> WriteResult:
        """Add the appended rows to the table.

        Raises
        ------
        AllRowsNeededError
            If the file is not a longer form of the one that was read, or the table has other content than
            the rows of it. The earlier rows keep their provenance, the digest of the file included.
        """
        file = self._file()
        last = StepRecord.last(self.store, self.table, step_code(self.code, repr(file.dialect)))
        earlier = EarlierFile(**last.inputs)
        kept = last.kept(self.store, self.table)
        with staging(scratch_folder(self.store)) as folder:
            part = appended_part(file, earlier, folder / "appended.csv")
            try:
                return write(self._rows(part, earlier.rows), kept)
            except (DataError, duckdb.Error) as error:  # reading all rows reports it with its place
                raise AllRowsNeededError(
                    f"the rows that were appended to {file.name} can't be read alone"
                ) from error

    def record(self, written: WriteResult) -> None:
        """Record what was read and written, for the next run; nothing if the rows are of several files."""
        if len(self.fetched.files) != 1:
            return
        [file] = self.fetched.files
        size = file.stamp.size if file.stamp else file.path.stat().st_size
        read = EarlierFile(file.name, file.sha256, size, written.rows)
        code = step_code(self.code, repr(file.dialect))
        StepRecord.of(code, asdict(read), written).write(self.store, self.table)

    def _file(self) -> SourceFile:
        if len(self.fetched.files) != 1:
            raise AllRowsNeededError(f"the source has {len(self.fetched.files)} files")
        return self.fetched.files[0]

    def _rows(self, part: SourceFile, before: int) -> Iterator[duckdb.DuckDBPyRelation]:
        [rows] = read_files(self.connection, [part], subject=self.subject)
        yield rows.project(f"* replace ({SOURCE_ROW} + {before} as {SOURCE_ROW})")
        require_unchanged(self._file(), self.subject)
