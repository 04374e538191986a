"""The text that Prometheus reads, from families that are collected at most once in a while."""

import time
from collections.abc import Callable, Iterable
from threading import Lock

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.registry import Collector


class CachedCollector(Collector):
    """Families that are kept for some seconds, so that no number of requests collects them more often.

    Requests that arrive during a collection wait for it and share its result.

    Parameters
    ----------
    collect
        Collects the families.
    seconds
        How long they are kept, counted from the end of the collection.
    """

    def __init__(self, collect: Callable[[], Iterable[Metric]], seconds: float) -> None:
        self._collect, self._seconds = collect, seconds
        self._lock, self._until = Lock(), float("-inf")
        self._families: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        """Return the families, newly collected if those of the last collection are too old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._families = list(self._collect())
                self._until = time.monotonic() + self._seconds
            return self._families


def plain_text(collect: Callable[[], Iterable[Metric]]) -> str:
    """Collect families once, and return them in Prometheus' text format."""
    return generate_latest(_registry(CachedCollector(collect, 0.0))).decode("utf-8")


def response(collector: CachedCollector, accept: str) -> tuple[bytes, str]:
    """Return body and content type in the format that the header `Accept` prefers."""
    encode, content_type = choose_encoder(accept)
    return encode(_registry(collector)), content_type


def _registry(collector: Collector) -> CollectorRegistry:
    """Return a registry of its own: the global one has metrics of the process and of other libraries."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry
