"""Both online stores: exact values, atomic replacement, removal and errors."""

import struct
import threading
from datetime import datetime

import pyarrow as pa
import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.online.base import OnlineColumn, Snapshot
from mlops_assets.stores.online.encoding import RowDecoder, encode_batch, encode_entity
from mlops_assets.stores.online.redis import RedisOnlineStore
from mlops_assets.stores.online.sqlite import SqliteOnlineStore
from mlops_assets_tests.stores.online.conftest import ENTITIES, TYPES

KEY = (OnlineColumn("customer", "VARCHAR"),)


def key(customer: str) -> bytes:
    return encode_entity({"customer": customer}, KEY)


def numbers(store, *customers: str) -> list[float | None]:
    snapshot, rows = store.get([key(one) for one in customers])
    decoder = RowDecoder(snapshot)
    return [None if row is None else decoder.row(row)[1][0] for row in rows]


def test_every_value_is_read_back_bit_for_bit(store):
    features = tuple(OnlineColumn(f"f{place}", kind) for place, kind in enumerate(TYPES))
    partitions = (("2025-01", datetime(2025, 2, 1)), ("2025-02", datetime(2025, 3, 1)))
    written = Snapshot("shop", KEY, features, partitions, len(ENTITIES), "x", "2025-03-01T00:00:00")
    columns = [pa.array(values, kind) for kind, values in TYPES.values()]
    batch = pa.record_batch(
        [pa.array([0, 1, 0, 1]), pa.array(ENTITIES), *columns],
        names=["place", "customer", *(name for name, _ in features)],
    )
    store.write(written, [encode_batch(batch[:3], 1), encode_batch(batch[3:], 1)])

    snapshot, rows = store.get([key(one) for one in ENTITIES])
    decoder = RowDecoder(snapshot)
    found = [decoder.row(row) for row in rows]

    assert snapshot == written
    assert [partition for partition, _ in found] == [partitions[0], partitions[1]] * 2
    for place, (kind, values) in enumerate(TYPES.values()):
        read = [row[place] for _, row in found]
        if pa.types.is_floating(kind):
            assert [_bits(value) for value in read] == [
                _bits(value) for value in pa.array(values, kind).to_pylist()
            ]
        else:
            assert read == values
            assert list(map(type, read)) == list(map(type, values))


def _bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack(">d", value)


def test_a_write_replaces_all_rows_and_a_reader_sees_it_at_once(store, write):
    write({"a": 1.0, "b": 2.0})
    assert numbers(store, "b", "a", "z") == [2.0, 1.0, None]
    write({"a": 3.0, "z": 4.0})
    assert numbers(store, "b", "a", "z") == [None, 3.0, 4.0]
    assert store.snapshot().rows == 2
    assert sorted(name for batch in store.items() for name, _ in batch) == [key("a"), key("z")]


def test_a_failed_write_leaves_the_rows_before_and_no_trace_of_its_own(store, write, tmp_path, request):
    before = write({"a": 1.0})

    def failing():
        yield [(key("secret"), b"row")]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(before, failing())
    assert numbers(store, "a", "secret") == [1.0, None]
    if store.is_local:
        assert sorted(path.name for path in store.file.parent.iterdir()) == ["shop.db", "shop.lock"]
    else:
        assert len(_hashes(request, tmp_path)) == 1


def test_readers_in_other_threads_never_see_a_mixture(store, write):
    write({"a": 0.0, "b": 0.0})
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append(tuple(numbers(store, "a", "b")))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 15):
        write({"a": float(number), "b": float(number)})
    stop.set()
    for reader in readers:
        reader.join()
    assert all(first == second is not None for first, second in seen)
    assert numbers(store, "a") == [14.0]


