"""Reading the entries of ledgers, without the libraries that write them."""

from collections.abc import Collection
from pathlib import Path

import duckdb

from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.current_files import current_files, require_intact
from mlops_assets.stores.delta.data_files import DataFile, project_of_file, scan
from mlops_assets.stores.governance.ledger.entries import Entry, entry_of


def read_ledger(warehouse: Path, project: str) -> list[Entry]:
    """Read all entries of a project, in ascending order of their sequence; `chain_errors` verifies them.

    Parameters
    ----------
    warehouse
        The folder of all tables. Nothing is written below it.

    Returns
    -------
    list of Entry
        Empty if the project has no ledger.

    Raises
    ------
    StoreError
        If the ledger exists and cannot be read.
    """
    try:
        if not (files := _files(warehouse, [project])):
            return []
        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
            return _entries(connection, warehouse, files)[project]
    except Exception as error:  # DuckDB, Delta and JSON each have errors of their own for damaged bytes
        folder = warehouse.joinpath(*names.project_asset(project, names.LEDGER))
        raise StoreError(
            f"{project}: the ledger in {folder} cannot be read: {str(error).splitlines()[0]}",
            hint="restore its folder from a backup; no version can be promoted or used until then",
        ) from error


def read_ledgers(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, projects: Collection[str]
) -> dict[str, list[Entry]]:
    """Read the entries of the projects that have a ledger, in one query.

    An error does not say whose ledger can't be read: read them one by one then.
    """
    files = _files(warehouse, projects)
    return _entries(connection, warehouse, files) if files else {}


def _files(warehouse: Path, projects: Collection[str]) -> list[DataFile]:
    files: list[DataFile] = []
    for project in projects:
        table = names.project_asset(project, names.LEDGER)
        if (current := current_files(warehouse, table)) is not None:
            require_intact(warehouse, table, current)
            files += current.files
    return files


def _entries(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, files: list[DataFile]
) -> dict[str, list[Entry]]:
    rows = connection.execute(
        f"""select * replace (epoch_us("at") as "at"), {project_of_file(warehouse)} as project
        {scan(files, partitioned=False, with_names=True)} order by project, sequence, hash"""
    )
    columns = [column for column, *_ in rows.description or ()]
    found: dict[str, list[Entry]] = {}
    for row in rows.fetchall():
        values = dict(zip(columns, row, strict=True))
        found.setdefault(values["project"], []).append(entry_of(values))
    return found
