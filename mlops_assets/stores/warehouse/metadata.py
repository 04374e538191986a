"""Metadata of tables, from their logs alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions, one_version
from mlops_assets.stores.delta.current_files import TableFiles
from mlops_assets.stores.delta.damage import Damage, find_damage
from mlops_assets.stores.delta.data_files import DataFile, rows_by_partition
from mlops_assets.stores.delta.foreign_writes import require_own_content
from mlops_assets.stores.delta.log import is_table, open_table
from mlops_assets.stores.delta.opened_tables import opened_table, version_files

TableKey = Sequence[str]
"""The asset key of a table, such as `("california_housing", "raw_districts")`."""


class TableMetadata:
    """The tables below one directory, as their logs describe them.

    Parameters
    ----------
    root
        The directory.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def exists(self, table: TableKey) -> bool:
        """Whether the table exists."""
        return is_table(self.root, table)

    def is_partitioned(self, table: TableKey) -> bool:
        """Whether the table is written by partition."""
        return opened_table(self.root, table).partitioned

    def tables(self) -> list[tuple[str, ...]]:
        """The keys of all tables."""
        logs = sorted(self.root.glob("*/**/_delta_log"))
        return [log.parent.relative_to(self.root).parts for log in logs]

    def find(self, project: str, name: str) -> tuple[str, ...]:
        """The key of a project's table by the name of its SQL view, such as `validated_orders`.

        Raises
        ------
        StoreError
            If there is no such table; the hint lists the tables of the project.
        """
        tables = [table for table in self.tables() if table[0] == project]
        for table in tables:
            if name in ("/".join(table[1:]), "_".join(table[1:])):
                return table
        raise StoreError(
            f"{project} has no table {name}",
            hint=suggest_name(name, ("/".join(table[1:]) for table in tables))
            if tables
            else f"materialize one first: the project has no table in {self.root}",
        )

    def files(self, table: TableKey, *, version: int | None = None) -> list[DataFile]:
        """The data files of a version, by default of the newest, in the order of their rows."""
        return list(self._open(table, version).files)

    def row_counts(self, table: TableKey, *, version: int | None = None) -> dict[str | None, int]:
        """The number of rows of each partition; the key is None for a table without partitions."""
        return rows_by_partition(self._open(table, version).files)

    def damage(self, table: TableKey, *, version: int | None = None, content: bool = False) -> list[Damage]:
        """The damaged data files of a version, by default of the newest.

        Parameters
        ----------
        content
            Read the files, and compare their bytes with the digest in their names. By default only the sizes
            are compared with the log.
        """
        return list(find_damage(self._files(table, version).files, content=content))

    def version(self, table: TableKey) -> int:
        """The newest version's number."""
        return self._open(table).version

    def inputs(self, table: TableKey, version: int) -> dict[str, int]:
        """The input tables of a version and their versions.

        For a table that is written by partition, these are the inputs of the partition that the version
        replaced.
        """
        found = one_version(self._directory(table), version)
        if found is None:
            self._open(table, version)  # raises an error that names the missing table or version
        return found.inputs if found is not None else {}

    def forgotten(
        self, table: TableKey, version: int, *, partition: str | None = None
    ) -> tuple[Mapping[str, Any], ...]:
        """The removals of forgotten entities from the content of a version, see `TableVersion.forgotten`."""
        written = (
            one for one in self.versions(table) if one.version <= version and one.partition == partition
        )
        return next((one.forgotten for one in written), ())

    def versions(self, table: TableKey) -> list[TableVersion]:
        """All versions with content, newest first, with their Dagster runs."""
        return all_versions(open_table(self.root, table))

    def _directory(self, table: TableKey) -> Path:
        return self.root.joinpath(*table)

    def _open(self, table: TableKey, version: int | None = None) -> TableFiles:
        """The files of a version of a table whose content the warehouse has written."""
        opened = self._files(table, version)
        require_own_content(self.root, table, opened)
        return opened

    def _files(self, table: TableKey, version: int | None) -> TableFiles:
        newest = opened_table(self.root, table)
        return newest if version in (None, newest.version) else version_files(self.root, table, version)
