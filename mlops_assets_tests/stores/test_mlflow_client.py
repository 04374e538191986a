"""A store that is not there, or is none."""

import time
from pathlib import Path

import pytest

from mlops_assets.errors import TrackingError
from mlops_assets.stores.tracking import TrackingStore


def test_a_server_that_is_down_is_an_error_within_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    started = time.monotonic()
    with pytest.raises(
        TrackingError, match=r"the tracking store at http://127.0.0.1:9 can't be used: .*\n  hint:"
    ):
        TrackingStore("http://127.0.0.1:9").experiment("garage")
    assert time.monotonic() - started < 10


def test_a_database_that_cannot_be_opened_is_an_error(tmp_path: Path):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 1_000)
    with pytest.raises(TrackingError, match=r"the tracking store at sqlite:.*mlflow.db can't be used"):
        TrackingStore(f"sqlite:///{tmp_path / 'mlflow.db'}").experiment("garage")
