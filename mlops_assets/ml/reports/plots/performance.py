"""The plot of estimated and measured performance over the partitions."""

import pandas as pd
from matplotlib.figure import Figure

from mlops_assets.ml.reports.plots.style import COLOURS, GUIDE, LEGEND, WIDE, empty_axes, spread_labels

_STYLES = {"estimated": (COLOURS[1], "s", -0.12), "measured": (COLOURS[0], "o", 0.12)}


def performance_course(figures: pd.DataFrame, metric: str, partition: str) -> Figure:
    """Estimates and measured values with their intervals, and the value at registration.

    Parameters
    ----------
    figures
        Figures of all rows: `kind`, `value`, `low`, `high`, `at_registration` and the partition.
    partition
        Name of the column of the partition; null without partitions.
    """
    figure, axes = empty_axes(WIDE, "", metric)
    keys = sorted(figures[partition].fillna("").unique())
    places = {key: place for place, key in enumerate(keys)}
    for kind, (colour, marker, offset) in _STYLES.items():
        own = figures[(figures["kind"] == kind) & figures["value"].notna()]
        if own.empty:
            continue
        values = own["value"].to_numpy(float)
        low, high = (own[end].astype(float).fillna(own["value"]).to_numpy(float) for end in ("low", "high"))
        axes.errorbar(
            [places[key] + offset for key in own[partition].fillna("")],
            values,
            yerr=[(values - low).clip(0), (high - values).clip(0)],
            fmt=marker,
            color=colour,
            markersize=4,
            linewidth=1,
            capsize=2,
            label=kind,
        )
    registered = figures.drop_duplicates(partition).sort_values(partition)
    axes.step(
        [places[key] for key in registered[partition].fillna("")],
        registered["at_registration"].astype(float),
        where="mid",
        label="at registration",
        **GUIDE,
    )
    spread_labels(axes, keys)
    axes.legend(**LEGEND)
    return figure
