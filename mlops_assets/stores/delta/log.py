"""The log of a Delta table: opening a table, and the diagnosis of a damaged log."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import LEDGER, view_name
from mlops_assets.stores.delta.damage import find_damage
from mlops_assets.stores.delta.data_files import DataFile, data_files
from mlops_assets.stores.system.disk_errors import translated_disk_errors

_COMMIT = re.compile(r"(\d{20})\.json")
_MAX_TRIED = 100
"""The number of older versions that are tried when a readable one is searched."""


def open_table(root: Path, table: Sequence[str], version: int | None = None) -> DeltaTable:
    """Open a table below `root` at a version, by default the newest.

    Raises
    ------
    StoreError
        If the table or the version does not exist, or the log is damaged. For a damaged log, the error names
        the file and the newest readable version.
    """
    directory, name = root.joinpath(*table), view_name(tuple(table))
    if not is_table(root, table):
        raise StoreError(
            f"table {name} does not exist in {root}", hint=f"materialize {'/'.join(table)} first"
        )
    try:
        with translated_disk_errors(f"table {name}", directory):
            delta = DeltaTable(str(directory), version=version)
    except (DeltaError, TableNotFoundError) as error:
        if damage := _find_damage(directory, name):
            raise damage from error
        raise StoreError(
            f"table {name} can't be read at version {version}: {next(iter(str(error).splitlines()), '')}",
            hint="choose one from its history. The versions of a recreated warehouse start again at 0.",
        ) from error
    newest = _commit_file(directory, delta.version())
    if newest.is_file() and not newest.stat().st_size:  # delta-rs reads it as a commit without changes
        raise _find_damage(directory, name) or StoreError(f"table {name}: {newest} is empty")
    return delta


def is_table(root: Path, table: Sequence[str]) -> bool:
    """Whether a table exists.

    Raises
    ------
    StoreError
        If there are data files without a log, so that the table is not recreated silently.
    """
    directory = root.joinpath(*table)
    name = view_name(tuple(table))
    with translated_disk_errors(f"table {name}", directory):
        if DeltaTable.is_deltatable(str(directory)):
            return True
        if not directory.is_dir() or not any(_rows_in(directory)):
            return False
    raise StoreError(
        f"table {name}: the log {directory / '_delta_log'} is empty or missing, but data files exist; "
        "which of them are current is unknown",
        hint=_recovery_hint(directory, table[0]),
    )


def require_data_files(
    directory: Path, table: Sequence[str], version: int, files: Iterable[DataFile]
) -> None:
    """Check that the files of a version exist and have the sizes in the log.

    Raises
    ------
    StoreError
        If a file is damaged; the error names it, and the newest readable version.
    """
    for damage in find_damage(files):
        raise StoreError(
            f"table {view_name(tuple(table))}, version {version}: {damage}; {_readable(directory, version)}",
            hint=damage_hint(table),
        )


def damage_hint(table: Sequence[str], *, content: bool = False) -> str:
    """What to do about a damaged data file.

    Parameters
    ----------
    content
        Whether the damage is one that only reading the file reveals.
    """
    if table[1:] == (LEDGER,):
        return "restore its folder from a backup; no version can be promoted or used until then"
    force = " --force" if content else ""
    return (
        f"restore it from a backup, compute it again with `mlops run {table[0]}{force}`, or restore an "
        f"older version with `mlops data restore {table[0]} {'_'.join(table[1:])}`"
    )


def partitioning_error(table: Sequence[str], *, partitioned: bool) -> StoreError:
    """The error of an access by partition to a table without partitions, or the reverse.

    Parameters
    ----------
    partitioned
        Whether the table is written by partition.
    """
    return StoreError(
        f"table {view_name(tuple(table))} is {'' if partitioned else 'not '}written by partition",
        hint="if the declaration was changed, remove its folder from the warehouse and materialize it again",
    )


def _find_damage(directory: Path, name: str) -> StoreError | None:
    """The error of a damaged log; None for an intact one, which merely lacks the version."""
    versions = sorted(int(match[1]) for path in _log(directory) if (match := _COMMIT.fullmatch(path.name)))
    checkpoints = [path for path in _log(directory) if path.suffix == ".parquet"]
    from_start = bool(versions) and versions[0] == 0
    for file in checkpoints:
        if not _is_parquet(file):
            hint = _recovery_hint(directory, name.partition(".")[0])
            if from_start:
                pointer = file.with_name("_last_checkpoint")
                hint = f"delete {file} and {pointer}: the log is complete without them"
            return _damage_error(
                directory, name, versions, f"the checkpoint {file} is not a Parquet file", hint
            )
    covered = max((int(path.name[:20]) for path in checkpoints), default=-1)
    first = min(versions[0], covered + 1) if covered >= 0 and versions else 0
    for number in range(first, versions[-1] + 1 if versions else 0):
        file = _commit_file(directory, number)
        if number not in versions:
            problem = f"the commit {file} is missing"
        elif not _is_commit(file):
            problem = f"the commit {file} is damaged"
        else:
            continue
        return _damage_error(
            directory, name, versions, problem, _recovery_hint(directory, name.partition(".")[0])
        )
    pointer = directory / "_delta_log" / "_last_checkpoint"
    if pointer.is_file() and not checkpoints and from_start:
        hint = f"delete {pointer}: the log is complete without it"
        return _damage_error(directory, name, versions, f"{pointer} refers to a missing checkpoint", hint)
    return None


def _damage_error(directory: Path, name: str, versions: Sequence[int], problem: str, hint: str) -> StoreError:
    newest = versions[-1] if versions else 0
    return StoreError(
        f"table {name} can't be read at version {newest}: {problem}; {_readable(directory, newest)}",
        hint=hint,
    )


def _recovery_hint(directory: Path, project: str) -> str:
    return (
        f"restore the file from a backup, or move {directory} away and run `mlops run {project}`, which "
        "recreates the table from its inputs, without its history"
    )


def _readable(directory: Path, below: int) -> str:
    """A clause with the newest older version that can be read."""
    for version in range(below - 1, max(below - 1 - _MAX_TRIED, -1), -1):
        if _commit_file(directory, version).is_file() and not _is_commit(_commit_file(directory, version)):
            continue
        try:
            files = data_files(directory, DeltaTable(str(directory), version=version))
        except (DeltaError, TableNotFoundError):
            continue
        if files and not any(find_damage(files)):
            return f"version {version} is readable"
    return "no older version is readable"


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
    """The data files in a table's folder, without staged ones."""
    yield from directory.glob("*.parquet")
    yield from directory.glob("_partition=*/*.parquet")
