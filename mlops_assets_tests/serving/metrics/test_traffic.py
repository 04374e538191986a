"""Numbers of requests and quantiles from histograms, with known answers."""

import math

import pytest
from prometheus_client import CollectorRegistry

from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import Records
from mlops_assets.serving.http.observer import ScoredRequest
from mlops_assets.serving.metrics.definitions import RequestMetrics
from mlops_assets.serving.metrics.prediction_metrics import PredictionMetrics
from mlops_assets.serving.metrics.traffic import counts_by_project, quantile, traffic_between

_BUCKETS = {0.1: 50.0, 0.2: 90.0, 0.5: 100.0, math.inf: 100.0}


@pytest.mark.parametrize(
    ("share", "expected"), [(0.25, 0.05), (0.5, 0.1), (0.7, 0.15), (0.95, 0.35), (1.0, 0.5)]
)
def test_a_quantile_is_interpolated_within_its_bucket(share: float, expected: float) -> None:
    assert quantile(_BUCKETS, share) == pytest.approx(expected)


def test_a_quantile_beyond_the_last_bound_is_that_bound_and_without_values_there_is_none() -> None:
    assert quantile({0.1: 0.0, math.inf: 4.0}, 0.5) == 0.1
    assert quantile({0.1: 0.0, math.inf: 0.0}, 0.5) is None
    assert quantile({}, 0.5) is None


def test_counts_are_sums_over_routes_and_versions_and_quantiles_those_of_the_period() -> None:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)

    def observe(outcome: str, seconds: float, count: int, *, version: str = "1", route: str = "/a") -> None:
        for _ in range(count):
            metrics.durations.labels("shop", route, version, outcome).observe(seconds)

    observe("answered", 4.0, 100)
    before = counts_by_project(registry.collect())["shop"]
    observe("answered", 0.002, 10, version="2")
    observe("answered", 0.002, 10, route="/b")
    observe("failed", 9.0, 2)
    observe("refused", 9.0, 3, version="")
    metrics.durations.labels("", "other", "", "refused").observe(1)
    predictions = PredictionMetrics(registry)
    for version, rejected in ((1, {}), (2, {place: ["rule"] for place in range(7)})):
        scored = ScoredRows(70 if version == 1 else 7, rejected, rows=[])
        predictions.on_scored(
            ScoredRequest("shop", version, "champion", "id", Records([]), scored, 0.1, "/a")
        )

    counts = counts_by_project(registry.collect())
    assert set(counts) == {"shop"}
    found = traffic_between(before, counts["shop"], 60.0)
    assert (found.requests, found.failed, found.refused, found.recent_requests) == (125, 2, 3, 25)
    assert (found.rows, found.rejected_rows) == (70, 7)
    assert found.p50 == pytest.approx(0.00175)  # the middle of the bucket from 0.001 to 0.0025
    assert found.p99 is not None
    assert found.p99 < 0.0025