def test_a_removed_entity_is_in_no_file_and_in_no_former_snapshot(store, write, tmp_path, request):
    write({"forgotten-id": 1.0, "b": 2.0})
    write({"forgotten-id": 3.0, "b": 4.0})
    assert store.remove([key("forgotten-id"), key("unknown")]) == 1
    assert numbers(store, "forgotten-id", "b") == [None, 4.0]
    assert store.snapshot().rows == 1
    if store.is_local:
        assert b"forgotten-id" not in store.file.read_bytes()
    else:
        client = request.getfixturevalue("redis_server").client
        names = _hashes(request, tmp_path)
        assert len(names) == 2, "the former snapshot, which has not expired"
        assert sorted(client.ttl(name) > 0 for name in names) == [False, True]
        assert all(client.hget(name, key("forgotten-id")) is None for name in names)


def test_a_store_that_was_never_written_is_an_error_with_the_command_that_writes_it(store):
    assert store.snapshot() is None
    assert list(store.items()) == []
    assert store.remove([key("a")]) == 0
    with pytest.raises(StoreError, match="shop has no online features") as found:
        store.get([key("a")])
    assert found.value.hint == "write them: mlops run shop, or materialize shop/features_online"


def _hashes(request: pytest.FixtureRequest, tmp_path) -> list[bytes]:
    client = request.getfixturevalue("redis_server").client
    return list(client.scan_iter(match=f"{tmp_path.name}:*features:*"))


def redis_store(server, prefix, url=None):
    return RedisOnlineStore("shop", url or server.url(), "the Redis server in $REDIS_URL", prefix)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://:hidden-secret@127.0.0.1:1/0", "no connection"),
        ("redis://:hidden-secret@127.0.0.1:{port}/0", "the server refuses the user or password"),
        ("https://:hidden-secret@127.0.0.1/0", "is not one of Redis: https://127.0.0.1/0"),
        ("redis://:hidden-secret@127.0.0.1:port/0", "is not one of Redis"),
    ],
)
def test_a_server_that_can_not_be_used_is_an_error_without_the_password(redis_server, tmp_path, url, problem):
    store = redis_store(redis_server, tmp_path.name, url.format(port=redis_server.port))
    with pytest.raises(StoreError) as found:
        store.get([key("a")])
    assert problem in found.value.message
    assert "hidden-secret" not in str(found.value)


def test_a_server_without_memory_keeps_the_features_before(redis_server, tmp_path):
    store = redis_store(redis_server, tmp_path.name)
    snapshot = Snapshot("shop", KEY, (), (("2025-01", datetime(2025, 2, 1)),), 1, "x", "2025")
    store.write(snapshot, [[(key("a"), b"\x91\x00")]])
    redis_server.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError) as found:
            store.write(snapshot, [[(key("b"), b"\x91\x00")]])
    finally:
        redis_server.client.config_set("maxmemory", "0")
    assert "its memory is full. Those written before are unchanged." in found.value.message
    assert store.get([key("a"), key("b")])[1] == [b"\x91\x00", None]
    assert len(list(redis_server.client.scan_iter(match=f"{tmp_path.name}:*features:*"))) == 1


def test_a_snapshot_that_the_server_has_evicted_is_an_error_and_no_unknown_entity(redis_server, tmp_path):
    store = redis_store(redis_server, tmp_path.name)
    snapshot = Snapshot("shop", KEY, (), (("2025-01", datetime(2025, 2, 1)),), 1, "x", "2025")
    store.write(snapshot, [[(key("a"), b"\x91\x00")]])
    [name] = redis_server.client.scan_iter(match=f"{tmp_path.name}:*features:*")
    assert redis_server.client.ttl(name) == -1
    redis_server.client.delete(name)
    with pytest.raises(StoreError, match="has lost the online features"):
        store.get([key("a")])


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    store = SqliteOnlineStore("shop", tmp_path / "shop.db")
    store.file.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    with pytest.raises(StoreError, match=r"the online features in .*shop\.db can't be read") as found:
        store.get([key("a")])
    assert "materialize shop/features_online" in found.value.hint
