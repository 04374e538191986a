"""Files of rows that are written batch by batch, and appear complete or not at all."""

import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from mlops_assets.core.errors import DataError
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files

SUFFIXES = (".parquet", ".csv.gz", ".csv")
_SEPARATOR = "; "
_PLAIN = set('",\r\n')


def suffix_of(path: Path) -> str:
    """The suffix that determines the format of a file.

    Raises
    ------
    DataError
        If the format is not supported.
    """
    found = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if found is None:
        raise DataError(
            f"{path} has an unknown format", hint=f"use one of the suffixes {', '.join(SUFFIXES)}"
        )
    return found


class RowFile:
    """A Parquet or CSV file that is written beside its place, as a context manager.

    Leaving the context without `publish` removes what was written.

    Parameters
    ----------
    target
        The file; its folder exists.
    facts
        Text that a Parquet file keeps with its schema.
    """

    def __init__(self, target: Path, schema: pa.Schema, facts: Mapping[str, str] | None = None) -> None:
        self.target, self.rows = target, 0
        self._partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        suffix = suffix_of(target)
        with translated_disk_errors(f"the file {target}", target.parent):
            if suffix == ".parquet":
                self._writer = pq.ParquetWriter(self._partial, schema.with_metadata(facts))
                self._sink = None
            else:
                schema = pa.schema([(field.name, _csv_type(field.type)) for field in schema])
                self._sink = pa.output_stream(
                    self._partial, compression="gzip" if suffix == ".csv.gz" else None
                )
                quoting = "needed" if any(set(name) & _PLAIN for name in schema.names) else "none"
                self._writer = pa_csv.CSVWriter(
                    self._sink, schema, write_options=pa_csv.WriteOptions(quoting_header=quoting)
                )
        self._schema = schema

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, pa.ArrowException):
            self._close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)

    def write(self, rows: pa.Table) -> None:
        """Append rows with the columns of the schema, in its order."""
        if not rows.num_rows:
            return
        columns = [_as_type(rows.column(field.name), field.type) for field in self._schema]
        with translated_disk_errors(f"the file {self.target}", self.target.parent):
            self._writer.write_table(pa.table(columns, names=self._schema.names))
        self.rows += rows.num_rows

    def finish(self) -> None:
        """Write what is buffered, up to the disk."""
        with translated_disk_errors(f"the file {self.target}", self.target.parent):
            self._close()
            flush_files([self._partial])

    def publish(self, *, overwrite: bool) -> None:
        """Give the finished file its name.

        Raises
        ------
        DataError
            If a file of this name exists and must not be replaced.
        """
        with translated_disk_errors(f"the file {self.target}", self.target.parent):
            if overwrite:
                self._partial.replace(self.target)
            else:
                try:
                    os.link(self._partial, self.target)  # fails if another process has written it meanwhile
                except FileExistsError:
                    raise file_exists(self.target) from None
                except OSError:  # a file system without hard links
                    require_absent(self.target)
                    self._partial.replace(self.target)
            flush_files([], self.target.parent)

    def _close(self) -> None:
        self._writer.close()
        if self._sink is not None:
            self._sink.close()


def require_absent(path: Path) -> None:
    """Raise if a file exists.

    Raises
    ------
    DataError
        If it exists.
    """
    if path.exists() or path.is_symlink():
        raise file_exists(path)


def file_exists(path: Path) -> DataError:
    """The error of a file that would be replaced."""
    return DataError(f"{path} exists", hint="choose another name, or replace it with --overwrite")


def _csv_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(kind) else kind


def _as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column in the type of the file; a list of texts in CSV is one text."""
    if column.type.equals(kind):
        return column
    if pa.types.is_list(column.type):
        return pa.chunked_array([[_SEPARATOR.join(texts) for texts in column.to_pylist()]], kind)
    return column.cast(kind)
