"""Costs of a model: prediction time and size."""

import time

import pandas as pd
import pytest

from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.costs import artifact_bytes, folder_bytes, measure_speed
from mlops_assets_tests.support.garage import garage_model


def test_speed_is_measured_on_single_rows_and_on_a_batch():
    calls: list[int] = []

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(rows))
        time.sleep(0.002)
        return rows

    speed = measure_speed(predict, pd.DataFrame({"x": range(500)}))
    assert 2.0 <= speed.single_row_milliseconds < 200
    assert 500 < speed.batch_rows_per_second <= 500 / 0.002
    assert set(calls) == {1, 500}


@pytest.mark.parametrize(
    ("of_one", "of_batch", "calls"),
    [
        (0.001, 0.01, [1, *[1] * 15, 500, 500]),
        (0.08, 0.5, [1, *[1] * 4, 500]),
        (0.5, 0.5, [1, 1, 500]),
        (3.0, 3.0, [1, 500]),
    ],
)
def test_slow_predictions_are_not_repeated(monkeypatch, of_one, of_batch, calls):
    clock, made = [0.0], []

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        made.append(len(rows))
        clock[0] += of_one if len(rows) == 1 else of_batch
        return rows

    monkeypatch.setattr("mlops_assets.ml.model.costs.SINGLE_ROWS", 15)
    monkeypatch.setattr("mlops_assets.ml.model.costs.perf_counter", lambda: clock[0])
    speed = measure_speed(predict, pd.DataFrame({"x": range(500)}))
    assert made == calls
    assert speed.single_row_milliseconds == pytest.approx(1000 * of_one)
    assert speed.batch_rows_per_second == pytest.approx(500 / of_batch)


def test_the_size_of_a_folder_includes_its_subfolders(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 8


def test_the_size_of_an_artifact_is_the_size_of_its_saved_files(tmp_path):
    model = garage_model()
    save_model(model, tmp_path / "model")
    assert artifact_bytes(model) == folder_bytes(tmp_path / "model")
