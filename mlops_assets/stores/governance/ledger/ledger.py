"""The ledger of a project: an append-only Delta table of the events of its model versions."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema

from mlops_assets.core import names
from mlops_assets.stores.delta.commit import add_action, finish_commit
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import open_table
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.reader import read_ledger
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files
from mlops_assets.stores.warehouse.warehouse import Warehouse

_SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("kind", pa.string()),
        ("version", pa.int64()),
        ("actor", pa.string()),
        ("reason", pa.string()),
        ("model_digest", pa.string()),
        ("details", pa.string()),
        ("dagster_run_id", pa.string()),
        ("mlflow_run_id", pa.string()),
        ("previous_hash", pa.string()),
        ("hash", pa.string()),
        ("signature", pa.string()),
    ]
)


class Ledger:
    """The entries of one project, in the warehouse's table `<project>.ledger`.

    Parameters
    ----------
    warehouse
        Holds the table.
    project
        Name of the project.
    """

    def __init__(self, warehouse: Warehouse, project: str) -> None:
        self.warehouse, self.project = warehouse, project
        self.table = tuple(names.project_asset(project, names.LEDGER))

    def entries(self) -> list[Entry]:
        """Read all entries; see `read_ledger`."""
        return read_ledger(self.warehouse.root, self.project)

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries in one commit.

        Parameters
        ----------
        entries
            Entries that follow the last one of the table. The caller holds the lock of the project.
        """
        rows = pa.Table.from_pylist([_row(entry) for entry in entries], _SCHEMA)
        directory = self.warehouse.root.joinpath(*self.table)
        name = f"table {names.view_name(self.table)}"
        with commit_lock(self.warehouse.root, self.table), translated_disk_errors(name, directory):
            delta = self._opened()
            _add_missing_columns(delta)
            file = directory / f"{entries[0].sequence:08}-{uuid.uuid4().hex}.parquet"
            pq.write_table(rows, file)
            flush_files([file])  # before the commit that names it
            delta.create_write_transaction(
                [add_action(directory, file, None)], mode="append", schema=delta.schema()
            )
            delta.update_incremental()
            finish_commit(directory, delta)

    def _opened(self) -> DeltaTable:
        """Open the table; create it if it does not exist."""
        if self.warehouse.exists(self.table):
            return open_table(self.warehouse.root, self.table, None)
        return DeltaTable.create(
            str(self.warehouse.root.joinpath(*self.table)),
            Schema.from_arrow(_SCHEMA),
            # A Delta table property: writers that follow the protocol refuse to change or delete rows.
            configuration={"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"},
        )


def _add_missing_columns(delta: DeltaTable) -> None:
    """Add the columns that a ledger of an earlier version of mlops_assets does not have."""
    known = {found.name for found in delta.schema().fields}
    if missing := [found for found in Schema.from_arrow(_SCHEMA).fields if found.name not in known]:
        delta.alter.add_columns(missing)
        delta.update_incremental()


def _row(entry: Entry) -> dict[str, Any]:
    facts = {**vars(entry), **vars(entry.event)}
    details = json.dumps(entry.event.details, sort_keys=True, ensure_ascii=False)
    derived = {"details": details, "signature": entry.signature or None}
    return {name: facts[name] for name in _SCHEMA.names if name not in derived} | derived
