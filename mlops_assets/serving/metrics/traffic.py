"""Numbers of requests and quantiles of latencies, from the histograms of the service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from prometheus_client import Metric

from mlops_assets.serving.metrics.definitions import DURATION, REJECTED_ROWS, ROWS
from mlops_assets.stores.serving_status.status import Traffic

_PREDICTED = "answered"


@dataclass
class Counts:
    """Counters of a project.

    Attributes
    ----------
    requests
        Requests by outcome.
    buckets
        Number of answered requests up to each latency in seconds.
    """

    requests: dict[str, float] = field(default_factory=dict)
    buckets: dict[float, float] = field(default_factory=dict)
    rows: float = 0
    rejected_rows: float = 0


def counts_by_project(metrics: Iterable[Metric]) -> dict[str, Counts]:
    """Sum counters by project; requests for other things than predictions have no project."""
    found: dict[str, Counts] = {}
    for metric in metrics:
        for sample in metric.samples:
            project = sample.labels.get("project")
            if not project:
                continue
            counts, outcome = found.setdefault(project, Counts()), sample.labels.get("outcome", "")
            match sample.name:
                case name if name == f"{DURATION}_count":
                    counts.requests[outcome] = counts.requests.get(outcome, 0) + sample.value
                case name if name == f"{DURATION}_bucket" and outcome == _PREDICTED:
                    bound = float(sample.labels["le"])
                    counts.buckets[bound] = counts.buckets.get(bound, 0) + sample.value
                case name if name == f"{ROWS}_total":
                    counts.rows += sample.value
                case name if name == f"{REJECTED_ROWS}_total":
                    counts.rejected_rows += sample.value
    return found


def traffic_between(before: Counts | None, now: Counts, seconds: float) -> Traffic:
    """The traffic since the start, with the quantiles of a recent period.

    Parameters
    ----------
    before
        The counters at the start of the period; None if there were none.
    seconds
        Its length.
    """
    old = before or Counts()
    recent = {bound: count - old.buckets.get(bound, 0) for bound, count in sorted(now.buckets.items())}
    return Traffic(
        requests=round(sum(now.requests.values())),
        failed=round(now.requests.get("failed", 0)),
        refused=round(now.requests.get("refused", 0)),
        rows=round(now.rows),
        rejected_rows=round(now.rejected_rows),
        recent_requests=round(sum(now.requests.values()) - sum(old.requests.values())),
        recent_seconds=round(seconds, 1),
        p50=quantile(recent, 0.5),
        p95=quantile(recent, 0.95),
        p99=quantile(recent, 0.99),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """A quantile of cumulative buckets, interpolated as Prometheus' `histogram_quantile` does.

    Parameters
    ----------
    buckets
        Number of values up to each bound, by ascending bounds; the last bound is infinite.
    """
    total = max(buckets.values(), default=0)
    if not total:
        return None
    rank = share * total
    for (low, below), (high, count) in pairwise([(0.0, 0.0), *buckets.items()]):
        if count >= rank:
            return low if high == float("inf") else low + (high - low) * (rank - below) / (count - below)
    return None
