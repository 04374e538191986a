"""The prediction log as an observer of requests."""

from datetime import datetime
from typing import Any

from mlops_assets.serving.http.bodies.request_rows import ArrowRows
from mlops_assets.serving.http.observer import FailedRequest, ScoredRequest
from mlops_assets.serving.log.prediction_log import PredictionLog


class LogObserver:
    """Adds the rows that were answered to the log.

    Parameters
    ----------
    log
        The log of the worker.
    """

    def __init__(self, log: PredictionLog) -> None:
        self._log = log

    def on_scored(self, request: ScoredRequest) -> None:
        """Log the rows; those that were rejected have no answer, and are not logged."""
        if request.model is None:
            return
        rows: Any = request.rows.batch if isinstance(request.rows, ArrowRows) else request.rows
        outputs: Any = request.scored
        if isinstance(request.rows, ArrowRows) and request.scored.whole_table is not None:
            outputs = request.scored.whole_table
        self._log.add(
            request.project,
            request.model,
            request_id=request.request_id,
            rows=rows,
            outputs=outputs,
            role=request.role,
            route=request.route,
            latency_ms=1_000 * request.seconds,
            as_of=None if request.as_of is None else datetime.fromisoformat(request.as_of).timestamp(),
        )

    def on_error(self, request: FailedRequest) -> None:
        """Nothing: there is no answer to log."""
