"""Files as a source: local paths, local URLs, and remote files with a scratch folder."""

from dataclasses import replace
from datetime import datetime

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.time_sql import TimeText
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.locations import LocalFiles
from mlops_assets.stores.files.remote import RemoteFiles
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.file_source import open_file_source
from mlops_assets_tests.support.left_files import files_below

ORDERS = Ingestion("shop", "orders")


def test_a_local_url_is_a_path(tmp_path):
    (tmp_path / "a b.csv").write_text("a\n1\n")
    url = (tmp_path / "a b.csv").as_uri()
    with open_file_source(
        url, Ingestion("shop", "orders"), root=tmp_path, scratch=tmp_path / "none"
    ) as source:
        assert isinstance(source.files, LocalFiles)
        assert [file.name for file in source.files.list_files()] == ["a b.csv"]
    assert not (tmp_path / "none").exists()


def test_a_relative_path_starts_from_the_root_and_has_the_declared_dialect(tmp_path):
    (tmp_path / "a.csv").write_text("a;b\n1;2\n")
    ingestion = Ingestion("shop", "orders", dialect=Dialect(delimiter=";"))
    with (
        open_file_source("a.csv", ingestion, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
    ):
        assert source.display_name == str(tmp_path / "a.csv")
        fetched = source.fetch(connection, None)
        with source.rows(fetched) as relations:
            assert [relation.fetchall()[0][:2] for relation in relations] == [("1", "2")]
        assert fetched.details == {"files": 1}
        assert fetched.fingerprint == source.arrivals(connection).by_partition[None].fingerprint


def test_remote_files_have_a_scratch_folder_until_the_source_is_closed(tmp_path):
    fsspec.filesystem("memory").pipe_file("/file_source/a.csv", b"a\n1\n")
    declared = {"url": "memory://file_source/a.csv", "storage_options": {}}
    with open_file_source(declared, ORDERS, root=tmp_path, scratch=tmp_path / "scratch") as source:
        assert isinstance(source.files, RemoteFiles)
        with duckdb.connect() as connection:
            source.fetch(connection, None)
        assert len(files_below(tmp_path / "scratch")) == 1
    assert not files_below(tmp_path / "scratch")


def test_a_table_without_partitions_is_not_emptied(tmp_path):
    (tmp_path / "a.csv").write_text("a\n")
    with (
        open_file_source("a.csv", ORDERS, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
        pytest.raises(DataError, match=r"a.csv has a header and no rows"),
    ):
        source.fetch(connection, None)


def test_rows_arrive_in_the_period_of_their_time_in_the_declared_zone(tmp_path):
    (tmp_path / "a.csv").write_text("at\n2025-01-31 12:00\n2025-02-01 00:30\n2025-02-01 01:30\n")
    found = {}
    for zone in ("UTC", "Europe/Berlin"):
        ingestion = Ingestion("shop", "orders", Periods("monthly", "2025-01"), "at", time_text=TimeText(zone))
        with (
            open_file_source("a.csv", ingestion, root=tmp_path, scratch=tmp_path / "none") as source,
            duckdb.connect() as connection,
        ):
            for partition, arrival in source.arrivals(connection).by_partition.items():
                fetched = source.fetch(connection, partition)
                assert fetched.fingerprint == arrival.fingerprint
                [relation] = fetched.relations
                found[zone, partition] = relation.count("*").fetchall()[0][0]
    assert found == {
        ("UTC", "2025-01"): 1,
        ("UTC", "2025-02"): 2,
        ("Europe/Berlin", "2025-01"): 2,
        ("Europe/Berlin", "2025-02"): 1,
    }


def test_rows_arrive_in_the_period_of_a_time_in_the_declared_format(tmp_path):
    (tmp_path / "a.csv").write_text("at\n1/2/2025 00:30\n31/1/2025 23:59\n2025-02-01 00:30\n")
    written = TimeText("Europe/Berlin", "%d/%m/%Y %H:%M")
    ingestion = Ingestion("shop", "orders", Periods("monthly", "2025-01"), "at", time_text=written)
    with (
        open_file_source("a.csv", ingestion, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
    ):
        assert list(source.arrivals(connection).by_partition) == ["2025-01"]  # 23:30 in UTC
    days = Ingestion(
        "shop", "orders", Periods("monthly", "2025-01"), "at", time_text=replace(written, format="%d/%m/%Y")
    )
    (tmp_path / "a.csv").write_text("at\n1/2/2025\n31/1/2025\n")
    with (
        open_file_source("a.csv", days, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
    ):
        assert list(source.arrivals(connection).by_partition) == ["2025-01", "2025-02"]


def test_zoned_times_of_parquet_keep_their_offset_in_a_table_with_a_zone(tmp_path):
    times = [datetime(2025, 1, 31, 23, 30), datetime(2025, 2, 1, 0, 30)]
    for name, kind in (("naive", pa.timestamp("us")), ("zoned", pa.timestamp("ns", "America/New_York"))):
        pq.write_table(pa.table({"at": pa.array(times, kind)}), tmp_path / f"{name}.parquet")
    dialect = Dialect(offsets_as_text=True)
    ingestion = Ingestion(
        "shop", "orders", Periods("monthly", "2025-01"), "at", dialect, TimeText("Europe/Berlin")
    )
    column, found = Column("at", "TIMESTAMP", time_zone="Europe/Berlin"), {}
    with (
        open_file_source("*.parquet", ingestion, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
    ):
        for partition in source.arrivals(connection).by_partition:
            for rows in source.fetch(connection, partition).relations:
                typed = rows.project(f"_source_file, {column.cast_sql()}").fetchall()
                found.setdefault(partition, []).extend(typed)
    assert {partition: sorted(rows) for partition, rows in found.items()} == {
        "2025-01": [
            ("naive.parquet", datetime(2025, 1, 31, 22, 30)),
            ("naive.parquet", datetime(2025, 1, 31, 23, 30)),
            ("zoned.parquet", datetime(2025, 1, 31, 23, 30)),
        ],
        "2025-02": [("zoned.parquet", datetime(2025, 2, 1, 0, 30))],
    }
