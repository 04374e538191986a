"""The audit of a project's tables: logs can be read, and data files have the bytes that were written."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.core.names import LEDGER, view_name
from mlops_assets.stores.delta.commit_metadata import all_versions
from mlops_assets.stores.delta.content_digest import named_digest
from mlops_assets.stores.delta.damage import find_damage, has_known_bytes
from mlops_assets.stores.delta.data_files import DataFile, data_files
from mlops_assets.stores.delta.log import damage_hint, open_table
from mlops_assets.stores.governance.audit import Finding
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.vacuum import VersionedTable, needed_versions
from mlops_assets.stores.warehouse.warehouse import Warehouse


def audit_tables(
    warehouse: Warehouse, project: str, model_inputs: Callable[[], Iterable[VersionedTable]]
) -> Finding:
    """Read all data files of a project's tables, and compare their bytes with the digests in their names.

    The chain of the ledger protects its rows, so its files have no digest in their names.

    Parameters
    ----------
    model_inputs
        The table versions that models were trained on. They and their inputs are verified in addition to the
        newest version of each table.

    Returns
    -------
    Finding
        One for all tables, with a message for each damaged file, log and version.
    """
    errors: list[str] = []
    needed: Mapping[tuple[str, ...], Collection[int]] = {}
    try:
        needed = needed_versions(warehouse, model_inputs())
    except MlopsError as error:
        errors.append(f"the versions that models were trained on are unknown: {error.message}")
    count = size = unknown = 0
    tables = [table for table in warehouse.tables() if table[0] == project]
    for table in tables:
        files = _files(warehouse, table, needed.get(table, ()), errors)
        count, size = count + len(files), size + sum(file.size or 0 for file in files)
        with translated_disk_errors(f"table {view_name(table)}", warehouse.root.joinpath(*table)):
            damaged = list(find_damage(files, content=True))
        errors.extend(f"table {view_name(table)}: {damage}" for damage in damaged)
        if damaged:
            errors.append(damage_hint(table, content=True))
        if table[1:] != (LEDGER,):
            errors.extend(_log_errors(warehouse, table))
            unknown += sum(not has_known_bytes(file) for file in files)
    subject = f"tables, {len(tables)} with {count:,} files, {format_bytes(size)}"
    if unknown:
        subject += (
            f"; {unknown:,} files of other programs, or of earlier versions of mlops_assets, have no "
            f"digest, and only their sizes were compared. Ours have one after: mlops run {project} --force"
        )
    return Finding(subject, tuple(errors))


def _log_errors(warehouse: Warehouse, table: tuple[str, ...]) -> Iterator[str]:
    """Compare the files of the newest version with the rows and digests that its commits state."""
    try:
        delta = open_table(warehouse.root, table)
        history = all_versions(delta)
    except StoreError as error:
        yield error.message
        return
    found: dict[str | None, list[DataFile]] = {}
    for file in data_files(warehouse.root.joinpath(*table), delta):
        found.setdefault(file.partition, []).append(file)
    seen: set[str | None] = set()
    for written in history:
        if written.partition in seen or written.partition not in {*found, None}:
            continue  # replaced later, or removed because it is not declared any more
        seen.add(written.partition)
        files = found.get(written.partition, [])
        rows = sum(file.rows or 0 for file in files)
        if (named_digest([file.path for file in files]), rows) != (written.digest, written.rows):
            part = "" if written.partition is None else f", partition {written.partition}"
            yield (
                f"table {view_name(table)}{part}: the log is damaged: version {written.version} wrote "
                f"{written.rows:,} rows, and the log names files with {rows:,} rows of other content"
            )


def _files(
    warehouse: Warehouse, table: tuple[str, ...], versions: Collection[int], errors: list[str]
) -> list[DataFile]:
    """The files of the newest version and of others; the errors of those that can't be read are added."""
    found: dict[str, DataFile] = {}
    directory = warehouse.root.joinpath(*table)
    for version in (None, *sorted(versions)):
        try:
            delta = open_table(warehouse.root, table, version)
        except StoreError as error:
            errors.append(error.message)
            continue
        found.update((file.path, file) for file in data_files(directory, delta))
    return [file for _, file in sorted(found.items())]
