"""The figures of a partition, compared with those of the partitions before it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from mlops_assets.ml.monitoring.expected_range import MINIMUM, Past, Range, expected_range
from mlops_assets.ml.monitoring.row_figures import DEVIATION, NAMED, Figure, Scale

NEW_CATEGORIES = "new_categories"
_SMALLEST_SHARE, _SMALLEST_COUNT, _SMALLEST_NUMBER = 0.005, math.log(1.1), 0.1
"""Changes that are too small to warn of, however many rows prove them: half a percentage point, a tenth of
the rows, a tenth of a standard deviation."""

_WIDER = 2.0
"""The standard error of a mean counts up to this multiple of the usual one."""
_ERRORS_WITHIN = 4
"""Number of standard errors of a quantile that the usual partition has beside it, or more."""

FigureKey = tuple[str, str | None, str | None]
"""Measure, column and note of a figure."""


@dataclass(frozen=True)
class ComparedFigure:
    """A figure of a table with its expected range, if the past is long enough."""

    table: str
    figure: Figure
    range: Range | None = None

    @property
    def in_line(self) -> bool | None:
        """Whether the figure is in line with the past; None if it was not compared."""
        if self.range is None or self.figure.value is None:
            return None
        return self.range.low <= self.figure.value <= self.range.high


@dataclass
class PastFigures:
    """The figures of a table in earlier partitions.

    Attributes
    ----------
    by_position
        For the place of each partition among all periods, its figures.
    """

    by_position: dict[int, Mapping[FigureKey, float]] = field(default_factory=dict)

    def add(self, position: int, figures: Sequence[Figure]) -> None:
        """Add the figures of a partition."""
        self.by_position[position] = {
            (each.measure, each.column, each.note): each.value for each in figures if each.value is not None
        }

    def before(self, position: int, history: int) -> dict[int, Mapping[FigureKey, float]]:
        """The partitions of the last `history` periods before a position, in order."""
        return {
            place: self.by_position[place]
            for place in sorted(self.by_position)
            if position - history <= place < position
        }


def with_new_categories(
    figures: Sequence[Figure], past: Mapping[int, Mapping[FigureKey, float]]
) -> list[Figure]:
    """The figures, and for each text with categories those that no earlier partition had."""
    if not past:
        return list(figures)
    known = {
        (column, value)
        for earlier in past.values()
        for measure, column, value in earlier
        if measure == "share"
    }
    had_rows = {column for column, _ in known}
    found = list(figures)
    for categories in (each for each in figures if each.measure == "categories"):
        column = categories.column
        if column not in had_rows:
            continue
        new = [
            str(each.note)
            for each in figures
            if each.measure == "share" and each.column == column and (column, each.note) not in known
        ]
        found.append(Figure(NEW_CATEGORIES, len(new), column, ", ".join(new) or None))
    return found


def compared(
    tables: Mapping[str, Sequence[Figure]],
    past: Mapping[str, Mapping[int, Mapping[FigureKey, float]]],
    position: int,
    *,
    season: int,
    false_alarms: float,
) -> list[ComparedFigure]:
    """The figures of all tables of a partition with their expected ranges.

    Parameters
    ----------
    past
        For each table, the figures of earlier partitions by their positions.
    season
        The number of periods of a season.
    false_alarms
        The probability that any figure of the partition is out of its range although nothing has changed
        (Bonferroni).
    """
    pairs = [(table, figure) for table, figures in tables.items() for figure in figures]
    series = [_series(figure, past.get(table, {})) for table, figure in pairs]
    count = sum(len(found) >= MINIMUM for found in series)
    return [
        ComparedFigure(
            table,
            figure,
            _range(_limited(figure, past[table]), found, position, season=season, alpha=false_alarms / count)
            if len(found) >= MINIMUM
            else None,
        )
        for (table, figure), found in zip(pairs, series, strict=True)
    ]


@dataclass(frozen=True)
class _Value:
    position: int
    value: float
    rows: float


def _series(figure: Figure, past: Mapping[int, Mapping[FigureKey, float]]) -> list[_Value]:
    """The figure in the earlier partitions that have it, with their numbers of rows."""
    if figure.scale is None or figure.value is None:
        return []
    return list(_values(figure, past))


def _values(figure: Figure, past: Mapping[int, Mapping[FigureKey, float]]) -> Iterator[_Value]:
    key = (figure.measure, figure.column, figure.note)
    for position, figures in past.items():
        value, rows = figures.get(key), figures.get(("rows", None, None), 0.0)
        if value is None and figure.measure == "share" and ("categories", figure.column, None) in figures:
            # It is new, or was too rare for a name.
            value = (
                min(NAMED / 2 / rows, figures.get(("rare_share", figure.column, None), 1.0)) if rows else None
            )
        if value is not None and (rows or figure.scale == "count"):
            yield _Value(position, value, rows)


def _limited(figure: Figure, past: Mapping[int, Mapping[FigureKey, float]]) -> Figure:
    """The figure with the spread of the past: a defect must not widen the range that it is compared with.

    Its standard error is its own, because it depends on the rows, but at most one that the past suggests.
    """
    alike = [each for each in past.values() if (DEVIATION, figure.column, None) in each]
    if figure.scale != "number" or not alike:
        return figure
    spread = median(each[DEVIATION, figure.column, None] for each in alike)
    if figure.measure == "mean":
        most = _WIDER * spread / math.sqrt(figure.rows)
    else:
        most = median(_reach(figure.measure, figure.column, each) for each in alike) / _ERRORS_WITHIN
    return replace(figure, spread=spread, error=min(figure.error, most))


def _reach(measure: str, column: str | None, earlier: Mapping[FigureKey, float]) -> float:
    """How far a quantile of an earlier partition is from its extreme or its median, whichever is farther."""
    names = (measure, "minimum" if measure == "p5" else "maximum", "median")
    quantile, extreme, middle = (earlier.get((name, column, None), math.nan) for name in names)
    return max(abs(quantile - extreme), abs(quantile - middle))


def _range(figure: Figure, past: list[_Value], position: int, *, season: int, alpha: float) -> Range | None:
    if figure.scale is None or figure.value is None:
        return None
    rows = float(figure.rows)
    # A number of rows counts with the noise of the usual one: that of a few rows holds nearly any number.
    usual = median(each.value for each in past) if figure.scale == "count" else figure.value
    found = expected_range(
        Past(
            [each.position for each in past],
            [_scaled(figure.scale, each.value, each.rows) for each in past],
            [_variance(figure, each.value, each.rows, rows) for each in past],
        ),
        position,
        _variance(figure, usual, rows, rows),
        alpha=alpha,
        season=season,
    )
    if found is None:
        return None
    least = {"count": _SMALLEST_COUNT, "number": _SMALLEST_NUMBER * figure.spread, "share": 0.0}[figure.scale]
    low, high = min(found.low, found.expected - least), max(found.high, found.expected + least)
    expected, low, high = (_unscaled(figure.scale, each, rows) for each in (found.expected, low, high))
    if figure.scale == "share":
        low, high = min(low, expected - _SMALLEST_SHARE), max(high, expected + _SMALLEST_SHARE)
        low, high = max(low, 0.0), min(high, 1.0)
    slack = 1e-9 * max(abs(expected), abs(figure.value))
    return Range(expected, low - slack, high + slack)


def _scaled(scale: Scale, value: float, rows: float) -> float:
    """A figure on a scale on which its noise is about the same everywhere."""
    match scale:
        case "count":
            return math.log(value + 0.5)
        case "share":
            return math.asin(math.sqrt((value * rows + 0.375) / (rows + 0.75)))  # Anscombe 1948
        case "number":
            return value


def _unscaled(scale: Scale, scaled: float, rows: float) -> float:
    match scale:
        case "count":
            return max(math.exp(scaled) - 0.5, 0.0)
        case "share":
            share = math.sin(min(max(scaled, 0.0), math.pi / 2)) ** 2
            return min(max((share * (rows + 0.75) - 0.375) / rows, 0.0), 1.0)
        case "number":
            return scaled


def _variance(figure: Figure, value: float, rows: float, rows_now: float) -> float:
    """The sampling variance of a figure of some rows, on its scale."""
    match figure.scale:
        case "count":
            return 1 / (value + 0.5)
        case "share":
            return 1 / (4 * rows + 2)
        case _:
            return float(figure.error**2 * rows_now / rows)
