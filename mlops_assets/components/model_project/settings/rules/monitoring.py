"""Rules of the settings of monitoring."""

from collections import Counter
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings


def monitoring_errors(settings: "ProjectSettings") -> Errors:
    """The errors in `monitoring`."""
    monitoring = settings.monitoring
    repeated = [report for report, count in Counter(monitoring.reports).items() if count > 1]
    if repeated:
        yield "monitoring.reports", f"lists {repeated[0]} more than once"
    for report, group in (("data_quality", monitoring.data_quality), ("drift", monitoring.drift)):
        if group.model_fields_set and report not in monitoring.reports:
            yield f"monitoring.{report}", f"requires {report} in monitoring.reports, which leaves it out"
    if "auc" in monitoring.drift.model_fields_set and not monitoring.drift.multivariate:
        yield "monitoring.drift.auc", "has no effect, because multivariate is false; remove one of them"
    yield from _performance_errors(settings)


def _performance_errors(settings: "ProjectSettings") -> Errors:
    """The errors in `monitoring.performance`: settings without an effect."""
    monitoring = settings.monitoring
    given, path = monitoring.performance.model_fields_set, "monitoring.performance"
    if not given:
        return
    if "performance" not in monitoring.reports:
        yield path, "requires performance in monitoring.reports, which leaves it out"
    elif settings.partitions is None and settings.scoring is None and not settings.serving.log.enabled:
        yield path, "requires predictions; declare `scoring`, the rows to predict, or `serving.log`"
    elif settings.partitions is None and settings.scoring is None and not _has_key(settings):
        yield path, "requires a key, by which targets belong to logged requests; declare it for the table"
    elif "live_days" in given and not settings.serving.log.enabled:
        yield f"{path}.live_days", "requires the log of requests; declare `serving.log`"
    elif "live_days" in given and (settings.partitions or (settings.scoring and settings.scoring.partitions)):
        yield f"{path}.live_days", "has no effect with partitions: a report reads the requests of its period"
    elif "mean_error_margin" in given and settings.task == "multiclass":
        yield f"{path}.mean_error_margin", "is for two classes or regression; use margin"
    elif "mean_error_margin" in given and settings.target.quantile is not None:
        yield f"{path}.mean_error_margin", "has no effect on target.quantile, whose errors do not cancel"


def _has_key(settings: "ProjectSettings") -> bool:
    return any(table.key for table in settings.tables.values())
