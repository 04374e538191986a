"""Metadata of a performance report: figures for plots, slices, and the course over the partitions."""

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.core import names
from mlops_assets.ml.number_format import number

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("measured", "estimated")
_ALL = "kind, metric, value, low, high, at_registration"


def performance_metadata(
    run: ReportRun, partition: str | None, rows: Sequence[dict[str, Any]], scored: int
) -> dict[str, Any]:
    """Numbers by metric, the table of slices, and with the last partition of a run the plot.

    Parameters
    ----------
    rows
        Of the report on the partition.
    scored
        The number of rows that the version was not fitted on.
    """
    metric = run.project.settings.primary_metric
    of_all = [row for row in rows if row["slice_column"] is None]
    prefix = {"measured": "", "estimated": "estimated_"}
    metadata: dict[str, Any] = {
        f"{prefix[row['kind']]}{row['metric']}": row["value"] for row in of_all if row["value"] is not None
    }
    labelled = max((row["rows"] for row in of_all if row["kind"] == "measured"), default=0)
    metadata |= {"rows": scored, "labelled_rows": labelled}
    versions = [row[names.MODEL_VERSION] for row in rows]
    if versions:
        metadata[names.MODEL_VERSION] = max(versions)
    if slices := [row for row in rows if row["slice_column"] is not None]:
        metadata["slices"] = _slice_table(slices)
    course = _course(run, partition, of_all)
    errors = _errors(course, metric)
    if len(errors):
        metadata["estimate_mean_error"] = float(errors.mean())
        metadata["estimate_mean_absolute_error"] = float(errors.abs().mean())
    if partition == run.partitions[-1] and len(course):
        metadata["course"] = _plot(course, metric)
    return metadata


def live_metadata(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Numbers by metric of logged requests, of which there may be none."""
    of_all = [row for row in rows if row["slice_column"] is None]
    labelled = [row["rows"] for row in of_all if row["kind"] == "live_measured"]
    return {
        **{
            f"{row['kind'].removesuffix('_measured')}_{row['metric']}": row["value"]
            for row in of_all
            if row["value"] is not None
        },
        **({"live_labelled_rows": max(labelled, default=0)} if rows else {}),
    }


def _slice_table(slices: Sequence[dict[str, Any]]) -> dg.MarkdownMetadataValue:
    return markdown_table(
        ["", "metric", "slice", "rows", "value", "95 % interval", "at registration", "holds"],
        [
            (
                row["kind"],
                row["metric"],
                f"{row['slice_column']}: {row['slice_value']}",
                f"{row['rows']:,}",
                _text(row["value"]),
                f"{_text(row['low'])} to {_text(row['high'])}",
                _text(row["at_registration"]),
                {True: "yes", False: "no", None: ""}[row["holds"]],
            )
            for row in slices
        ],
    )


def _text(value: float | None) -> str:
    return "" if value is None else number(value)


def _course(run: ReportRun, partition: str | None, rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """The figures of all rows of all partitions, those of this partition from the new report."""
    import pandas as pd

    key = run.project.key(names.PERFORMANCE_REPORT)
    new = pd.DataFrame(rows).assign(**{names.PARTITION: partition}) if rows else pd.DataFrame()
    if partition is None or not run.store.exists(key.path):
        return new
    table = run.store.relation(run.connection, key.path)
    old = table.filter(f"slice_column is null and kind in {KINDS}").project(f"{_ALL}, {names.PARTITION}").df()
    return pd.concat([old[old[names.PARTITION] != partition], new], ignore_index=True).sort_values(
        names.PARTITION, ignore_index=True
    )


def _errors(course: "pd.DataFrame", metric: str) -> "pd.Series":
    """Estimate minus measured value of the primary metric, by partition."""
    import pandas as pd

    if course.empty:
        return pd.Series(dtype=float)
    own = course[course["metric"] == metric]
    values = {kind: own[own["kind"] == kind].set_index(names.PARTITION)["value"] for kind in KINDS}
    return (values["estimated"].astype(float) - values["measured"].astype(float)).dropna()


def _plot(course: "pd.DataFrame", metric: str) -> dg.MarkdownMetadataValue:
    from mlops_assets.ml.reports.plots.performance import performance_course
    from mlops_assets.ml.reports.plots.predictions import figure_png

    figure = performance_course(course[course["metric"] == metric], metric, names.PARTITION)
    return dg.MetadataValue.md(
        f"![{metric} by partition](data:image/png;base64,{b64encode(figure_png(figure)).decode('ascii')})"
    )
