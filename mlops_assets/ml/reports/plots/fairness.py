"""The trade-off of a fairness constraint as a plot, with its caption."""

import numpy as np
from matplotlib.figure import Figure

from mlops_assets.ml.evaluation.groups.mitigation import MeasuredPoint, Mitigation
from mlops_assets.ml.number_format import number
from mlops_assets.ml.reports.plots.style import GREY, GUIDE, INK, LEGEND, WIDE, empty_axes, printable, span


def trade_off_plot(found: Mitigation) -> Figure:
    """The objective against the disparity on the holdout, for each limit; both models with intervals."""
    figure, axes = empty_axes(
        (WIDE[0], 3.6), f"{found.measure} by {printable(found.column)}", found.objective
    )
    points = sorted(found.curve, key=lambda point: point.disparity)
    axes.plot(
        [point.disparity for point in points],
        [point.objective for point in points],
        "o-",
        color=GREY,
        markersize=4,
        linewidth=1,
        label="other limits",
    )
    for point, marker, face, label in (
        (found.before, "o", "white", "without the constraint"),
        (found.after, "D", INK, "this model"),
    ):
        axes.hlines(point.objective, *point.disparity_interval, color=INK, linewidth=1.2)
        axes.vlines(point.disparity, *point.objective_interval, color=INK, linewidth=1.2)
        axes.plot(
            point.disparity,
            point.objective,
            marker,
            color=INK,
            markerfacecolor=face,
            markersize=7,
            label=label,
        )
    axes.axvline(found.at_most, **GUIDE, label=f"at most {found.at_most:g}")
    axes.set_xlim(span(_known([point.disparity for point in points], found.before, found.after, "disparity")))
    axes.set_ylim(span(_known([point.objective for point in points], found.before, found.after, "objective")))
    axes.legend(**LEGEND, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.2)
    return figure


def constraint_headline(found: Mitigation) -> str:
    """Whether the constraint holds on the holdout, and whether an excess is significant."""
    if found.holds:
        return "✓ The constraint holds on the holdout."
    low = found.after.disparity_interval[0]
    if low > found.at_most:
        return "✗ The limit is exceeded on the holdout, significantly (95 % CI)."
    return "⚠ The limit is exceeded on the holdout, not significantly (95 % CI)."


def trade_off_caption(found: Mitigation) -> str:
    """Disparity and objective without and with the constraint, and whether the difference is significant."""
    before, after = found.before, found.after
    low, high = found.cost
    certain = "significant" if low > 0 or high < 0 else "not significant"
    return (
        f"The constraint changes the {found.measure} from {number(before.disparity)} to "
        f"{number(after.disparity)}, and {found.objective} from {number(before.objective)} to "
        f"{number(after.objective)} (95 % CI of the change: {number(low)} to {number(high)}, {certain})."
    )


def _known(values: list[float], before: MeasuredPoint, after: MeasuredPoint, name: str) -> list[float]:
    ends = [end for point in (before, after) for end in getattr(point, f"{name}_interval")]
    return [value for value in (*values, *ends) if np.isfinite(value)] or [0.0]
