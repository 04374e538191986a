"""The audit of a project's tables: logs can be read, and data files have the bytes that were written."""

from collections.abc import Callable, Collection, Iterable, Mapping

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.core.names import LEDGER, view_name
from mlops_assets.stores.delta.damage import find_damage, has_known_bytes
from mlops_assets.stores.delta.data_files import DataFile, data_files
from mlops_assets.stores.delta.log import damage_hint, open_table
from mlops_assets.stores.governance.audit import Finding
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
        damaged = list(find_damage(files, content=True))
        errors.extend(f"table {view_name(table)}: {damage}" for damage in damaged)
        if damaged:
            errors.append(damage_hint(table, content=True))
        if table[1:] != (LEDGER,):
            unknown += sum(not has_known_bytes(file) for file in files)
    subject = f"tables, {len(tables)} with {count:,} files, {format_bytes(size)}"
    if unknown:
        subject += f"; {unknown:,} files of other programs have no digest, and only their sizes were compared"
    return Finding(subject, tuple(errors))


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
