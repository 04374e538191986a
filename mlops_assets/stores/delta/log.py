"""A Delta table's log: opening a table, and telling what is wrong with one that can't be opened or read."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import view_name
from mlops_assets.stores.delta.data_files import DataFile, data_files
from mlops_assets.stores.system.disk_errors import translated_disk_errors

_COMMIT = re.compile(r"(\d{20})\.json")
_TRIED = 100
"""How many older versions are looked at for one that can be read."""


def open_table(root: Path, table: Sequence[str], version: int | None = None) -> DeltaTable:
    """A table below `root` at a version, by default at its newest.

    Raises
    ------
    StoreError
        When there is none, or its log is damaged: the error names the file, and the newest older version that
        can be read.
    """
    directory, name = root.joinpath(*table), view_name(tuple(table))
    if not is_table(root, table):
        raise StoreError(f"there is no table {name} in {root}", hint=f"materialize {'/'.join(table)} first")
    try:
        with translated_disk_errors(f"table {name}", directory):
            delta = DeltaTable(str(directory), version=version)
    except (DeltaError, TableNotFoundError) as error:
        if fault := _damaged(directory, name):
            raise fault from error
        raise StoreError(
            f"table {name} can't be read at version {version}: {next(iter(str(error).splitlines()), '')}",
            hint="its versions are in its history; a warehouse that was made anew starts again at 0",
        ) from error
    newest = _commit_file(directory, delta.version())
    if newest.is_file() and not newest.stat().st_size:  # Delta takes it for a commit that changes nothing
        raise _damaged(directory, name) or StoreError(f"table {name}: {newest} is empty")
    return delta


def is_table(root: Path, table: Sequence[str]) -> bool:
    """Whether there is such a table.

    Raises
    ------
    StoreError
        When there are a table's files without a log. It is not to be taken for a table that is not there yet,
        and quietly begun anew.
    """
    directory = root.joinpath(*table)
    name = view_name(tuple(table))
    with translated_disk_errors(f"table {name}", directory):
        if DeltaTable.is_deltatable(str(directory)):
            return True
        if not directory.is_dir() or not any(_rows_in(directory)):
            return False
    raise StoreError(
        f"table {name}: the log {directory / '_delta_log'} is empty or gone, and there are data files; which "
        "of them are its content is not known any more",
        hint=_way_out(directory, table[0]),
    )


def require_data_files(
    directory: Path, table: Sequence[str], version: int, files: Iterable[DataFile]
) -> None:
    """Raise for the first file of a version that is not there any more."""
    for file in files:
        if not Path(file.path).exists():
            name = view_name(tuple(table))
            raise StoreError(
                f"table {name}, version {version}: its data file {file.path} is gone; "
                f"{_readable(directory, version)}",
                hint=f"bring it back; `mlops run {table[0]} --force` makes the table anew from its inputs, "
                f"`mlops data restore {table[0]} {'/'.join(table[1:])}` brings back an older version",
            )


def partitioning_error(table: Sequence[str], *, partitioned: bool) -> StoreError:
    """The error of a table that is written by partition, or not, and was asked for the other way."""
    return StoreError(
        f"table {view_name(tuple(table))} is {'' if partitioned else 'not '}written by partition",
        hint="remove its folder from the warehouse and materialize it again, if that was changed",
    )


def _damaged(directory: Path, name: str) -> StoreError | None:
    """What is wrong with a log; None when nothing is: then there is only no such version."""
    versions = sorted(int(match[1]) for path in _log(directory) if (match := _COMMIT.fullmatch(path.name)))
    checkpoints = [path for path in _log(directory) if path.suffix == ".parquet"]
    from_start = bool(versions) and versions[0] == 0
    for file in checkpoints:
        if not _is_parquet(file):
            hint = _way_out(directory, name.partition(".")[0])
            if from_start:
                pointer = file.with_name("_last_checkpoint")
                hint = f"delete {file} and {pointer}: the log is whole without them"
            return _fault(directory, name, versions, f"the checkpoint {file} is no Parquet file", hint)
    covered = max((int(path.name[:20]) for path in checkpoints), default=-1)
    first = min(versions[0], covered + 1) if covered >= 0 and versions else 0
    for number in range(first, versions[-1] + 1 if versions else 0):
        file = _commit_file(directory, number)
        if number not in versions:
            what = f"the commit {file} is gone"
        elif not _is_commit(file):
            what = f"the commit {file} is damaged"
        else:
            continue
        return _fault(directory, name, versions, what, _way_out(directory, name.partition(".")[0]))
    pointer = directory / "_delta_log" / "_last_checkpoint"
    if pointer.is_file() and not checkpoints and from_start:
        hint = f"delete {pointer}: the log is whole without it"
        return _fault(directory, name, versions, f"{pointer} names a checkpoint that is gone", hint)
    return None


def _fault(directory: Path, name: str, versions: Sequence[int], what: str, hint: str) -> StoreError:
    newest = versions[-1] if versions else 0
    return StoreError(
        f"table {name} can't be read at version {newest}: {what}; {_readable(directory, newest)}", hint=hint
    )


def _way_out(directory: Path, project: str) -> str:
    return (
        f"bring the file back from a copy; or move {directory} away and run `mlops run {project}`, which "
        "makes the table anew from its inputs, without its history"
    )


def _readable(directory: Path, below: int) -> str:
    """Which of the older versions can still be read."""
    for version in range(below - 1, max(below - 1 - _TRIED, -1), -1):
        if _commit_file(directory, version).is_file() and not _is_commit(_commit_file(directory, version)):
            continue
        try:
            files = data_files(directory, DeltaTable(str(directory), version=version))
        except (DeltaError, TableNotFoundError):
            continue
        if files and all(Path(file.path).exists() for file in files):
            return f"version {version} can still be read"
    return "no older version can be read"


def _log(directory: Path) -> list[Path]:
    return sorted((directory / "_delta_log").iterdir())


def _commit_file(directory: Path, version: int) -> Path:
    return directory / "_delta_log" / f"{version:020}.json"


def _is_commit(file: Path) -> bool:
    try:
        actions = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    except ValueError:
        return False
    return bool(actions)


def _is_parquet(file: Path) -> bool:
    try:
        pq.read_metadata(file)
    except (OSError, ValueError):
        return False
    return True


def _rows_in(directory: Path) -> Iterable[Path]:
    """Data files of a table's folder, those that are only staged left out."""
    yield from directory.glob("*.parquet")
    yield from directory.glob("_partition=*/*.parquet")
