"""Rare values of text become one, and a column of a million values stays a small model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.features.preprocessing import default_pipeline, transform
from mlops_assets.ml.rare_values import RARE, RareValues
from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator


def text(*values: object) -> pd.DataFrame:
    return pd.DataFrame({"kind": pd.Series(values, dtype=object)})


def test_frequent_values_are_kept_and_all_others_replaced():
    fitted = RareValues(min_share=0.25).fit(text("a", "a", "a", "b", "b", "c"))
    assert fitted.kept_ == [["a", "b"]]
    assert fitted.transform(text("b", "c", "never", "a"))["kind"].tolist() == ["b", RARE, RARE, "a"]


def test_only_the_most_frequent_are_kept_and_ties_go_by_their_text():
    fitted = RareValues(min_share=0, max_values=2).fit(text("z", "b", "a", "z", "a", "b", "c"))
    assert fitted.kept_ == [["a", "b"]]


def test_a_missing_value_counts_as_a_value():
    fitted = RareValues(min_share=0.5).fit(text("a", np.nan, np.nan, "b"))
    [frequent, rare] = fitted.transform(text(np.nan, "a"))["kind"]
    assert np.isnan(frequent)
    assert rare == RARE


def test_a_fitted_transformer_loads_from_its_file(tmp_path: Path):
    fitted = RareValues(min_share=0.25).fit(text("a", "a", np.nan, "b"))
    dump_estimator(fitted, tmp_path / "rare.skops")
    loaded = load_estimator(tmp_path / "rare.skops")
    assert estimator_digest(loaded) == estimator_digest(fitted)
    rows = text("b", np.nan, "x")
    pd.testing.assert_frame_equal(loaded.transform(rows), fitted.transform(rows))


@pytest.mark.parametrize(("encoding", "columns", "most"), [("one_hot", 1, 200_000), ("text", 3, 400_000)])
def test_a_column_of_many_values_is_a_small_file(tmp_path: Path, encoding: str, columns: int, most: int):
    frame = pd.DataFrame({"user": [f"user-{place}" for place in range(100_000)]}, dtype=object)
    pipeline = default_pipeline(encode={"user": encoding}, topics=2)
    assert transform(pipeline, frame, fit=np.zeros(len(frame))).shape == (100_000, columns)
    dump_estimator(pipeline, tmp_path / "pipeline.skops")
    assert (tmp_path / "pipeline.skops").stat().st_size < most


def test_a_kept_text_that_is_spelled_like_the_replacement_stays_distinct():
    frame = pd.DataFrame({"note": [RARE] * 5 + ["(rare)*"] * 4 + ["a", "b"]})
    fitted = RareValues(min_share=0.2).fit(frame)
    assert fitted.transform(frame)["note"].tolist() == [RARE] * 5 + ["(rare)*"] * 4 + ["(rare)**"] * 2
