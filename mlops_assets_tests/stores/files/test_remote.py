"""Files at URLs: listed, dated, polled and read like local files; secrets appear in no message."""

import gzip
import hashlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import duckdb
import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files.remote import RemoteFiles
from mlops_assets.stores.sources.base import Ingestion
from mlops_assets.stores.sources.file_source import FileSource
from mlops_assets.stores.sources.open import open_source
from mlops_assets.stores.sources.watch import poll_source
from mlops_assets.stores.sources.watch_snapshot import WatchSnapshot
from mlops_assets_tests.support.left_files import files_below

MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)


class BrokenFileSystem(MemoryFileSystem):
    """A store whose driver raises an error that contains a secret."""

    protocol = "brokenstore"
    cachable = False

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.secret = options.get("secret")

    def find(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"403: the key {self.secret} may not list the bucket")


fsspec.register_implementation("brokenstore", BrokenFileSystem, clobber=True)


@pytest.fixture
def bucket() -> Iterator["Bucket"]:
    MemoryFileSystem.store.clear()
    yield Bucket()
    MemoryFileSystem.store.clear()


class Bucket:
    """An object store in memory."""

    def __init__(self) -> None:
        self.fs = fsspec.filesystem("memory")

    def put(self, name: str, content: str | bytes) -> None:
        self.fs.pipe_file(f"/bucket/{name}", content if isinstance(content, bytes) else content.encode())


@contextmanager
def opened(
    declared: Any, tmp_path, warehouse, periods: Periods | None = None, column: str | None = None
) -> Iterator[tuple[FileSource, duckdb.DuckDBPyConnection]]:
    ingestion = Ingestion("shop", "orders", periods, column)
    with (
        open_source(declared, ingestion, root=tmp_path, warehouse=warehouse) as source,
        duckdb.connect() as connection,
    ):
        yield source, connection


def rows_of(declared: Any, tmp_path, warehouse, partition: str | None = None, **cut: Any) -> list[Any]:
    with opened(declared, tmp_path, warehouse, **cut) as (source, connection):
        relations = source.fetch(connection, partition).relations
        return [row for relation in relations for row in relation.fetchall()]


@pytest.mark.parametrize("url", ["memory://bucket/orders.csv", "memory://bucket", "memory://bucket/*.csv"])
def test_a_file_a_folder_and_a_glob_are_read_with_their_provenance(bucket, tmp_path, warehouse, url):
    bucket.put("orders.csv", "a,b\n1,\n2,x\n")
    bucket.put("notes.txt", "no rows")
    sha256 = hashlib.sha256(b"a,b\n1,\n2,x\n").hexdigest()
    assert rows_of(url, tmp_path, warehouse) == [
        ("1", None, "orders.csv", sha256, 1),
        ("2", "x", "orders.csv", sha256, 2),
    ]


def test_all_formats_are_read(bucket, tmp_path, warehouse):
    duckdb.sql("select 'c' as a").write_parquet(str(tmp_path / "c.parquet"))
    bucket.put("a.csv.gz", gzip.compress(b"a\na\n"))
    bucket.put("b.jsonl", '{"a": "b"}\n')
    bucket.put("c.parquet", (tmp_path / "c.parquet").read_bytes())
    assert [row[0] for row in rows_of("memory://bucket", tmp_path, warehouse)] == ["a", "b", "c"]


def test_dated_files_in_subfolders_are_assigned_to_their_partitions(bucket, tmp_path, warehouse):
    bucket.put("2025/orders_2025-01.csv", "a\n1\n")
    bucket.put("2025/orders_2025-02.csv", "a\n2\n")
    bucket.put("2025/.hidden/orders_2025-03.csv", "a\n3\n")
    with opened("memory://bucket", tmp_path, warehouse, periods=MONTHS) as (source, connection):
        assert list(source.arrivals(connection, until=JUNE).by_partition) == ["2025-01", "2025-02"]
        [february] = source.fetch(connection, "2025-02").relations
        assert february.fetchall()[0][:2] == ("2", "2025/orders_2025-02.csv")


def test_finding_partitions_opens_no_file(bucket, tmp_path, warehouse, monkeypatch):
    bucket.put("orders_2025-01.csv", "a\n1\n")
    monkeypatch.setattr(MemoryFileSystem, "_open", lambda *_, **__: pytest.fail("a file was opened"))
    with opened("memory://bucket", tmp_path, warehouse, periods=MONTHS) as (source, connection):
        assert list(source.arrivals(connection, until=JUNE).by_partition) == ["2025-01"]


