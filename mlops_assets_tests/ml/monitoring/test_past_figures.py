"""Figures of a partition against the past: what is out of line, and what is too small to matter."""

import math

import pytest
from scipy import stats

from mlops_assets.ml.monitoring.past_figures import PastFigures, compared, with_new_categories
from mlops_assets.ml.monitoring.row_figures import Figure

SHARES = (0.10, 0.11, 0.09, 0.10, 0.105, 0.095)


def of(rows: int = 2_000, **values: float) -> list[Figure]:
    return [
        Figure("rows", values.get("rows", rows), rows=rows, scale="count"),
        Figure("null_share", values.get("null_share", 0.1), "x", rows=rows, scale="share"),
        Figure("mean", values.get("mean", 5.0), "x", rows=rows, scale="number", error=0.05, spread=2.0),
    ]


def compare(now: list[Figure], past: list[list[Figure]], **options):
    known = PastFigures()
    for position, figures in enumerate(past):
        known.add(position, figures)
    before = known.before(len(past), options.pop("history", 36))
    found = compared(
        {"t": with_new_categories(now, before)}, {"t": before}, len(past), season=12, false_alarms=0.005
    )
    return {(each.figure.measure, each.figure.column, each.figure.note): each for each in found}


def usual() -> list[list[Figure]]:
    return [of(null_share=share, rows=2_000 + 10 * place) for place, share in enumerate(SHARES * 2)]


def test_unchanged_figures_are_in_line():
    assert {each.in_line for each in compare(of(), usual()).values()} == {True}


@pytest.mark.parametrize(
    ("changed", "measure"),
    [
        ({"null_share": 0.25}, "null_share"),
        ({"rows": 900}, "rows"),
        ({"rows": 3}, "rows"),
        ({"mean": 6.0}, "mean"),
    ],
)
def test_only_the_changed_figure_is_out_of_line(changed, measure):
    found = compare(of(**changed), usual())
    assert [key[0] for key, each in found.items() if each.in_line is False] == [measure]


def test_a_significant_change_that_is_small_does_not_warn():
    past = [of(1_000_000, null_share=0.1, mean=5.0) for _ in range(12)]
    found = compare(of(1_000_000, null_share=0.104, mean=5.15), past)
    assert not [key for key, each in found.items() if each.in_line is False]


def test_the_same_share_of_few_rows_is_in_line():
    far = {"null_share": 0.25}
    assert compare(of(30, **far), usual())["null_share", "x", None].in_line
    assert not compare(of(**far), usual())["null_share", "x", None].in_line


def test_later_partitions_and_those_before_the_history_do_not_count():
    past = PastFigures()
    for position in (0, 1, 5, 9):
        past.add(position, of())
    assert list(past.before(5, 4)) == [1]


def test_a_figure_is_not_compared_without_enough_past():
    assert {each.in_line for each in compare(of(), usual()[:4]).values()} == {None}


def distribution(mean: float, p95: float, *, error: float, spread: float) -> list[Figure]:
    """A column of 400 rows whose median is 5 and whose maximum is 12."""
    shown = {"minimum": 0.0, "median": 5.0, "maximum": 12.0, "deviation": spread}
    measured = {"mean": (mean, error), "p95": (p95, error)}
    return [
        Figure("rows", 400, rows=400, scale="count"),
        *(Figure(measure, value, "x", rows=400) for measure, value in shown.items()),
        *(
            Figure(measure, value, "x", rows=400, scale="number", error=error, spread=spread)
            for measure, (value, error) in measured.items()
        ),
    ]


def test_a_defect_does_not_widen_the_range_that_it_is_compared_with():
    past = [distribution(5.0, 8.0, error=0.1, spread=2.0) for _ in range(12)]
    found = compare(distribution(50.0, 400.0, error=60.0, spread=150.0), past)
    mean, p95 = (found[measure, "x", None] for measure in ("mean", "p95"))
    assert (mean.in_line, p95.in_line) == (False, False)
    alpha = 0.005 / 3  # three figures are compared
    reach = stats.norm.isf(alpha / 2)
    # Twice the usual standard error, and a quarter of the way from the 95th percentile to the maximum.
    assert mean.range.high == pytest.approx(5 + reach * math.sqrt(0.2**2 * (1 + 1 / 12)))
    assert p95.range.high == pytest.approx(8 + reach * math.sqrt(1.0**2 * (1 + 1 / 12)))
    wider = compare(distribution(5.0, 8.0, error=0.15, spread=2.0), past)["mean", "x", None]
    assert wider.range.high == pytest.approx(5 + reach * math.sqrt(0.15**2 * (1 + 1 / 12)))


def categories(**shares: float) -> list[Figure]:
    named = [Figure("share", share, "c", value, rows=1_000, scale="share") for value, share in shares.items()]
    return [
        Figure("rows", 1_000, rows=1_000, scale="count"),
        Figure("categories", len(shares), "c", rows=1_000),
        Figure("rare_share", 0.0, "c", rows=1_000),
        *named,
    ]


def test_a_category_that_no_earlier_partition_had_is_counted_and_out_of_line():
    past = [categories(a=0.6, b=0.4) for _ in range(8)]
    found = compare(categories(a=0.58, b=0.4, new=0.02), past)
    assert found["new_categories", "c", "new"].figure.value == 1
    assert found["share", "c", "new"].in_line is False
    assert found["share", "c", "new"].range.expected == pytest.approx(0.0, abs=1e-3)
    assert compare(categories(a=0.6, b=0.4), past)["new_categories", "c", None].figure.value == 0
