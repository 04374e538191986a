"""Number formats, texts for missing values and types are detected from all rows."""

from collections.abc import Callable
from decimal import Decimal

import duckdb
import pandas as pd
import pytest

from mlops_assets.scaffolding.values.value_detection import DetectedValues, detect_values
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect


@pytest.fixture
def detect() -> Callable[..., DetectedValues]:
    def run(dialect: Dialect | None = DEFAULT_DIALECT, **columns: list) -> DetectedValues:
        with duckdb.connect() as connection:
            frame = pd.DataFrame(columns)
            connection.execute("create table seen as from frame")
            return detect_values(connection, "seen", list(frame), dialect)

    return run


def types(found: DetectedValues) -> dict[str, str]:
    return {column.name: column.sql_type for column in found.columns}


@pytest.mark.parametrize(
    ("values", "marks", "kind"),
    [
        (["1.5", "2", "1e3"], (".", ""), "DOUBLE"),
        (["1.234,56", "7"], (",", "."), "DOUBLE"),
        (["2,5", "7"], (",", ""), "DOUBLE"),
        (["1,234.5", "7"], (".", ","), "DOUBLE"),
        (["1'234.5", "7"], (".", "'"), "DOUBLE"),
        (["1 234,5", "7"], (",", " "), "DOUBLE"),
        (["1\u202f234,5", "7"], (",", "\u202f"), "DOUBLE"),
        (["1,2,3", "7"], (".", ""), "VARCHAR"),
        (["a", "7"], (".", ""), "VARCHAR"),
    ],
)
def test_the_number_format_is_that_of_most_columns(detect, values, marks, kind):
    found = detect(x=values, y=["a", "b", "c"][: len(values)])
    assert (found.dialect.decimal, found.dialect.thousands) == marks
    assert types(found) == {"x": kind, "y": "VARCHAR"}
    assert found.doubts == ()


def test_an_ambiguous_number_format_is_a_doubt(detect):
    found = detect(x=["1,234", "12,345"])
    assert types(found) == {"x": "BIGINT"}
    assert found.doubts == ("numbers such as 1,234 in x fit two formats; check csv.decimal",)


def test_plain_numbers_outweigh_a_column_with_commas(detect):
    found = detect(x=["1.5", "2.5"], y=["1.25", "3.5"], z=["1,2", "3,4"])
    assert types(found) == {"x": "DOUBLE", "y": "DOUBLE", "z": "VARCHAR"}


@pytest.mark.parametrize("text", ["NA", "N/A", "-", "?", " ", "null", "#N/A"])
def test_a_text_beside_numbers_or_times_is_a_missing_value(detect, text):
    found = detect(
        x=["1.5", text, "3", None], y=["2024-01-31", "2024-02-01", text, text], z=["a", "b", "c", "d"]
    )
    assert types(found) == {"x": "DOUBLE", "y": "DATE", "z": "VARCHAR"}
    assert found.dialect.nulls == (text,)
    assert found.doubts == ()


def test_missing_values_with_decimal_commas_are_found_together(detect):
    found = detect(x=["1,5", "-", "3"], y=["?", "2,5", "1"])
    assert types(found) == {"x": "DOUBLE", "y": "DOUBLE"}
    assert found.dialect.nulls == ("-", "?")
    assert found.dialect.decimal == ","


def test_a_missing_value_that_occurs_in_text_is_a_doubt(detect):
    found = detect(x=["1", "NA", "3"], country=["NA", "DE", "FR"])
    assert found.doubts == ("'NA' is read as missing in country, too; check that it is not a value there",)


def test_a_column_of_which_few_rows_are_numbers_stays_text(detect):
    found = detect(x=["-", "-", "-", "-", "1"])
    assert types(found) == {"x": "VARCHAR"}
    assert found.dialect.nulls == ()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["02134", "10115"], "VARCHAR"),
        (["0012", "0013"], "VARCHAR"),
        (["0", "0.5", "10"], "DOUBLE"),
        (["0", "7"], "BIGINT"),
        (["-0.5", "1"], "DOUBLE"),
    ],
)
def test_a_leading_zero_makes_a_text(detect, values, kind):
    assert types(detect(x=values)) == {"x": kind}
    late = [str(number) for number in range(1, 30_000)]
    assert types(detect(x=[*late, *values])) == {"x": kind}


def test_a_leading_zero_among_decimals_after_the_sample_makes_a_text(detect):
    decimals = [f"{number}.5" for number in range(30_000)]
    assert types(detect(x=decimals)) == {"x": "DOUBLE"}
    assert types(detect(x=[*decimals, "02.5"])) == {"x": "VARCHAR"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["Yes", "No"], "VARCHAR"),
        (["y", "n"], "VARCHAR"),
        (["true", "false"], "BOOLEAN"),
        (["TRUE", "F"], "BOOLEAN"),
    ],
)
def test_labels_stay_text(detect, values, kind):
    assert types(detect(x=values)) == {"x": kind}


def test_a_value_after_the_sample_decides(detect):
    values = [str(number) for number in range(30_000)]
    assert types(detect(x=[*values, "1.5"])) == {"x": "DOUBLE"}
    assert types(detect(x=[*values, "soon"])) == {"x": "VARCHAR"}


def test_known_settings_are_kept(detect):
    found = detect(Dialect(decimal=",", nulls=("none",)), x=["1,234", "none"], y=["1", "-"])
    assert types(found) == {"x": "DOUBLE", "y": "VARCHAR"}
    assert found.dialect == Dialect(decimal=",", nulls=("none",))


def test_other_formats_have_neither_marks_nor_missing_texts(detect):
    found = detect(None, x=["1,5", "2,5"], y=["1", "-"], z=[1, 2])
    assert types(found) == {"x": "VARCHAR", "y": "VARCHAR", "z": "BIGINT"}
    assert found.dialect == DEFAULT_DIALECT


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["9007199254740993", "9223372036854775807"], "BIGINT"),
        (["9223372036854775808", "1"], "VARCHAR"),
        (["100000000000000000000000123", "100000000000000000000000124"], "VARCHAR"),
        (["0.1234567890123456789012", "1"], "DOUBLE"),
    ],
)
def test_integers_that_no_number_type_holds_exactly_stay_text(detect, values, kind):
    found = detect(account=values, y=["1", "2"])
    assert types(found) == {"account": kind, "y": "BIGINT"}
    assert [doubt.split()[0] for doubt in found.doubts] == ["account"] * (kind == "VARCHAR")


def test_decimals_and_booleans_of_other_formats_keep_their_kind(detect):
    account = [Decimal(10**30 + 1), Decimal(10**30 + 2)]
    found = detect(None, account=account, price=[Decimal("1.50"), Decimal("2.25")], paid=[True, False])
    assert types(found) == {"account": "VARCHAR", "price": "DOUBLE", "paid": "BOOLEAN"}
    assert "account has integers of 19 digits or more" in found.doubts[0]


def test_several_hundred_columns_are_typed_in_several_queries(detect):
    found = types(detect(**{f"x{n}": ["1.5", "a" if n % 2 else "2"] for n in range(250)}))
    assert found == {f"x{n}": "VARCHAR" if n % 2 else "DOUBLE" for n in range(250)}
