"""Scored rows and the distribution of their predictions by version, as an observer of requests."""

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from mlops_assets.serving.http.observer import FailedRequest, ScoredRequest
from mlops_assets.serving.metrics.definitions import REJECTED_ROWS, ROWS

MOST_ROWS = 16
"""Rows of a request whose predictions are counted, evenly spread: a row takes microseconds, which add up."""
_PROBABILITIES = tuple(step / 20 for step in range(1, 21))
_VALUES = (
    *(-(10.0**power) for power in range(9, -4, -1)),
    0.0,
    *(digit * 10.0**power for power in range(-3, 9) for digit in (1, 1.5, 2, 3, 5, 7)),
    1e9,
)
"""Bounds for values of unknown size: a histogram needs them before the first value."""


class PredictionMetrics:
    """Counts rows, probabilities of the positive or the predicted class, and predicted values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        rows, labels = f"of at most {MOST_ROWS} rows of a request.", ["project", "version"]
        self._probabilities = Histogram(
            "mlops_serving_probability",
            f"Probabilities of the positive class, or of the predicted one of several, {rows}",
            labels,
            buckets=_PROBABILITIES,
            registry=registry,
        )
        self._values = Histogram(
            "mlops_serving_predicted_value",
            f"Predictions of regression models, {rows}",
            labels,
            buckets=_VALUES,
            registry=registry,
        )
        self._rows = Counter(ROWS, "Rows that were predicted.", labels, registry=registry)
        self._rejected = Counter(REJECTED_ROWS, "Rows that violated the contract.", labels, registry=registry)
        self._observe: dict[tuple[str, int], Callable[[float], None]] = {}
        self._count: dict[tuple[str, int], Callable[[float], None]] = {}

    def on_scored(self, request: ScoredRequest) -> None:
        """Count the rows, and the predictions of some of them."""
        key, rejected = (request.project, request.version), len(request.scored.rejected)
        labels = request.project, str(request.version)
        if predicted := request.scored.count - rejected:
            if (count := self._count.get(key)) is None:
                count = self._count[key] = self._rows.labels(*labels).inc
            count(predicted)
        if rejected:
            self._rejected.labels(*labels).inc(rejected)
        for outputs in request.scored.spread(MOST_ROWS):
            probability = _probability(outputs)
            if (observe := self._observe.get(key)) is None:
                histogram = self._values if probability is None else self._probabilities
                observe = self._observe[key] = histogram.labels(*labels).observe
            observe(outputs["prediction"] if probability is None else probability)

    def on_error(self, request: FailedRequest) -> None:
        """Errors have no predictions."""


def _probability(outputs: Mapping[str, Any]) -> float | None:
    """Return the probability of a classification; None in a regression."""
    found = outputs.get("probability")
    return outputs.get(f"probability_{outputs['prediction']}") if found is None else found
