"""The names of the metrics of `mlops serve`."""

from prometheus_client import CollectorRegistry, Metric

from mlops_assets.serving.metrics.definitions import RequestMetrics, ServiceMetrics
from mlops_assets.serving.metrics.prediction_metrics import PredictionMetrics

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def metric_names() -> set[str]:
    """The names under which Prometheus stores the samples."""
    registry = CollectorRegistry()
    RequestMetrics(registry), ServiceMetrics(registry), PredictionMetrics(registry)
    return {name for metric in registry.collect() for name in _names(metric)}


def _names(metric: Metric) -> set[str]:
    return {f"{metric.name}{suffix}" for suffix in _SUFFIXES[metric.type]}
