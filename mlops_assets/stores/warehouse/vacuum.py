"""Vacuum: removal of data files that belong to no version that is kept.

delta-rs lists the files that no kept version refers to. They are removed here, under the table's lock and
without a commit: a commit would become the newest version without a change of the content, and hide the
inputs of the version before it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from urllib.parse import unquote

from deltalake.exceptions import DeltaError

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import LEDGER, view_name
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.own_files import is_own
from mlops_assets.stores.warehouse.warehouse import Warehouse

VersionedTable = tuple[tuple[str, ...], int]
"""The key of a table, and a version of it."""


@dataclass(frozen=True)
class VacuumResult:
    """The result of a vacuum of one table.

    Attributes
    ----------
    table
        The key of the table.
    kept
        The number of old versions that remain readable.
    files, bytes
        The number and the size of the removed files; in a dry run, of those to remove.
    outside
        Files that were kept, because they are not in the folder of the warehouse.
    """

    table: tuple[str, ...]
    kept: int
    files: int
    bytes: int
    outside: tuple[str, ...] = ()


def needed_versions(warehouse: Warehouse, roots: Iterable[VersionedTable]) -> dict[tuple[str, ...], set[int]]:
    """The versions of all direct and indirect inputs, by table.

    Parameters
    ----------
    roots
        The versions of tables that models were trained on. They are part of the result. Tables that do not
        exist any more have no inputs.
    """
    needed: dict[tuple[str, ...], set[int]] = {}
    histories: dict[tuple[str, ...], list[TableVersion]] = {}
    remaining = list(roots)
    while remaining:
        table, version = remaining.pop()
        if version in needed.setdefault(table, set()):
            continue
        needed[table].add(version)
        if table not in histories:
            histories[table] = warehouse.versions(table) if warehouse.exists(table) else []
        for written in _writers(histories[table], version):
            remaining.extend((tuple(name.split("/")), number) for name, number in written.inputs.items())
    return needed


def vacuum(
    warehouse: Warehouse, table: tuple[str, ...], needed: Collection[int], before: datetime, *, dry_run: bool
) -> VacuumResult:
    """Remove the data files of old versions, except those of needed versions.

    Files of the ledger, staged files, and files outside of the warehouse's folder are never removed: the log
    may name any path, and a copy of the warehouse may contain links to the original.

    Parameters
    ----------
    needed
        The versions to keep regardless of their age.
    before
        Versions that were replaced before this time are old.
    dry_run
        Return the result without removing files.

    Raises
    ------
    StoreError
        If the log of a kept version can't be read; no file is removed then.
    """
    if table[1:] == (LEDGER,):
        return VacuumResult(table, 0, 0, 0)
    directory, name = warehouse.root.joinpath(*table), view_name(table)
    # The lock prevents the removal of files that another process has moved into place and not committed yet.
    with commit_lock(warehouse.root, table), translated_disk_errors(f"table {name}", directory):
        delta = open_table(warehouse.root, table)
        newest = int(delta.version())
        kept = {*_replaced_since(all_versions(delta), before), *(one for one in needed if one <= newest)}
        hours = max(0, int((datetime.now(UTC) - before).total_seconds() // 3600))
        try:
            unneeded = delta.vacuum(
                retention_hours=hours,
                dry_run=True,
                enforce_retention_duration=False,
                full=True,
                keep_versions=sorted(kept),
            )
        except DeltaError as error:
            raise StoreError(
                f"table {name}: the files of its versions are unknown, so none was removed: "
                f"{str(error).splitlines()[0]}",
                hint=f"restore {directory / '_delta_log'} from a backup",
            ) from error
        files = [directory / unquote(path) for path in unneeded]
        own = [file for file in files if is_own(file, directory, warehouse.root.parent)]
        outside = tuple(str(file) for file in files if file not in set(own) and file.exists())
        sizes = list(_removed(own, dry_run=dry_run))
    return VacuumResult(table, len(kept - {newest}), len(sizes), sum(sizes), outside)


def _writers(history: Iterable[TableVersion], version: int) -> Iterator[TableVersion]:
    """The commits that wrote the content of a version: the newest one of each partition until then."""
    found: set[str | None] = set()
    for written in history:
        if written.version <= version and written.partition not in found:
            found.add(written.partition)
            yield written


def _replaced_since(history: Iterable[TableVersion], time: datetime) -> Iterator[int]:
    """The newest version, and the versions that were current at a time or later.

    The clock may have been set back: no version was written before the one that precedes it.
    """
    newest_first = [*history]
    written_at = [*accumulate((written.written_at for written in reversed(newest_first)), max)][::-1]
    for place, written in enumerate(newest_first):
        if place and written_at[place - 1] < time:
            return
        yield written.version


def _removed(files: Iterable[Path], *, dry_run: bool) -> Iterator[int]:
    """The size in bytes of each removed file."""
    for file in files:
        if not file.is_file():  # removed by a vacuum that was killed
            continue
        size = file.stat().st_size
        if not dry_run:
            file.unlink(missing_ok=True)
        yield size
