"""Numbers, durations, sizes and metric names formatted for reports and messages."""

import math
from collections.abc import Sequence
from typing import Any

from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER

_LABELS = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "mape": "MAPE", "f1": "F1", "roc_auc": "ROC AUC"}


def number(value: float, digits: int = 3) -> str:
    """A number with three significant digits, all integer digits and thousands separators."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite"
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size and not 1e-4 <= size < 1e9:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    return f"{value:,.{decimals}f}"


def compact(value: float, digits: int = 4) -> str:
    """A number with significant digits, without trailing zeros and, for a large one, without an exponent."""
    return f"{value:,.0f}" if 10 ** (digits - 1) <= abs(value) < 1e12 else f"{value:.{digits}g}"


def parameter(value: Any) -> str:
    """The value of a parameter as in source code, with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def share_text(share: float) -> str:
    """A share in percent; 0 % and 100 % appear only for exact values."""
    if math.isnan(share):
        return "undefined"
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.{0 if share in (0, 1) else 1}f} %"


def duration(seconds: float) -> str:
    """A duration in its two largest units."""
    if not seconds < math.inf:
        return "undefined"
    if seconds < 59.5:
        return f"{number(float(seconds), 2)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def metric_label(metric: str) -> str:
    """The usual spelling of a metric."""
    return _LABELS.get(metric, metric.replace("_", " "))


def metric_title(metric: str) -> str:
    """The label of a metric, capitalised for the start of a sentence or a row."""
    label = metric_label(metric)
    return label[0].upper() + label[1:]


def distinct_numbers(values: Sequence[float], metric: str) -> list[str]:
    """Values with enough digits that different values have different texts."""
    scale, suffix = (100, " %") if metric == "mape" else (1, "")
    texts: list[str] = []
    for digits in (3, 4, 5):
        texts = [number(float(value) * scale, digits) for value in values]
        if len(set(texts)) == len({str(value) for value in values}):
            break
    return [text if text == "undefined" else text + suffix for text in texts]


def interval_text(low: float, high: float, metric: str) -> str:
    """Both ends of an interval; empty if undefined or of zero width, as for a constant prediction."""
    if math.isnan(low) or math.isnan(high) or math.isclose(low, high):
        return ""
    return " to ".join(distinct_numbers([low, high], metric))


def difference(metric: str, ours: float, theirs: float) -> str:
    """The relative difference of two errors, or the absolute difference of two scores; empty if undefined."""
    if not math.isfinite(ours - theirs):
        return ""
    if metric in HIGHER_IS_BETTER:
        return number(abs(ours - theirs))
    share = abs(1 - ours / theirs) if theirs else math.nan
    if math.isnan(share):
        return ""
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:,.{0 if share >= 0.0995 else 1}f} %"