def test_rows_are_assigned_by_a_column(bucket, tmp_path, warehouse):
    bucket.put("all.csv", "a,day\n1,2025-01-05\n2,2025-02-05\n3,2025-02-06\n")
    cut = {"periods": MONTHS, "column": "day"}
    with opened("memory://bucket/all.csv", tmp_path, warehouse, **cut) as (source, connection):
        found = source.arrivals(connection, until=JUNE).by_partition
        assert list(found) == ["2025-01", "2025-02"]
        fetched = source.fetch(connection, "2025-02")
        assert fetched.fingerprint == found["2025-02"].fingerprint
        assert [row[0] for row in fetched.relations[0].fetchall()] == ["2", "3"]


def test_a_file_counts_at_the_second_poll_and_again_when_it_changes(bucket, tmp_path):
    files = RemoteFiles("memory://bucket", {}, tmp_path, subject="shop")
    snapshot = WatchSnapshot()

    def changed() -> list[str | None]:
        nonlocal snapshot
        seen = poll_source(snapshot, files, MONTHS, None, subject="shop", until=JUNE)
        snapshot = seen.snapshot
        return list(seen.changed)

    bucket.put("orders_2025-01.csv", "a\n1\n")
    assert [changed() for _ in range(3)] == [[], ["2025-01"], []]
    bucket.put("orders_2025-01.csv", "a\n2\n")
    assert [changed() for _ in range(3)] == [[], ["2025-01"], []]


def test_a_poll_and_a_run_have_the_same_fingerprint(bucket, tmp_path, warehouse):
    bucket.put("orders_2025-01.csv", "a\n1\n")
    files = RemoteFiles("memory://bucket", {}, tmp_path, subject="shop")
    seen = WatchSnapshot()
    for _ in range(2):
        found = poll_source(seen, files, MONTHS, None, subject="shop", until=JUNE)
        seen = found.snapshot
    with opened("memory://bucket", tmp_path, warehouse, periods=MONTHS) as (source, connection):
        assert source.fetch(connection, "2025-01").fingerprint == found.fingerprints["2025-01"]


def test_a_local_disk_is_read_through_fsspec_like_any_store(tmp_path, warehouse):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "orders.csv").write_text("a\n1\n")
    [row] = rows_of(f"local://{tmp_path}/far/orders.csv", tmp_path, warehouse)
    assert row[:2] == ("1", "orders.csv")


def test_local_copies_are_removed_after_a_read(bucket, tmp_path, warehouse):
    bucket.put("orders.csv", "a\n1\n")
    rows_of("memory://bucket", tmp_path, warehouse)
    assert not files_below(warehouse.root)


def test_a_file_without_a_version_is_identified_by_its_content(bucket, tmp_path, warehouse, monkeypatch):
    bare = MemoryFileSystem.find

    def find(self: Any, *args: Any, **options: Any) -> Any:
        return {path: {**info, "created": None} for path, info in bare(self, *args, **options).items()}

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    prints = []
    for content in ("a\n1\n", "a\n2\n", "a\n1\n"):
        bucket.put("orders.csv", content)
        with opened("memory://bucket", tmp_path, warehouse) as (source, connection):
            prints.append(source.arrivals(connection).by_partition[None].fingerprint)
    assert prints[0] == prints[2] != prints[1]


def reported(record_property, caught) -> str:
    record_property("message", str(caught.value))
    assert caught.value.hint
    return str(caught.value)


def test_a_missing_bucket_is_reported(bucket, tmp_path, warehouse, record_property):
    with pytest.raises(DataError) as caught:
        rows_of("memory://moon/*.csv", tmp_path, warehouse)
    assert "shop: table orders: no file at memory://moon/*.csv" in reported(record_property, caught)


def test_a_month_without_a_file_is_reported(bucket, tmp_path, warehouse, record_property):
    bucket.put("orders_2025-01.csv", "a\n1\n")
    with pytest.raises(DataError) as caught:
        rows_of("memory://bucket", tmp_path, warehouse, "2025-03", periods=MONTHS)
    assert "no file for partition 2025-03 at memory://bucket" in reported(record_property, caught)


@pytest.mark.parametrize(("url", "package"), [("s3://bucket/a.csv", "s3fs"), ("gs://bucket/a.csv", "gcsfs")])
def test_a_missing_driver_is_reported_with_the_package_to_install(
    tmp_path, warehouse, record_property, monkeypatch, url, package
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=r"requires the driver of .*, which is not installed") as caught:
        rows_of(url, tmp_path, warehouse)
    assert f"pip install {package}" in reported(record_property, caught)


