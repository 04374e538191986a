"""The spool: files of logged rows that wait for the commit to the table.

They lie in a folder of the table, so that they are on the same disk, `mlops forget` covers them, and a text
search of the state directory leaves them alone. Names that begin with `_` are no data files of Delta.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PREDICTION_LOG, project_asset
from mlops_assets.stores.system.durable import flush_files

_FOLDER, _SUFFIX = "_spool", ".arrow"


class SpoolFile(NamedTuple):
    """A file of the spool, in the order in which its writer wrote it."""

    writer: str
    number: int
    path: Path


class Spool:
    """The spool of a project.

    Parameters
    ----------
    warehouse
        The folder of the tables.
    """

    def __init__(self, warehouse: Path, project: str) -> None:
        self.folder = warehouse.joinpath(*project_asset(project, PREDICTION_LOG), _FOLDER)

    def files(self) -> list[SpoolFile]:
        """The complete files, by writer and in their order, without a gap.

        While a folder is read, a file may be missed that is older than another one that is found. The second
        look has all files that existed before those of the first one.
        """
        newest = {file.writer: file.number for file in sorted(self._named())}
        return sorted(file for file in self._named() if file.number <= newest.get(file.writer, 0))

    def size(self) -> int:
        """The size of all files in bytes."""
        sizes = 0
        for path in self._paths():
            with suppress(FileNotFoundError):  # committed since it was listed
                sizes += path.stat().st_size
        return sizes

    def write(self, writer: str, number: int, rows: pa.Table) -> Path:
        """Write a file completely or not at all.

        The rename makes it complete for other processes, not for a power failure, which may take the newest
        files: flushing each of them would cost a slow disk as much as the requests.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{writer}-{number:012}{_SUFFIX}"
        partial = path.with_name(f".{path.name}")
        try:
            with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as stream:
                stream.write_table(rows)
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        return path

    @staticmethod
    def read(path: Path) -> pa.Table:
        """The rows of a file.

        Raises
        ------
        StoreError
            When it is damaged.
        """
        try:
            with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as stream:
                return stream.read_all()
        except (pa.ArrowInvalid, EOFError) as error:
            raise StoreError(
                f"{path} is damaged, so its logged rows are lost: {str(error).splitlines()[0]}",
                hint="delete it, and check the disk",
            ) from error

    def remove(self, files: Iterable[SpoolFile]) -> None:
        """Remove files whose rows are in the table."""
        for file in files:
            file.path.unlink(missing_ok=True)

    def set_aside(self, file: SpoolFile) -> Path:
        """Rename a damaged file, so that it does not stop the others."""
        return file.path.rename(file.path.with_suffix(".damaged"))

    def remove_damaged(self) -> None:
        """Remove damaged files, whose rows can not be searched."""
        for path in self.folder.glob("*.damaged"):
            path.unlink(missing_ok=True)

    def replace(self, file: SpoolFile, rows: pa.Table) -> None:
        """Replace the rows of a file."""
        flush_files([self.write(file.writer, file.number, rows)])

    def _named(self) -> Iterator[SpoolFile]:
        for path in self._paths():
            writer, _, number = path.stem.partition("-")
            if path.suffix == _SUFFIX and number.isdigit():
                yield SpoolFile(writer, int(number), path)

    def _paths(self) -> Sequence[Path]:
        try:
            return [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        except FileNotFoundError:
            return []


def new_writer() -> str:
    """A name for a writer, which numbers its files from 1."""
    return uuid.uuid4().hex
