"""Damage of data files for tests: another value in a Parquet file of the same size."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from mlops_assets.core.sql_quoting import literal


def change_value(file: Path, assignment: str) -> None:
    """Replace values in a data file, such as `amount + 1 as amount`, and keep its name and size."""
    written, size = file.with_suffix(".changed"), file.stat().st_size
    with duckdb.connect() as connection:
        read = f"read_parquet({literal(file)}, hive_partitioning = false)"
        rows = f"select * replace ({assignment}) from {read}"
        connection.execute(f"copy ({rows}) to {literal(written)} (format parquet, compression zstd)")
    pq.write_table(pq.read_table(written, partitioning=None), written, compression="zstd", store_schema=False)
    content = written.read_bytes()
    written.unlink()
    footer = (
        int.from_bytes(content[-8:-4], "little") + 8
    )  # padding before the footer leaves all offsets valid
    assert len(content) <= size
    # Padding before the footer leaves all offsets valid.
    file.write_bytes(content[:-footer].ljust(size - footer, b"\0") + content[-footer:])
