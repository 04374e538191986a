"""A folder of source files, and the table that they are ingested into."""

from pathlib import Path

import duckdb

from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files, require_rows, verified_relations
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.warehouse.warehouse import Warehouse

SUBJECT = "shop: table orders"
TABLE = ("shop", "raw_orders")


class FileTable:
    """Ingests files as an asset does, and returns the rows of the table."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.warehouse = folder / "data", Warehouse(folder / "warehouse")
        self.folder.mkdir()

    @property
    def version(self) -> int:
        return self.warehouse.version(TABLE)

    def replace(self, name: str, content: bytes, dialect: Dialect = DEFAULT_DIALECT) -> list[tuple]:
        """Replace all files by one, and ingest it."""
        for file in self.folder.iterdir():
            file.unlink()
        (self.folder / name).write_bytes(content)
        return self.ingest(dialect=dialect)

    def ingest(self, source: str = ".", dialect: Dialect = DEFAULT_DIALECT) -> list[tuple]:
        with duckdb.connect() as connection:
            self.write(connection, find_files(self.folder / source, dialect=dialect, subject=SUBJECT))
        return self.rows()

    def write(self, connection: duckdb.DuckDBPyConnection, files: list[SourceFile]) -> None:
        relations = read_files(connection, files, subject=SUBJECT)
        require_rows(files, relations, subject=SUBJECT)
        with verified_relations(files, relations, subject=SUBJECT) as verified:
            self.warehouse.write(TABLE, verified)

    def rows(self) -> list[tuple]:
        """The rows without their provenance; null is None."""
        frame = self.warehouse.frame(TABLE).sort_values("_row")
        bare = frame.drop(columns=["_source_file", "_source_sha256", "_row"]).astype(object)
        return list(bare.where(bare.notna(), None).itertuples(index=False, name=None))