def test_an_unknown_protocol_is_reported(tmp_path, warehouse, record_property):
    with pytest.raises(DataError, match=r"moon://bucket/a.csv can't be opened") as caught:
        rows_of("moon://bucket/a.csv", tmp_path, warehouse)
    assert "Protocol not known: moon" in reported(record_property, caught)


def test_a_variable_that_is_not_set_is_reported(tmp_path, warehouse, record_property):
    declared = {"url": "brokenstore://bucket", "storage_options": {"secret": {"env": "NO_SUCH_SECRET"}}}
    with pytest.raises(DataError, match="variable NO_SUCH_SECRET, which is not set") as caught:
        rows_of(declared, tmp_path, warehouse)
    assert "export NO_SUCH_SECRET=" in reported(record_property, caught)


def test_an_error_of_a_store_is_reported_without_the_secret(
    tmp_path, warehouse, monkeypatch, record_property
):
    from dagster._utils.error import serializable_error_info_from_exc_info

    monkeypatch.setenv("ORDERS_SECRET", "hunter2-of-the-store")
    declared = {"url": "brokenstore://bucket", "storage_options": {"secret": {"env": "ORDERS_SECRET"}}}
    with pytest.raises(DataError, match=r"403: the key .* may not list the bucket") as caught:
        rows_of(declared, tmp_path, warehouse)
    assert "brokenstore://bucket can't be listed" in reported(record_property, caught)
    try:
        raise caught.value
    except DataError:
        kept = serializable_error_info_from_exc_info(sys.exc_info()).to_string()
    assert "hunter2" not in kept


@pytest.mark.parametrize("url", ["https://ada:hunter2@host/a.csv", "https://host/a.csv?sig=hunter2"])
def test_a_url_with_a_secret_is_refused_wherever_it_comes_from(tmp_path, warehouse, record_property, url):
    with pytest.raises(DataError, match=r"https://…, contains a user name, a password or a token") as caught:
        rows_of(url, tmp_path, warehouse)
    assert "hunter2" not in reported(record_property, caught)


def test_an_invalid_file_is_reported_by_its_url(bucket, tmp_path, warehouse, record_property):
    bucket.put("orders.csv", b"a,a\n1,2\n")
    with pytest.raises(DataError, match="duplicate column a ") as caught:
        rows_of("memory://bucket/orders.csv", tmp_path, warehouse)
    message = reported(record_property, caught)
    assert "memory://" in message
    assert str(warehouse.root) not in message


def test_a_file_that_changes_while_it_is_copied_is_reported(
    bucket, tmp_path, warehouse, monkeypatch, record_property
):
    bucket.put("orders.csv", "a\n1\n")
    copied = RemoteFiles._copy

    def slow(self: Any, remote: str, target: Any) -> str:
        digest = copied(self, remote, target)
        bucket.put("orders.csv", "a\n1\n2\n")
        return digest

    monkeypatch.setattr(RemoteFiles, "_copy", slow)
    with pytest.raises(DataError, match=r"orders.csv changed while it was read") as caught:
        rows_of("memory://bucket/orders.csv", tmp_path, warehouse)
    reported(record_property, caught)


def test_a_file_that_is_deleted_before_it_is_copied_is_reported(bucket, tmp_path, warehouse, record_property):
    bucket.put("orders.csv", "a\n1\n")
    with opened("memory://bucket", tmp_path, warehouse) as (source, _):
        files = source.files
        [file] = files.hash_files(files.list_files(), subject="shop: table orders")
        bucket.fs.rm("/bucket/orders.csv")
        with pytest.raises(DataError, match="can't be read") as caught:
            files.local_copy(file, subject="shop: table orders")
    assert "memory:///bucket/orders.csv" in reported(record_property, caught)


@pytest.fixture
def web(tmp_path) -> Iterator[str]:
    """The address of a web server with the files of a folder."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_a_file_of_a_web_server_is_read_and_its_change_is_detected(web, tmp_path, warehouse):
    prints = []
    for rows in ("1\n", "2\n"):
        (tmp_path / "web" / "orders.csv").write_text(f"a\n{rows}")
        url = f"{web}/orders.csv"
        with opened(url, tmp_path, warehouse) as (source, connection):
            prints.append(source.arrivals(connection).by_partition[None].fingerprint)
            [relation] = source.fetch(connection, None).relations
            assert relation.fetchall()[0][:2] == (rows.strip(), "orders.csv")
    assert prints[0] != prints[1]


def test_an_unreachable_server_is_reported(tmp_path, warehouse, record_property):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DataError) as caught:
        rows_of(f"http://127.0.0.1:{port}/orders.csv", tmp_path, warehouse)
    assert f"http://127.0.0.1:{port}/orders.csv" in reported(record_property, caught)
