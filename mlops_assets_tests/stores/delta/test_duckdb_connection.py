"""The DuckDB connection of the warehouse: spilling, no network, and a workaround for an optimizer."""

from pathlib import Path

import duckdb
import pytest

from mlops_assets.stores.delta.duckdb_connection import connect


def test_the_folder_is_created_and_larger_queries_spill_below_it(tmp_path: Path):
    root = tmp_path / "deep" / "warehouse"
    with connect(root, memory_limit="100MiB", threads=1) as connection:
        assert root.is_dir()
        settings = dict(connection.execute("select name, value from duckdb_settings()").fetchall())
        assert settings["temp_directory"] == str(root / ".spill")
        assert settings["threads"] == "1"
        assert settings["autoinstall_known_extensions"] == "false"
        ordered = "select md5(i::varchar) as text from range(2_000_000) t(i) order by text"
        assert connection.sql(f"select count(*) from ({ordered} limit 1_500_000)").fetchall() == [
            (1_500_000,)
        ]


def test_other_errors_of_a_query_pass_unchanged(tmp_path: Path):
    with pytest.raises(duckdb.CatalogException), connect(tmp_path, memory_limit="100MiB") as connection:
        connection.sql("from missing")


def test_a_filter_on_a_hive_partition_below_a_window_holds(tmp_path: Path):
    """DuckDB 2.0.0 loses this filter in its optimizer `window_self_join`: the count is 2 with it."""
    for partition in ("a", "b"):
        folder = tmp_path / f"_partition={partition}"
        folder.mkdir()
        duckdb.sql("select 'x' as customer").write_parquet(str(folder / "0.parquet"))
    query = (
        "select count(*) over (partition by customer) as orders "
        f"from read_parquet('{tmp_path}/*/*.parquet', hive_partitioning = true) where _partition = 'a'"
    )
    with connect(tmp_path / "warehouse", memory_limit="100MiB") as connection:
        assert connection.sql(query).fetchall() == [(1,)]
