"""Files as a source: local paths, local URLs, and remote files with a scratch folder."""

import duckdb
import fsspec
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.locations import LocalFiles
from mlops_assets.stores.files.remote import RemoteFiles
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.file_source import open_file_source

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
        assert len([path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]) == 1
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]


def test_a_table_without_partitions_is_not_emptied(tmp_path):
    (tmp_path / "a.csv").write_text("a\n")
    with (
        open_file_source("a.csv", ORDERS, root=tmp_path, scratch=tmp_path / "none") as source,
        duckdb.connect() as connection,
        pytest.raises(DataError, match=r"a.csv has a header and no rows"),
    ):
        source.fetch(connection, None)
