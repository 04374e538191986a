"""The DuckDB connection of the warehouse's readers and writers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.stores.system.disk_errors import disk_error, translated_disk_errors


@contextmanager
def connect(
    root: Path, *, memory_limit: str, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that spills below `root` and installs no extensions from the network.

    Raises
    ------
    StoreError
        If the disk is full, or `root` can't be written.
    """
    spill = root / ".spill"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
        # In DuckDB 2.0.0 this optimizer drops the filter on a Hive partition below a window function, and the
        # query returns rows of other partitions.
        "disabled_optimizers": "window_self_join",
        **({"threads": threads} if threads else {}),
    }
    with _translated_errors(root, spill), duckdb.connect(config=config) as connection:
        connection.execute(UTC_SESSION)
        yield connection


@contextmanager
def _translated_errors(root: Path, spill: Path) -> Iterator[None]:
    """Translate the disk errors of DuckDB; other errors on the connection pass unchanged."""
    with translated_disk_errors("the warehouse", root):
        root.mkdir(parents=True, exist_ok=True)  # DuckDB creates the spill folder, but not its parents
    try:
        yield
    except duckdb.Error as error:
        spilled = spill.name in str(error) or "max_temp_directory_size" in str(error)
        subject, folder = ("the spill file of DuckDB", spill) if spilled else ("a file of a table", root)
        if translated := disk_error(error, subject, folder):
            raise translated from error
        raise
