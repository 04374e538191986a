"""The log of a worker: what it costs, what it keeps, and what it does when it can't write."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pyarrow as pa
import pytest

from mlops_assets.core.digests import keyed_digest
from mlops_assets.ml.contracts.batch_check import contract_of_types
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.log.counts import LogCounts
from mlops_assets.serving.log.prediction_log import PredictionLog
from mlops_assets.stores.prediction_log.spool import Spool
from mlops_assets.stores.system.row_id_key import row_id_key
from mlops_assets_tests.support.small_disk import fill, small_disk

COLUMNS = (
    Column("size", "DOUBLE"),
    Column("day", "DATE"),
    Column("price", "DOUBLE", decimal=","),
    Column("role", "VARCHAR"),
    Column("income", "BIGINT", sensitive=True),
)
SPEC = SimpleNamespace(output_types=lambda: {"prediction": int, "probability": float})
FIRST = "the first one"
ROW = {
    "customer": FIRST,
    "size": 1.5,
    "day": "2026-03-01",
    "price": "2,5",
    "role": "boss",
    "income": 7,
}
OUTPUT = {"prediction": 1, "probability": 0.25}
MODEL = SimpleNamespace(
    version=3,
    model=SimpleNamespace(spec=SPEC),
    contracts=SimpleNamespace(contract=contract_of_types(COLUMNS, subject="shop")),
)


def open_log(tmp_path, *, warehouse=None, columns=(), **settings):
    log = {
        "enabled": True,
        "sample": 1.0,
        "sensitive": "drop",
        "max_memory_mb": 64,
        "max_spool_mb": 64,
        **settings,
    }
    project = ServedProject(
        "shop", "", None, settings={"log": log}, logged_entity=("customer",), sensitive=columns
    )
    place = warehouse or tmp_path / "warehouse"
    config = ServingConfig((project,), str(place), "", None, str(tmp_path))
    return PredictionLog(config, tmp_path), Spool(place, "shop")


def add(log, *rows, request_id="r1", outputs=None, **more):
    log.add(
        "shop",
        MODEL,
        request_id=request_id,
        rows=list(rows),
        outputs=[OUTPUT] * len(rows) if outputs is None else outputs,
        **more,
    )


def written(spool):
    return pa.concat_tables([spool.read(file.path) for file in spool.files()]).to_pylist()


def test_a_row_is_logged_with_the_types_of_the_contract(tmp_path):
    log, spool = open_log(tmp_path)
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    add(log, ROW, {**ROW, "size": "x"}, outputs=[OUTPUT, None], at=at.timestamp(), latency_ms=1.25, as_of=1.5)
    log.flush()
    assert written(spool) == [
        {
            "request_id": "r1",
            "request_row": 0,
            "requested_at": at,
            "model_version": 3,
            "role": "champion",
            "route": "predict",
            "features_as_of": datetime.fromtimestamp(1.5, UTC),
            "latency_ms": 1.25,
            "customer": FIRST,
            "size": 1.5,
            "day": date(2026, 3, 1),
            "price": "2,5",
            "input_role": "boss",
            "prediction": 1,
            "probability": 0.25,
        }
    ]


@pytest.mark.parametrize("form", ["records", "arrow"])
def test_a_number_of_a_column_with_marks_is_logged_as_the_contract_reads_it(tmp_path, form):
    log, spool = open_log(tmp_path)
    given = [{**ROW, "price": 2.5}]
    rows = given if form == "records" else pa.RecordBatch.from_pylist(given)
    log.add("shop", MODEL, request_id="r1", rows=rows, outputs=pa.Table.from_pylist([OUTPUT]))
    log.flush()
    [row] = written(spool)
    assert row["price"] == "2,5", "2.5 would be no number in a table with decimal commas"


@pytest.mark.parametrize("value", [7, 7.0, "7", " 7"])
def test_a_value_has_one_digest_however_it_was_sent(tmp_path, value):
    log, spool = open_log(tmp_path, sensitive="hash")
    add(log, {**ROW, "income": value})
    log.flush()
    [row] = written(spool)
    assert row["income"] == keyed_digest(row_id_key(tmp_path / "warehouse"), "7")


@pytest.mark.parametrize("form", ["records", "arrow"])
@pytest.mark.parametrize("mode", ["drop", "hash"])
def test_sensitive_columns_are_left_out_or_hashed(tmp_path, mode, form):
    log, spool = open_log(tmp_path, columns=("customer",), sensitive=mode)
    rows = [ROW] if form == "records" else pa.RecordBatch.from_pylist([ROW])
    log.add("shop", MODEL, request_id="r1", rows=rows, outputs=pa.Table.from_pylist([OUTPUT]))
    log.flush()
    [row] = written(spool)
    if mode == "drop":
        assert not {"income", "customer"} & row.keys()
    else:
        key = row_id_key(tmp_path / "warehouse")
        assert (row["income"], row["customer"]) == (
            keyed_digest(key, "7"),
            keyed_digest(key, FIRST),
        )
    assert b"the first" not in b"".join(file.path.read_bytes() for file in spool.files())


def test_the_share_of_logged_requests_is_the_declared_one_and_a_request_is_whole(tmp_path):
    log, spool = open_log(tmp_path, sample=0.2)
    for number in range(5_000):
        add(log, ROW, ROW, request_id=f"request-{number}")
        add(log, ROW, request_id=f"request-{number}", role="shadow")
    log.flush()
    rows = written(spool)
    requests = {row["request_id"] for row in rows}
    assert abs(len(requests) / 5_000 - 0.2) < 3 * (0.2 * 0.8 / 5_000) ** 0.5
    assert len(rows) == 3 * len(requests)
    assert log.counts()["shop"] == LogCounts(len(rows), 0, 0)


def test_what_does_not_fit_into_memory_is_dropped_and_counted(tmp_path):
    log, spool = open_log(tmp_path, max_memory_mb=1)
    for _ in range(3_000):
        add(log, ROW)
    log.flush()
    kept = 1024**2 // (len(COLUMNS) * 100)
    assert len(written(spool)) == kept
    assert log.counts()["shop"] == LogCounts(kept, 3_000 - kept, 0)
    add(log, ROW)
    log.close()
    assert LogCounts.read(tmp_path)["shop"] == LogCounts(kept + 1, 3_000 - kept, 0)


def test_a_full_disk_delays_rows_and_fails_no_request(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        log, spool = open_log(tmp_path, warehouse=disk / "warehouse")
        add(log, ROW)
        log.flush()
        ballast = fill(disk, leave=0)
        for number in range(200):
            add(log, ROW, request_id=f"r{number}")
            log.flush()
        assert len(written(spool)) == 1
        assert [path for path in spool.folder.iterdir() if path.name.startswith(".")] == []
        ballast.unlink()
        log.flush()
        assert len(written(spool)) == 201
        assert log.counts()["shop"] == LogCounts(201, 0, 0)


def test_a_full_spool_is_bounded(tmp_path, monkeypatch):
    log, spool = open_log(tmp_path, max_spool_mb=1, max_memory_mb=1)
    monkeypatch.setattr(Spool, "size", lambda _: 1024**2)
    for number in range(3_000):
        add(log, ROW, request_id=f"r{number}")
    log.flush()
    log.close()
    assert spool.files() == []
    assert log.counts()["shop"] == LogCounts(0, 3_000, 0)


def test_rows_that_can_not_be_converted_are_counted(tmp_path, caplog):
    log, spool = open_log(tmp_path)
    log.add("shop", MODEL, request_id="r1", rows=[ROW], outputs=["no record"])
    log.flush()
    add(log, ROW)
    log.flush()
    assert log.counts()["shop"] == LogCounts(1, 0, 1)
    assert len(written(spool)) == 1
    assert "1 rows can't be logged" in caplog.text
    assert "the first" not in caplog.text


def test_other_projects_are_not_logged(tmp_path):
    log, spool = open_log(tmp_path, enabled=False)
    add(log, ROW)
    log.close()
    assert (spool.files(), log.counts()) == ([], {})
