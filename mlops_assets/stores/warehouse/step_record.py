"""What a step read and wrote, as the basis on which its next run adds rows instead of computing all again.

The record proves nothing alone: it counts if the tables have the recorded content still, and the inputs and
the code are the recorded ones. Without it, or where it does not fit, all rows are computed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlops_assets.core.digests import text_digest
from mlops_assets.core.names import view_name
from mlops_assets.stores.delta.content_digest import RowHashes
from mlops_assets.stores.delta.kept_content import AllRowsNeededError, KeptContent
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_replaceable
from mlops_assets.stores.warehouse.warehouse import TableKey, Warehouse, WriteResult

RECORD = "_step.json"
_LIBRARIES = ("mlops-assets", "duckdb", "pandas", "pandera")


@dataclass(frozen=True)
class StepRecord:
    """The last successful computation of a step.

    Attributes
    ----------
    code
        A digest of what the rows depend on beside the inputs.
    inputs
        What was read.
    tables
        Of each table that was written: digest, number of rows, and sum of the row hashes.
    """

    code: str
    inputs: Mapping[str, Any]
    tables: Mapping[str, tuple[str, int, int]]

    @classmethod
    def of(cls, code: str, inputs: Mapping[str, Any], *written: WriteResult) -> "StepRecord":
        """The record of a computation that was committed."""
        tables = {one.table: (one.digest, *one.hashes) for one in written if one.hashes}
        return cls(code, inputs, tables)

    @classmethod
    def last(cls, store: Warehouse, table: TableKey, code: str) -> "StepRecord":
        """The record of the step that writes a table.

        Parameters
        ----------
        code
            As the step would record it now.

        Raises
        ------
        AllRowsNeededError
            If there is no record, or it has another code.
        """
        try:
            found = json.loads(_file(store, table).read_text("utf-8"))
            tables = {name: (str(one[0]), int(one[1]), int(one[2])) for name, one in found["tables"].items()}
            record = cls(str(found["code"]), dict(found["inputs"]), tables)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise AllRowsNeededError("no earlier run is recorded") from error
        if record.code != code:
            raise AllRowsNeededError("settings, code or a library have changed")
        return record

    def write(self, store: Warehouse, table: TableKey) -> None:
        """Replace the record of the step that writes a table."""
        file = _file(store, table)
        with translated_disk_errors(f"table {view_name(tuple(table))}", file.parent):
            write_replaceable(file, json.dumps(asdict(self)))

    def kept(self, store: Warehouse, table: TableKey) -> KeptContent:
        """The content of a table, if it is the recorded one.

        Raises
        ------
        AllRowsNeededError
            If it is another one, or damaged.
        """
        name = view_name(tuple(table))
        if name not in self.tables or not store.exists(table):
            raise AllRowsNeededError(f"there is no table {name}")
        digest, rows, total = self.tables[name]
        with store.connect() as connection:
            files = store.files(table)
            hashes = RowHashes(rows, total)
            return KeptContent.of(connection, files, digest=digest, hashes=hashes, table=name)


def step_code(*parts: str) -> str:
    """A digest of what the rows of a step depend on beside its inputs: settings, code and libraries."""
    return text_digest(*map(version, _LIBRARIES), *parts)


def remove_record(root: Path, table: TableKey) -> None:
    """Remove the record of the step that writes a table: its sums could reveal rows that are removed."""
    root.joinpath(*table, RECORD).unlink(missing_ok=True)


def _file(store: Warehouse, table: TableKey) -> Path:
    return store.root.joinpath(*table, RECORD)
