"""Text artifacts of runs, in a real MLflow on SQLite."""

from pathlib import Path

import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.tracking import run_artifacts
from mlops_assets.stores.tracking.run_artifacts import read_text, read_texts, write_texts
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets_tests.support.garage import StartRun

TEXTS = {"schema.py": "a = 'é'\n", "pipeline.py": "b = 1\n"}


@pytest.fixture
def run_id(tracking: TrackingStore, run: StartRun) -> str:
    """A run with two texts in the folder `code`."""
    run_id = run()
    write_texts(tracking, run_id, "code", TEXTS)
    return run_id


def test_texts_are_read_as_they_were_written(tracking: TrackingStore, run_id: str):
    assert read_texts(tracking, run_id, "code") == TEXTS
    assert read_text(tracking, run_id, "code/schema.py") == TEXTS["schema.py"]


def test_subfolders_are_not_read(tracking: TrackingStore, run_id: str):
    write_texts(tracking, run_id, "code/deeper", {"other.py": "c = 1\n"})
    assert read_texts(tracking, run_id, "code") == TEXTS


def test_a_missing_folder_is_empty_and_a_missing_file_is_none(tracking: TrackingStore, run_id: str):
    assert read_texts(tracking, run_id, "card") == {}
    assert read_text(tracking, run_id, "code/other.py") is None


def test_a_file_that_is_not_text_is_an_error_that_names_run_and_file(tracking: TrackingStore, run_id: str):
    [file] = Path(tracking.artifacts).rglob("schema.py")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(TrackingError, match=f"code/schema.py of MLflow run {run_id} is not a text") as caught:
        read_texts(tracking, run_id, "code")
    assert "restore the artifact" in caught.value.hint


def test_a_file_that_is_too_large_is_an_error(tracking: TrackingStore, run_id: str, monkeypatch):
    monkeypatch.setattr(run_artifacts, "MOST_BYTES", 7)
    assert read_text(tracking, run_id, "code/pipeline.py") == TEXTS["pipeline.py"]
    with pytest.raises(TrackingError, match="it has 9 bytes"):
        read_text(tracking, run_id, "code/schema.py")
