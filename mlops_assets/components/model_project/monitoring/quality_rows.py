"""The table of data_quality: its rows, the figures that it has of earlier partitions, check and plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.partition_figures import CONTENT
from mlops_assets.components.model_project.monitoring.report import CheckOutcome, ReportRun
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.monitoring.past_figures import ComparedFigure, FigureKey

COLUMNS = {
    "table_name": "VARCHAR",
    "measure": "VARCHAR",
    "column_name": "VARCHAR",
    "value": "DOUBLE",
    "expected": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "in_line": "BOOLEAN",
    "note": "VARCHAR",
}
_SHOWN = 5
_PLOTS = 6


@dataclass(frozen=True)
class StoredFigures:
    """The figures of a partition in the table, by table name, and the digest of the rows that they are of."""

    figures: "Mapping[str, Mapping[FigureKey, float]]"
    content: Mapping[str, str]


def stored_figures(run: ReportRun, key: dg.AssetKey) -> dict[str | None, StoredFigures]:
    """The figures that the table has of each partition; empty without a table."""
    if not run.store.exists(key.path):
        return {}
    return _by_partition(run.store.relation(run.connection, key.path))


def past_versions(
    run: ReportRun, key: dg.AssetKey, table: str, content: str | None, most: int
) -> "dict[int, Mapping[FigureKey, float]]":
    """The figures of earlier contents of rows without partitions, oldest first, by their order.

    Parameters
    ----------
    content
        The digest of the present rows, which are no past.
    most
        The number of contents.
    """
    if not run.store.exists(key.path):
        return {}
    found: list[Mapping[FigureKey, float]] = []
    seen = {content}
    for version in run.store.versions(key.path):
        try:
            rows = run.store.relation(run.connection, key.path, version=version.version)
        except StoreError:  # a vacuum has removed the files of this version, and of those before it
            break
        stored = _by_partition(rows).get(None)
        if stored and stored.content.get(table) not in seen:
            seen.add(stored.content.get(table))
            found.append(stored.figures[table])
        if len(found) == most:
            break
    return dict(enumerate(reversed(found)))


def _by_partition(rows: "duckdb.DuckDBPyRelation") -> dict[str | None, StoredFigures]:
    partition = names.PARTITION if names.PARTITION in rows.columns else "null"
    read = rows.project(f"{partition}, table_name, measure, column_name, note, value").fetchall()
    figures: dict[str | None, dict[str, dict[FigureKey, float]]] = {}
    content: dict[str | None, dict[str, str]] = {}
    for place, table, measure, column, note, value in read:
        if measure == CONTENT:
            content.setdefault(place, {})[table] = note
            figures.setdefault(place, {}).setdefault(table, {})
        elif value is not None:
            figures.setdefault(place, {}).setdefault(table, {})[measure, column, note] = value
    return {place: StoredFigures(figures[place], found) for place, found in content.items()}


def quality_rows(
    found: "Sequence[ComparedFigure]", content: Mapping[str, str | None]
) -> list[dict[str, object]]:
    """The rows of the table: a row for each figure, and the digest of the rows of each table."""
    rows: list[dict[str, object]] = [
        {
            "table_name": each.table,
            "measure": each.figure.measure,
            "column_name": each.figure.column,
            "value": each.figure.value,
            "expected": each.range.expected if each.range else None,
            "low": each.range.low if each.range else None,
            "high": each.range.high if each.range else None,
            "in_line": each.in_line,
            "note": each.figure.note,
        }
        for each in found
    ]
    for table, digest in content.items():
        rows.append({"table_name": table, "measure": CONTENT, "note": digest})
    return rows


def in_line_outcome(found: "Sequence[ComparedFigure]") -> CheckOutcome:
    """The outcome of the check `in_line_with_past`: the figures that are out of line, and their ranges."""
    from mlops_assets.ml.monitoring.expected_range import MINIMUM

    checked = [each for each in found if each.in_line is not None]
    if not checked:
        reason = f"nothing is compared: fewer than {MINIMUM} partitions before this one have figures"
        return CheckOutcome(True, reason, {"compared": 0, "out_of_line": 0})
    off = sorted((each for each in checked if not each.in_line), key=_distance, reverse=True)
    shown = "; ".join(describe(each) for each in off[:_SHOWN])
    more = f"; and {len(off) - _SHOWN} more" if len(off) > _SHOWN else ""
    text = (
        f"{len(off)} of {len(checked)} figures are out of line with the past: {shown}{more}"
        if off
        else f"{len(checked)} figures are in line with the past"
    )
    return CheckOutcome(not off, text, {"compared": len(checked), "out_of_line": len(off)})


def describe(each: "ComparedFigure") -> str:
    """Table, column, measure and value of a figure, and its expected range."""
    from mlops_assets.ml.number_format import compact

    figure, found = each.figure, each.range
    of = f".{figure.column}" if figure.column else ""
    note = f" of {figure.note!r}" if figure.note else ""
    text = f"{each.table}{of}: {figure.measure}{note} is {compact(figure.value or 0.0)}"
    return f"{text}, expected {compact(found.low)} to {compact(found.high)}" if found else text


def _distance(each: "ComparedFigure") -> float:
    """How far a figure is out of its range, in widths of the range."""
    if each.range is None or each.figure.value is None:
        return 0.0
    width = max(each.range.high - each.range.low, 1e-12)
    return max(each.figure.value - each.range.high, each.range.low - each.figure.value) / width


def plots(
    found: "Sequence[ComparedFigure]",
    past: "Mapping[str, Mapping[int, Mapping[FigureKey, float]]]",
    labels: Sequence[str],
) -> dict[str, Any]:
    """The plot of the figures that are out of line, and of rows and rejected rows, as metadata."""
    from mlops_assets.ml.reports.html import data_uri
    from mlops_assets.ml.reports.plots.quality import Series, quality_plot

    off = sorted((each for each in found if each.in_line is False), key=_distance, reverse=True)
    always = [
        each
        for each in found
        if each.figure.measure in ("rows", "rejected_share") and each.in_line is not False
    ]
    series = []
    for each in [*off, *always][:_PLOTS]:
        figure = each.figure
        key = (figure.measure, figure.column, figure.note)
        earlier = {place: known[key] for place, known in past.get(each.table, {}).items() if key in known}
        if figure.value is None:
            continue
        title = " ".join(filter(None, (each.table, figure.column, figure.measure, figure.note)))
        band = (each.range.low, each.range.high) if each.range else None
        series.append(Series(title, earlier, figure.value, band, in_line=each.in_line))
    if not series:
        return {}
    return {"figures": dg.MetadataValue.md(f"![figures]({data_uri(quality_plot(series, labels))})")}
