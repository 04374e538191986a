"""The DuckDB connection of the warehouse: spilling, no network, and a workaround for an optimizer."""

import os
import time
from pathlib import Path

import duckdb
import pytest

from mlops_assets.stores.duckdb.connection import confine, connect, remove_left_spill


def test_the_folder_is_created_and_larger_queries_spill_below_it(tmp_path: Path):
    root = tmp_path / "deep" / "warehouse"
    with connect(root, memory_limit="100MiB", threads=1) as connection:
        assert root.is_dir()
        settings = dict(connection.execute("select name, value from duckdb_settings()").fetchall())
        assert Path(settings["temp_directory"]).parent == root / ".spill"
        assert settings["threads"] == "1"
        assert settings["autoinstall_known_extensions"] == "false"
        ordered = "select md5(i::varchar) as text from range(2_000_000) t(i) order by text"
        assert connection.sql(f"select count(*) from ({ordered} limit 1_500_000)").fetchall() == [
            (1_500_000,)
        ]
    assert not list((root / ".spill").iterdir()), "each connection removes its folder"


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


@pytest.fixture(params=["absolute", "relative"])
def confined(tmp_path: Path, monkeypatch, request):
    """A connection that is confined to one of two partitions and an output folder, and its relation."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "warehouse" if request.param == "absolute" else Path("warehouse")
    for partition in ("a", "b"):
        folder = root / f"_partition={partition}"
        folder.mkdir(parents=True)
        duckdb.sql(f"select '{partition}' as letter").write_parquet(str(folder / "0.parquet"))
    with connect(root, memory_limit="100MiB") as connection:
        rows = connection.sql(
            f"from read_parquet(['{root}/_partition=a/0.parquet'], hive_partitioning = true)"
        )
        rows = rows.filter("letter <> 'z'").project("letter").union(connection.sql("select 'c'"))
        confine(connection, [rows], folders=[root / "output"])
        (root / "output").mkdir()
        yield connection, rows, root


def test_a_confined_connection_reads_its_relations_and_writes_its_output(confined):
    connection, rows, root = confined
    rows.query("rows", f"copy rows to '{root}/output/1.parquet'")
    assert sorted(connection.sql(f"from '{root}/output/1.parquet'").fetchall()) == [("a",), ("c",)]


@pytest.mark.parametrize(
    "statement",
    [
        "from read_parquet('{root}/_partition=b/0.parquet')",
        "from read_parquet('{root}/output/../_partition=b/0.parquet')",
        "from glob('{root}/**')",
        "from read_text('/etc/hostname')",
        "from read_text('{root}/.spill/*/*')",
        "from duckdb_secrets()",
        "copy (select 1) to '{root}/new.csv'",
        "attach '{root}/new.db'",
        "load spatial",
        "from 'https://example.com/x.parquet'",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "pragma threads = 4",
    ],
)
def test_a_confined_connection_denies_all_else(confined, statement):
    connection, _, root = confined
    with pytest.raises(
        duckdb.Error, match=r"disabled by configuration|disabled through|been locked|Cannot access"
    ):
        connection.execute(statement.format(root=root))


def test_a_spill_folder_that_is_closed_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder, glob = tmp_path / ".spill" / "other", Path.glob
    folder.mkdir(parents=True)
    monkeypatch.setattr(
        Path, "glob", lambda path, name: (path != folder and glob(path, name)) or path.rmdir() or [path]
    )
    remove_left_spill(tmp_path)
    assert not folder.exists()


def test_spill_folders_that_were_left_a_day_ago_are_removed(tmp_path: Path):
    for name, days in (("old", 2), ("new", 0)):
        folder = tmp_path / ".spill" / name
        folder.mkdir(parents=True)
        file = folder / "duckdb_temp_storage-0.tmp"
        file.touch()
        for path in (file, folder):
            os.utime(path, (time.time() - days * 86_400,) * 2)
    remove_left_spill(tmp_path)
    assert [path.name for path in (tmp_path / ".spill").iterdir()] == ["new"]
