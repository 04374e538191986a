"""Profiles of columns: types, missing values and ranges."""

import re

import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.source_profile import profile_source


@pytest.fixture
def profile(tmp_path):
    def profile_(**columns):
        pd.DataFrame(columns).to_csv(tmp_path / "rows.csv", index=False)
        return {
            column.name: column for column in profile_source(tmp_path / "rows.csv", subject="shop").columns
        }

    return profile_


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "BIGINT"),
        (["1", "2.5"], "DOUBLE"),
        (["1", ""], "BIGINT"),
        (["1", "NaN"], "BIGINT"),
        (["true", "false"], "BOOLEAN"),
        (["2024-01-31", "2024-02-01"], "DATE"),
        (["2024-01-31", "2024-02-01 12:30:00"], "TIMESTAMP"),
        (["1", "two"], "VARCHAR"),
        (["", ""], "VARCHAR"),
    ],
)
def test_a_column_has_the_narrowest_type_that_holds_all_of_its_values(profile, values, kind):
    assert profile(x=values, y=[1, 2])["x"].sql_type == kind


def test_missing_distinct_and_extreme_values_are_counted(profile):
    seen = profile(amount=[3.5, None, 10.0, 3.5], kind=["b", "a", "a", None])
    amount, kind = seen["amount"], seen["kind"]
    assert (amount.rows, amount.nulls, amount.distinct) == (4, 1, 2)
    assert (amount.least, amount.greatest) == ("3.5", "10.0"), "by number, not by text"
    assert kind.values == {"a": 2, "b": 1}


def test_a_key_is_recognised_by_its_name_and_values(profile):
    seen = profile(id=[1, 2], paid=[1, 2], owner_id=[1, 1], visit_id=[1, None])
    assert [name for name, column in seen.items() if column.is_key] == ["id"]


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        *[(name, True) for name in ("id", "ID", "order_id", "order id", "customerID", "orderId", "row_uuid")],
        *[(name, True) for name in ("patient_no", "InvoiceNo", "customer number")],
        *[
            (name, False)
            for name in ("paid", "PAID", "grid", "idle", "humid", "Madrid", "piano", "device", "key")
        ],
    ],
)
def test_an_identifier_is_recognised_by_its_name(name, is_id):
    unique = ColumnProfile(name, "VARCHAR", 100, 0, 100, "a", "z", {})
    repeated = ColumnProfile(name, "VARCHAR", 100, 0, 40, "a", "z", {})
    assert (unique.is_key, unique.is_entity) == (is_id, False)
    assert (repeated.is_key, repeated.is_entity) == (False, is_id)


@pytest.mark.parametrize(
    ("distinct", "greatest", "is_name"), [(91, "z9", True), (90, "z9", False), (91, "a b c", False)]
)
def test_a_word_that_nearly_each_row_has_alone_is_a_name(distinct, greatest, is_name):
    assert ColumnProfile("zip", "VARCHAR", 120, 20, distinct, "00501", greatest, {}).is_name is is_name


def test_consecutive_integers_number_the_rows(profile):
    seen = profile(n=range(1, 41), gaps=range(0, 80, 2), repeated=[1, *range(39)], x=[0.5] * 40)
    assert [name for name, column in seen.items() if column.is_row_number] == ["n"]


def test_a_large_number_of_distinct_values_is_approximate_and_keys_are_exact(profile):
    rows = 6000
    seen = profile(near=[1, *range(rows - 1)], id=range(rows), many=[number % 2000 for number in range(rows)])
    assert (seen["near"].distinct, seen["id"].distinct) == (rows - 1, rows)
    assert 1600 < seen["many"].distinct < 2400


def test_several_files_are_one_source(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,1\n", "utf-8")
    (tmp_path / "b.csv").write_text("x\n2.5\n", "utf-8")
    x, y = profile_source(tmp_path, subject="shop").columns
    assert (x.sql_type, x.rows, y.nulls) == ("DOUBLE", 2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n", "has no rows"),
        ("", "has no header"),
        ("x,row_id\n1,2\n", "column row_id is a reserved name"),
        ("x,X\n1,2\n", "duplicate column x "),
        ("x,y\n1,2\n3\n", "row 2 (line 3) has 1 field, the header 2: '3'"),
    ],
)
def test_an_unusable_source_is_reported(tmp_path, record_property, text, message):
    (tmp_path / "rows.csv").write_text(text, "utf-8")
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        profile_source(tmp_path / "rows.csv", subject="shop")
    record_property("message", str(caught.value))
