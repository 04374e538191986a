"""Distribution of predictions by version."""

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import Records
from mlops_assets.serving.http.observer import ScoredRequest
from mlops_assets.serving.metrics.prediction_metrics import MOST_ROWS, PredictionMetrics


@pytest.fixture
def registry():
    return CollectorRegistry()


def _scored(outputs, version: int = 3, *, is_table: bool = False) -> ScoredRequest:
    rejected = {place: ["rule"] for place, row in enumerate(outputs) if row is None}
    if is_table:
        scored = ScoredRows(
            len(outputs), rejected, table=pa.Table.from_pylist([row for row in outputs if row])
        )
    else:
        scored = ScoredRows(len(outputs), rejected, rows=outputs)
    return ScoredRequest("churn", version, "champion", "id", Records([]), scored, 0.1, "/predict")


def _buckets(registry, metric: str, version: int = 3) -> dict[float, float]:
    found = {
        float(sample.labels["le"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == f"{metric}_bucket" and sample.labels["version"] == str(version)
    }
    return {bound: value for bound, value in found.items() if value}


def test_probabilities_are_counted_by_version_without_rejected_rows(registry):
    metrics = PredictionMetrics(registry)
    metrics.on_scored(
        _scored([{"prediction": 1, "probability": 0.93}, None, {"prediction": 0, "probability": 0.05}])
    )
    metrics.on_scored(_scored([{"prediction": "b", "probability_a": 0.2, "probability_b": 0.8}], version=4))
    found = _buckets(registry, "mlops_serving_probability")
    assert (found[0.05], found[0.9], found[0.95], found[1.0]) == (1, 1, 2, 2)
    of_version = {"project": "churn", "version": "3"}
    assert registry.get_sample_value("mlops_serving_rows_total", of_version) == 2
    assert registry.get_sample_value("mlops_serving_rejected_rows_total", of_version) == 1
    assert min(_buckets(registry, "mlops_serving_probability", 4)) == 0.8


def test_values_of_a_regression_are_counted_whatever_their_size(registry):
    metrics = PredictionMetrics(registry)
    metrics.on_scored(_scored([{"prediction": value} for value in (-5e12, -3.0, 0.0, 240_000.0, 7e12)]))
    found = _buckets(registry, "mlops_serving_predicted_value")
    assert [found[bound] for bound in (-1e9, -1.0, 0.0, 200_000, 300_000, 1e9, float("inf"))] == [
        1,
        2,
        3,
        3,
        4,
        4,
        5,
    ]
    assert _buckets(registry, "mlops_serving_probability") == {}


def test_a_batch_whose_rows_are_all_rejected_counts_none(registry):
    table = pa.table({"prediction": pa.array([], pa.int64()), "probability": pa.array([], pa.float64())})
    scored = ScoredRows(2, {0: ["rule"], 1: ["rule"]}, table=table)
    PredictionMetrics(registry).on_scored(_scored([])._replace(scored=scored))
    assert _buckets(registry, "mlops_serving_probability") == {}


@pytest.mark.parametrize("is_table", [False, True])
def test_a_large_request_counts_some_rows_from_its_beginning_to_its_end(registry, is_table):
    outputs = [{"prediction": 0, "probability": row / 1000} for row in range(1000)]
    PredictionMetrics(registry).on_scored(_scored(outputs, is_table=is_table))
    found = _buckets(registry, "mlops_serving_probability")
    assert MOST_ROWS - 1 <= found[float("inf")] <= MOST_ROWS
    assert found[0.5] == pytest.approx(MOST_ROWS / 2, abs=1)
