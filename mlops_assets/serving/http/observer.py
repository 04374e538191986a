"""Observers of requests, such as metrics, the statistics of a canary and the prediction log."""

import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.error_texts import error_place
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import RequestRows

_LOG = logging.getLogger(__name__)


class ScoredRequest(NamedTuple):
    """A request whose rows were scored.

    Attributes
    ----------
    role
        Why this version answered: `champion`, or the role of a challenger.
    rows
        The rows as they were sent, with the features that were looked up.
    scored
        The predictions, and the rules that rejected rows violate.
    seconds
        The time from the headers of the request until the rows were scored.
    route
        The template of the path, such as `/v1/projects/{project}/predict`.
    model
        The version that scored the rows.
    as_of
        The time at which features that were looked up had been computed, ISO 8601.
    """

    project: str
    version: int
    role: str
    request_id: str
    rows: RequestRows
    scored: ScoredRows
    seconds: float
    route: str
    model: ServedModel | None = None
    as_of: str | None = None


class FailedRequest(NamedTuple):
    """A request that was answered with an error.

    Attributes
    ----------
    project
        The project of the path, if it is served.
    """

    project: str | None
    request_id: str
    status: int
    route: str


class Observer(Protocol):
    """Is called in the event loop after rows were scored and before they are answered: it must not block."""

    def on_scored(self, request: ScoredRequest) -> None:
        """Rows were scored; all of them may be rejected."""

    def on_error(self, request: FailedRequest) -> None:
        """A request for predictions was answered with an error."""


class Observers:
    """Several observers as one; an observer that fails is logged, and costs no client an answer."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def on_scored(self, request: ScoredRequest) -> None:
        """Call each observer."""
        for observer in self._observers:
            try:
                observer.on_scored(request)
            except Exception as error:
                _log_failure(observer, request.request_id, error)

    def on_error(self, request: FailedRequest) -> None:
        """Call each observer."""
        for observer in self._observers:
            try:
                observer.on_error(request)
            except Exception as error:
                _log_failure(observer, request.request_id, error)


def _log_failure(observer: Observer, request_id: str, error: Exception) -> None:
    name = type(observer).__name__
    _LOG.error("%s failed for request %s, which is answered: %s", name, request_id, error_place(error))
