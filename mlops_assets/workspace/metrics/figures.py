"""Figures that are added one by one, and become families of Prometheus."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from mlops_assets.workspace.metrics.catalogue import Family

_KINDS = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


def _timestamp(at: datetime) -> float:
    """Return the Unix timestamp; times of tables have no zone and are in UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Figures:
    """Samples of families, in the order in which the families were first used."""

    def __init__(self) -> None:
        self._samples: dict[Family, dict[tuple[str, ...], float]] = {}

    def add(self, family: Family, value: float | datetime | None, **labels: str) -> None:
        """Add a sample; a value that is missing or not a number has none.

        Raises
        ------
        ValueError
            When the labels are not those of the family, or have a sample already.
        """
        if set(labels) != set(family.labels):
            raise ValueError(f"{family.name} has the labels {family.labels}, not {tuple(labels)}")
        number = _timestamp(value) if isinstance(value, datetime) else value
        if number is None or math.isnan(number):
            return
        samples, key = self._samples.setdefault(family, {}), tuple(labels[name] for name in family.labels)
        if key in samples:
            raise ValueError(f"{family.name} has two samples of {labels}")
        samples[key] = float(number)

    def families(self) -> Iterator[Metric]:
        """Yield the families that have samples."""
        for family, samples in self._samples.items():
            metric = _KINDS[family.kind](family.name, family.help, labels=family.labels)
            for labels, number in samples.items():
                metric.add_metric(labels, number)
            yield metric
