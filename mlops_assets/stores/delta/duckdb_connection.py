"""DuckDB as every reader and writer of the warehouse uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mlops_assets.stores.system.disk_errors import disk_error, translated_disk_errors


@contextmanager
def connect(
    root: Path, *, memory_limit: str, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills below `root` and never reaches for the network."""
    spill = root / ".spill"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
        # In DuckDB 2.0.0 it loses the filter on a Hive partition below a window: wrong rows come back.
        "disabled_optimizers": "window_self_join",
        **({"threads": threads} if threads else {}),
    }
    with _faults_told(root, spill), duckdb.connect(config=config) as connection:
        yield connection


@contextmanager
def _faults_told(root: Path, spill: Path) -> Iterator[None]:
    """DuckDB's own faults of the disk; those of what else is done with a connection are told elsewhere."""
    with translated_disk_errors("the warehouse", root):
        root.mkdir(parents=True, exist_ok=True)  # DuckDB makes the folder to spill to, but none above it
    try:
        yield
    except duckdb.Error as error:
        spilled = spill.name in str(error) or "max_temp_directory_size" in str(error)
        subject, folder = ("what DuckDB spills", spill) if spilled else ("a table's file", root)
        if fault := disk_error(error, subject, folder):
            raise fault from error
        raise
