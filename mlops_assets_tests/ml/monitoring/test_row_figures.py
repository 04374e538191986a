"""Figures of rows against values computed by hand, and what they never show."""

from datetime import datetime

import duckdb
import pytest

from mlops_assets.ml import wide_queries
from mlops_assets.ml.monitoring.row_figures import CATEGORIES, NAMED, Figure, row_figures

ROWS = """
select
    range as id,
    'c' || (range % 40) as customer,
    case when range % 4 = 0 then null else range::double end as amount,
    case when range < 60 then 'web' when range < 95 then 'shop' else 'phone' end as channel,
    'mail' || range as mail,
    timestamp '2024-03-31 12:00:00' as bought_at
from range(100)
"""


def figures(sql: str = ROWS, **options) -> dict[tuple[str, str | None, str | None], Figure]:
    with duckdb.connect() as connection:
        rows = connection.sql(sql)
        found = list(row_figures(connection, rows, rows.columns, **options))
    return {(each.measure, each.column, each.note): each for each in found}


def test_numbers_have_missing_values_extremes_mean_and_quantiles():
    found = figures()
    values = [value for value in range(100) if value % 4]
    assert found["rows", None, None].value == 100
    assert found["null_share", "amount", None].value == pytest.approx(0.25)
    assert found["mean", "amount", None].value == pytest.approx(sum(values) / 75)
    assert found["median", "amount", None].value == pytest.approx(50.0)
    assert (found["minimum", "amount", None].value, found["maximum", "amount", None].value) == (1.0, 99.0)


def test_times_are_days_from_the_end_of_the_period():
    found = figures(end=datetime(2024, 4, 1))
    assert found["mean", "bought_at", None].value == pytest.approx(-0.5)


def test_infinite_and_huge_values_count_as_missing():
    huge = "case range % 3 when 0 then 'inf'::double when 1 then -1e308 else 'nan'::double end"
    found = figures(f"select case when range < 5 then {huge} else 1 end as x from range(20)")
    assert found["null_share", "x", None].value == pytest.approx(0.25)
    assert found["maximum", "x", None].value == 1.0


def test_categories_are_named_only_if_enough_entities_share_them():
    found = figures()
    assert found["share", "channel", "web"].value == pytest.approx(0.6)
    assert ("share", "channel", "phone") not in found  # five rows
    assert found["rare_share", "channel", None].value == pytest.approx(0.05)
    few = f"select *, 'x' || (id % 2) as place from ({ROWS.replace('% 40', f'% {NAMED - 1}')})"
    assert not [key for key in figures(few, identifying=["customer"]) if key[0] == "share"]


def test_a_text_with_many_values_is_no_category():
    found = figures()
    assert len({key for key in found if key[1] == "mail"}) == 1 < CATEGORIES
    assert ("null_share", "mail", None) in found


def test_sensitive_and_identifying_columns_have_missing_values_only():
    found = figures(sensitive=["channel", "amount"], identifying=["id", "customer"])
    for column in ("channel", "amount", "id", "customer"):
        assert {key[0] for key in found if key[1] == column} == {"null_share"}


def test_few_rows_and_none_have_no_distributions():
    assert set(figures(f"from ({ROWS}) limit 0")) == {("rows", None, None)}
    assert {key[0] for key in figures(f"from ({ROWS}) limit {NAMED - 1}")} == {"rows", "null_share"}


def test_figures_are_the_same_in_groups_of_columns(monkeypatch):
    whole = figures()
    monkeypatch.setattr(wide_queries, "MANY_COLUMNS", 2)
    assert figures() == whole
