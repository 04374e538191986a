"""Histograms of reference rows: bins, counts and usual variation."""

import json
import math

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml import wide_queries
from mlops_assets.ml.monitoring.drift.column_tests import measure_effect
from mlops_assets.ml.monitoring.drift.histograms import Bins, Histograms, count
from mlops_assets.ml.monitoring.drift.reference import LEAST_IN_BIN, reference_histograms


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


def table(rows: int = 4_000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": random.normal(size=rows),
            "items": random.poisson(0.5, rows),
            "name": random.choice(["a", "b", "c'd"], rows, p=[0.6, 0.3, 0.1]).astype(object),
            "time": pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 9_999, rows), "h"),
            "open": random.random(rows) < 0.4,
        }
    )
    frame.loc[:9, "x"] = [np.nan, np.inf, *[math.nan] * 8]
    frame.loc[:4, "name"] = None
    frame.loc[5:7, "name"] = ["rare", "rarer", "rare"]
    return frame


def test_each_row_is_in_one_bin_and_frequent_values_have_their_own(connection):
    rows = connection.from_df(table())
    found = reference_histograms(connection, rows, rows.columns)
    assert {name: each.kind for name, each in found.bins.items()} == {
        "x": "number",
        "items": "number",
        "name": "category",
        "time": "time",
        "open": "category",
    }
    assert {each.rows for each in found.counts.values()} == {4_000}
    assert found.counts["x"].not_finite + found.counts["x"].missing == 10
    assert found.bins["name"].values == ("a", "b", "c'd")
    assert found.counts["name"].missing == 5
    assert found.counts["name"].bins[-1] == 3
    frame = table()
    for value in (0, 1, 2):
        place = found.bins["items"].edges.index(value)
        assert found.counts["items"].bins[place] == (frame["items"] == value).sum()


def test_a_stored_histogram_describes_no_single_row(connection):
    frame = pd.DataFrame({"income": np.random.default_rng(1).lognormal(10, 1, 80)})
    found = reference_histograms(connection, connection.from_df(frame), ["income"])
    text = json.dumps(found.to_json())
    assert min(found.counts["income"].bins) >= LEAST_IN_BIN - 2
    assert not [value for value in frame["income"] if repr(value) in text or f"{value:.2f}" in text]


def test_stored_histograms_are_read_back_and_columns_left_out(connection):
    rows = connection.from_df(table().assign(period=lambda frame: frame.index % 4))
    found = reference_histograms(connection, rows, ["x", "name"], period="period")
    assert Histograms.of_json(json.loads(json.dumps(found.to_json()))) == found
    assert list(found.without({"x"}).bins) == ["name"]
    assert "x" not in json.dumps(found.without({"x"}).to_json()["variation"])
    assert found.without({"x"}).joined(found.without({"name"})).counts == found.counts


def test_the_order_of_the_rows_does_not_matter(connection):
    frame = table()
    found = reference_histograms(connection, connection.from_df(frame), list(frame.columns))
    shuffled = connection.from_df(frame.sample(frac=1, random_state=3))
    assert count(shuffled, found.bins.values()) == found.counts
    assert reference_histograms(connection, shuffled, list(frame.columns)).bins == found.bins


def test_rows_of_an_entity_count_once_for_the_size(connection):
    frame = pd.DataFrame({"x": range(100), "customer": [place % 40 for place in range(100)]})
    found = reference_histograms(connection, connection.from_df(frame), ["x"], entity=["customer"])
    assert (found.rows, found.size) == (100, 40)


def test_columns_without_values_and_with_one_value_are_counted(connection):
    frame = pd.DataFrame({"none": pd.Series([None] * 60, dtype="float64"), "one": 5.0})
    found = reference_histograms(connection, connection.from_df(frame), ["none", "one"])
    assert found.counts["none"].missing == 60
    other = count(connection.from_df(frame.assign(one=6.0, none=1.0)), found.bins.values())
    assert measure_effect(found.bins["one"], found.counts["one"], other["one"]).size > 0.5
    assert measure_effect(found.bins["none"], found.counts["none"], other["none"]).name == "missing"


def test_the_usual_variation_is_that_of_seasons_and_not_of_chance(connection):
    random = np.random.default_rng(0)
    periods = np.repeat(np.arange(10), 1_000)
    season = np.repeat(random.normal(0, 0.5, 10), 1_000)
    frame = pd.DataFrame(
        {"steady": random.normal(size=10_000), "seasonal": random.normal(size=10_000) + season, "p": periods}
    )
    found = reference_histograms(connection, connection.from_df(frame), ["steady", "seasonal"], period="p")
    assert found.variation["steady"].training < 0.03
    assert found.variation["seasonal"].training == pytest.approx(0.5, abs=0.25)
    assert found.variation["seasonal"].previous == pytest.approx(0.7, abs=0.35)
    assert not reference_histograms(
        connection, connection.from_df(frame[frame["p"] < 2]), ["steady"], period="p"
    ).variation


@pytest.mark.parametrize(
    ("bins", "values", "missing"),
    [
        (Bins("x", "number", edges=(1.0, 2.0)), ["7", "n/a", None], 2),
        (Bins("x", "time", edges=(0.0, 1.0)), [5, 6, 7], 3),
        (Bins("x", "text", edges=(1.0,)), [5, 6, None], 1),
        (Bins("absent", "number", edges=(1.0,)), [1.0, 2.0, 3.0], 3),
        (Bins("absent", "category", values=("a",)), [1.0, 2.0, 3.0], 3),
    ],
)
def test_values_of_another_type_and_absent_columns_are_missing(connection, bins, values, missing):
    rows = connection.from_df(pd.DataFrame({"x": values}))
    found = count(rows, [bins])[bins.column]
    assert (found.missing, found.not_finite, found.rows) == (missing, 0, 3)


def test_huge_values_have_a_finite_effect(connection):
    rows = connection.from_df(pd.DataFrame({"x": 1e308 * np.linspace(-1, 1, 1_000)}))
    found = reference_histograms(connection, rows, ["x"])
    shifted = count(rows.project("0.5e308 + x / 2 as x"), found.bins.values())["x"]
    effect = measure_effect(found.bins["x"], found.counts["x"], shifted)
    assert effect.size == pytest.approx(math.sqrt(3) / 2, abs=0.05)


def test_histograms_are_the_same_in_groups_of_columns(connection, monkeypatch):
    frame = table().assign(period=lambda rows: rows["time"].dt.strftime("%Y-%m"))
    rows = connection.from_df(frame)
    columns = ["x", "items", "name", "time", "open"]
    whole = reference_histograms(connection, rows, columns, period="period").to_json()
    monkeypatch.setattr(wide_queries, "MANY_COLUMNS", 2)
    assert reference_histograms(connection, rows, columns, period="period").to_json() == whole
