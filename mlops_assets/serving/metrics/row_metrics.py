"""The metrics of rows, as an observer of scored requests."""

from mlops_assets.serving.http.observer import FailedRequest, ScoredRequest
from mlops_assets.serving.metrics.definitions import RequestMetrics


class RowMetrics:
    """Counts predicted and rejected rows; requests that fail are counted around the application."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics

    def on_scored(self, request: ScoredRequest) -> None:
        """Count the rows of a request."""
        labels = request.project, str(request.version)
        rejected = len(request.scored.rejected)
        if predicted := request.scored.count - rejected:
            self._metrics.rows.labels(*labels).inc(predicted)
        if rejected:
            self._metrics.rejected_rows.labels(*labels).inc(rejected)

    def on_error(self, request: FailedRequest) -> None:
        """Count nothing."""
