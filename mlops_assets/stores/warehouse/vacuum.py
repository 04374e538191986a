"""Old versions of tables make room: the data files that nothing needs any more are removed.

Delta tells which files no kept version has; they are removed here, under the table's lock and without a
commit. A commit would become the newest version of a table whose content it did not change, and hide what the
one before says of its inputs.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from deltalake.exceptions import DeltaError

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import LEDGER, view_name
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.warehouse import Warehouse

VersionedTable = tuple[tuple[str, ...], int]
"""A table and a version of it."""


@dataclass(frozen=True)
class VacuumResult:
    """What was removed of a table, or would be.

    Attributes
    ----------
    table
        Its key.
    kept
        How many old versions stay readable.
    files, bytes
        What nothing needs any more.
    """

    table: tuple[str, ...]
    kept: int
    files: int
    bytes: int


def needed_versions(warehouse: Warehouse, roots: Iterable[VersionedTable]) -> dict[tuple[str, ...], set[int]]:
    """The versions that others were made of, those of which they were made themselves, and so on.

    Parameters
    ----------
    roots
        The tables that models were trained on. What is not there any more is passed over.
    """
    needed: dict[tuple[str, ...], set[int]] = {}
    histories: dict[tuple[str, ...], list[TableVersion]] = {}
    left = list(roots)
    while left:
        table, version = left.pop()
        if version in needed.setdefault(table, set()):
            continue
        needed[table].add(version)
        if table not in histories:
            histories[table] = warehouse.versions(table) if warehouse.exists(table) else []
        for written in _writers(histories[table], version):
            left.extend((tuple(name.split("/")), number) for name, number in written.inputs.items())
    return needed


def vacuum(
    warehouse: Warehouse, table: tuple[str, ...], needed: Collection[int], before: datetime, *, dry_run: bool
) -> VacuumResult:
    """Remove the data files of versions that were replaced before a moment and that nothing needs.

    The ledger loses nothing, and neither do writers that are still staging their files.

    Parameters
    ----------
    needed
        Versions that stay, however old they are.
    dry_run
        Tell what would be removed, and leave it.

    Raises
    ------
    StoreError
        When the log does not tell what a kept version holds: nothing is removed then.
    """
    if table[1:] == (LEDGER,):
        return VacuumResult(table, 0, 0, 0)
    directory, name = warehouse.root.joinpath(*table), view_name(table)
    # Under the lock, no file has been moved into place that a commit is about to name.
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
                f"table {name}: what its versions hold can't be told, so nothing is removed: "
                f"{str(error).splitlines()[0]}",
                hint=f"bring the files of {directory / '_delta_log'} back from a backup",
            ) from error
        sizes = list(_removed((directory / unquote(path) for path in unneeded), dry_run=dry_run))
    return VacuumResult(table, len(kept - {newest}), len(sizes), sum(sizes))


def _writers(history: Iterable[TableVersion], version: int) -> Iterator[TableVersion]:
    """The commits that wrote what a version holds: of each partition, the newest until then."""
    seen: set[str | None] = set()
    for written in history:
        if written.version <= version and written.partition not in seen:
            seen.add(written.partition)
            yield written


def _replaced_since(history: Iterable[TableVersion], moment: datetime) -> Iterator[int]:
    """The newest version, and those that were current at the moment or later."""
    replaced_at: datetime | None = None
    for written in history:
        if replaced_at is not None and replaced_at < moment:
            return
        yield written.version
        replaced_at = written.written_at


def _removed(files: Iterable[Path], *, dry_run: bool) -> Iterator[int]:
    """The size of each file, in bytes, once it is gone."""
    for file in files:
        if not file.is_file():  # a vacuum was killed
            continue
        size = file.stat().st_size
        if not dry_run:
            file.unlink(missing_ok=True)
        yield size
