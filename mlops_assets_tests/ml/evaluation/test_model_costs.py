"""Models side by side: what the search left is read, and a model's speed is measured."""

import json
import math
import time

import pandas as pd
import pytest

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.evaluation.model_costs import folder_bytes, measure_speed, read_leaderboard


def test_what_the_search_left_is_read_whatever_it_knows():
    told = [
        {
            "name": "ensemble",
            "family": "ensemble",
            "score": 0.41,
            "fit_seconds": 12,
            "size_bytes": None,
            "seed": 3,
        },
        {"name": "line", "family": "linear"},
    ]
    ensemble, line = read_leaderboard(json.dumps(told))
    assert (ensemble.name, ensemble.score, ensemble.fit_seconds) == ("ensemble", 0.41, 12.0)
    assert all(math.isnan(value) for value in (ensemble.size_bytes, ensemble.holdout, line.score))


@pytest.mark.parametrize(
    "text", ["{", '{"name": 1}', '[{"family": "linear"}]', '[{"name": "a", "family": "b", "score": "x"}]']
)
def test_what_is_no_leaderboard_is_told(text):
    with pytest.raises(ModelError, match=r"leaderboard.json of the run can't be read"):
        read_leaderboard(text)


def test_the_time_of_a_row_and_of_many_is_measured():
    calls: list[int] = []

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(rows))
        time.sleep(0.002)
        return rows

    speed = measure_speed(predict, pd.DataFrame({"x": range(500)}))
    assert 2.0 <= speed.single_row_milliseconds < 200
    assert 500 < speed.batch_rows_per_second <= 500 / 0.002
    assert set(calls) == {1, 500}


def test_the_size_of_a_folder_counts_what_is_below(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 8
