"""The population stability index and the drift of columns, against values computed by hand."""

import math
from collections.abc import Iterator

import duckdb
import pytest

from mlops_assets.ml.comparison.drift import ColumnShift, column_shifts, population_stability_index


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def shifts(connection, before: str, after: str) -> dict[str, ColumnShift]:
    one, other = connection.sql(before), connection.sql(after)
    return {shift.column: shift for shift in column_shifts(connection, one, other, one.columns)}


def test_the_index_of_large_counts_equals_the_textbook_formula():
    # (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5) = 0.3 ln 4
    found = population_stability_index([500_000, 500_000], [1_600_000, 400_000])
    assert found == pytest.approx(0.3 * math.log(4), abs=1e-5)


def test_half_a_row_in_each_bin_keeps_the_index_finite():
    # p = (100.5, 0.5) / 101 and q = (50.5, 50.5) / 101
    found = population_stability_index([100, 0], [50, 50])
    assert found == pytest.approx((50 / 101) * (math.log(100.5 / 50.5) + math.log(50.5 / 0.5)))


def test_the_index_is_zero_without_a_shift_and_the_same_in_both_directions():
    assert population_stability_index([30, 60, 10], [30, 60, 10]) == 0
    one, other = [30, 60, 10], [50, 20, 30]
    assert population_stability_index(one, other) == pytest.approx(population_stability_index(other, one))


def test_the_index_is_undefined_without_rows_and_needs_equal_bins():
    assert math.isnan(population_stability_index([0, 0], [1, 2]))
    with pytest.raises(ValueError, match="2 bins before and 3 after"):
        population_stability_index([1, 2], [1, 2, 3])


def test_numbers_are_counted_between_the_deciles_of_the_values_before(connection):
    # Everything moves up by a tenth of the range: the lowest tenth is empty, the highest holds two.
    found = shifts(
        connection, "select i as x from range(10_000) t(i)", "select i + 1_000 as x from range(10_000) t(i)"
    )["x"]
    assert found.kind == "number"
    assert found.means == (4999.5, 5999.5)
    expected = population_stability_index([0, *[1_000] * 10], [0, 0, *[1_000] * 8, 2_000])
    assert found.psi == pytest.approx(expected, rel=0.05)


def test_free_text_is_compared_by_its_length(connection):
    # Each text is new, as in each batch of comments; that is no shift, but longer texts are.
    texts = (
        "select 'comment ' || md5(({first} + i)::varchar) || repeat('x', {more} + i % 10) as x "
        "from range(200) t(i)"
    )
    first = texts.format(first=0, more=0)
    found = [shifts(connection, first, texts.format(first=900, more=more))["x"] for more in (0, 20)]
    assert [shift.kind for shift in found] == ["text", "text"]
    assert found[0].psi == pytest.approx(0, abs=1e-9)
    assert found[0].means == (44.5, 44.5)
    assert found[1].psi > 2
    assert found[1].means == (44.5, 64.5)
    for few in ("'kind ' || i % 60", "'key-' || i"):  # repeated values, and single words
        other = f"select {few} as x from range(200) t(i)"
        assert shifts(connection, first, other)["x"].kind == "category"


def test_missing_and_infinite_numbers_have_a_separate_bin(connection):
    before = "select i::double as x from range(100) t(i)"
    after = """
    select case when i < 10 then null when i < 15 then 'nan' when i < 20 then 'inf' else i::double end as x
    from range(100) t(i)
    """
    found = shifts(connection, before, after)["x"]
    assert found.null_shares == (0, 0.2)
    assert found.means == (49.5, 59.5)
    assert found.psi > 0.25


@pytest.mark.parametrize("value", ["i::double", "date '2020-01-01' + i::int"], ids=["number", "time"])
def test_missing_values_alone_are_a_shift_of_numbers_and_times(connection, value: str):
    before = f"select {value} as x from range(1_000) t(i)"
    after = f"select {value} as x from range(1_000) t(i) union all select null from range(500)"
    found = shifts(connection, before, after)["x"]
    assert found.means[0] == found.means[1]
    expected = population_stability_index([0, *[100] * 10], [500, *[100] * 10])
    assert found.psi == pytest.approx(expected, rel=0.01)


def test_a_changed_constant_is_a_shift_in_either_direction(connection):
    same = "select 5 as x from range(1_000)"
    for other in ("select 4 as x from range(1_000)", "select 6 as x from range(1_000)"):
        assert shifts(connection, same, other)["x"].psi > 5
    assert shifts(connection, same, same)["x"].psi == 0


def test_categories_report_new_and_gone_values(connection):
    before = "select unnest(['a', 'a', 'b', 'c']) as x"
    after = "select unnest(['a', 'a', 'd', 'd', 'e', null]) as x"
    found = shifts(connection, before, after)["x"]
    assert (found.kind, found.null_shares) == ("category", (0, 1 / 6))
    assert (found.new_values, found.new_examples) == (2, ("d", "e"))
    assert (found.gone_values, found.gone_examples) == (2, ("b", "c"))
    assert found.psi == pytest.approx(population_stability_index([2, 1, 1, 0, 0, 0], [2, 0, 0, 2, 1, 1]))


def test_rare_values_are_counted_together(connection):
    before = "select 'value-' || i as x from range(1_000) t(i)"
    after = "select 'value-' || (i + 1_000) as x from range(1_000) t(i)"
    found = shifts(connection, before, after)["x"]
    assert (found.new_values, found.gone_values) == (1_000, 1_000)
    assert len(found.new_examples) == 5
    assert found.psi < 1  # 950 of each side are in the bin of the rare ones


def test_times_are_binned_like_numbers_and_reported_as_times(connection):
    found = shifts(
        connection,
        "select timestamp '2024-01-01' + interval (i) day as x from range(31) t(i)",
        "select timestamp '2024-02-01' + interval (i) day as x from range(29) t(i)",
    )["x"]
    assert found.kind == "time"
    assert found.means == ("2024-01-16T00:00:00", "2024-02-15T00:00:00")


def test_columns_are_ordered_by_shift_and_other_types_compared_as_text(connection):
    before = "select i as same, i as moved, i as retyped, null as never from range(100) t(i)"
    after = "select i as same, i + 50 as moved, i::varchar as retyped, null as never from range(100) t(i)"
    found = shifts(connection, before, after)
    assert next(iter(found)) == "moved"
    assert (found["retyped"].kind, found["retyped"].psi, found["retyped"].new_values) == ("category", 0, 0)
    assert found["never"].null_shares == (1, 1)
    assert found["same"].psi == 0


def test_an_empty_side_has_no_index(connection):
    found = shifts(connection, "select 1 as x, 'a' as y where false", "select 1 as x, 'a' as y")
    assert math.isnan(found["x"].psi)
    assert found["x"].means == (None, 1.0)
    assert found["y"].new_values == 1


def test_a_text_that_is_spelled_like_a_missing_value_is_not_missing(connection):
    before = "select unnest(['missing', 'missing', 'other values', 'null', 'a', null]) as x"
    after = "select unnest(['missing', 'other values', 'None', null, null, null]) as x"
    found = shifts(connection, before, after)["x"]
    assert found.null_shares == (1 / 6, 3 / 6)
    assert (found.new_examples, found.gone_examples) == (("None",), ("a", "null"))
    assert found.psi == pytest.approx(population_stability_index([2, 1, 1, 1, 1, 0], [1, 1, 0, 0, 3, 1]))
