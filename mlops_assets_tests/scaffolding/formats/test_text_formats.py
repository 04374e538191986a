"""Columns of times and numbers in other formats are typed, with their format as a setting."""

import pandas as pd
import pytest

from mlops_assets.scaffolding.source_profile import SourceProfile, profile_source


@pytest.fixture
def profile(tmp_path):
    def run(values: list[str], name: str = "x", choose=None, **more: list[str]) -> SourceProfile:
        columns = {name: values, "y": range(len(values)), **more}
        pd.DataFrame(columns).to_csv(tmp_path / "rows.csv", index=False)
        return profile_source(tmp_path / "rows.csv", subject="shop", choose=choose)

    return run


@pytest.mark.parametrize(
    ("values", "declared", "sql_type", "least"),
    [
        (["12/1/2010 8:26", "12/31/2010 17:05"], "%m/%d/%Y %H:%M", "TIMESTAMP", "2010-12-01 08:26:00"),
        (["01.02.2024", "31.12.2024"], "%d.%m.%Y", "DATE", "2024-02-01"),
        (["01.02.24", "31.12.24"], "%d.%m.%y", "DATE", "2024-02-01"),
        (["20141013T000000", "20150101T000000"], "%Y%m%dT%H%M%S", "DATE", "2014-10-13"),
        (["20141013T000000", "20150101T120000"], "%Y%m%dT%H%M%S", "TIMESTAMP", "2014-10-13 00:00:00"),
        (["20240131", "20240201"], "%Y%m%d", "DATE", "2024-01-31"),
        (["31-Jan-2024", "1-Feb-2024"], "%d-%b-%Y", "DATE", "2024-01-31"),
        (["2024-01", "2024-12"], "%Y-%m", "DATE", "2024-01-01"),
        (
            ["01/31/2024 01:05:00 PM", "02/01/2024 12:00:00 AM"],
            "%m/%d/%Y %I:%M:%S %p",
            "TIMESTAMP",
            "2024-01-31 13:05:00",
        ),
        (
            ["31/Jan/2024:10:00:00 +0100", "31/Jan/2024:10:00:00 +0000"],
            "%d/%b/%Y:%H:%M:%S %z",
            "TIMESTAMP",
            "2024-01-31 09:00:00",
        ),
        (["$1,234.50", "$7.00"], {"unit": "$", "thousands": ","}, "DOUBLE", "7.0"),
        (["-$1,234.50", "$7.00"], {"unit": "$", "thousands": ","}, "DOUBLE", "-1234.5"),
        (["USD 1,000", "USD 5"], {"unit": "USD", "thousands": ","}, "DOUBLE", "5.0"),
        (["12.5%", "7 %"], {"unit": "%"}, "DOUBLE", "7.0"),
        (["1.234,50 €", "7,00 €"], {"unit": "€", "decimal": ",", "thousands": "."}, "DOUBLE", "7.0"),
        (["(7.25)", "3.5"], {"parentheses": True}, "DOUBLE", "-7.25"),
        (["7.5 kg", "12 kg"], {"unit": "kg"}, "DOUBLE", "7.5"),
        (["12km", "3km"], {"unit": "km"}, "DOUBLE", "3.0"),
    ],
)
def test_a_format_of_all_values_types_the_column_and_is_a_setting(profile, values, declared, sql_type, least):
    found = profile(values)
    assert found.formats == {"x": declared}
    assert (found.columns[0].sql_type, found.columns[0].least) == (sql_type, least)
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (["1735689600", "1735693200"], "epoch_s"),
        (["1735689600.25", "1735693200.5"], "epoch_s"),
        (["1735689600123", "1735693200123"], "epoch_ms"),
    ],
)
def test_an_epoch_is_a_time_if_the_column_is_called_so(profile, values, declared):
    assert profile(values, "created_at").formats == {"created_at": declared}
    assert profile(values, "phone").formats == {}


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-31", "2024-02-01"],
        ["1.5", "2"],
        ["12345678", "20240101"],
        ["202401", "202402"],
        ["A12", "A13"],
        ["12A", "13A"],
        ["12 kg", "3 lb"],
        ["10 am", "11 am"],
        ["$5", "free"],
        ["01.02.2024", "32.01.2024"],
        ["08:26", "09:15"],
        ["a", "b"],
        ["", ""],
    ],
)
def test_other_columns_have_no_format(profile, values):
    found = profile(values)
    assert (found.doubts, found.formats) == ((), {})


def test_an_open_order_of_day_and_month_is_a_doubt_with_both(profile):
    found = profile(["01/02/2024", "03/04/2024"])
    assert found.formats == {"x": "%m/%d/%Y"}
    assert found.doubts == (
        "x has dates such as '01/02/2024', whose order of day and month no row decides; drafted with the "
        "month first ('%m/%d/%Y', not '%d/%m/%Y'): check formats in defs.yaml, or use --day-first or "
        "--month-first",
    )
    assert profile(["01.02.2024", "03.04.2024"]).formats == {"x": "%d.%m.%Y"}


def test_one_row_or_another_column_decides_the_order_of_day_and_month(profile):
    assert profile(["01/02/2024", "31/04/2023", "03/04/2024"]).formats == {}
    assert profile(["01/02/2024", "31/05/2023"]).formats == {"x": "%d/%m/%Y"}
    found = profile(["01/02/2024", "03/04/2024"], z=["1/2/2024 8:00", "28/2/2024 9:30"])
    assert found.formats == {"x": "%d/%m/%Y", "z": "%d/%m/%Y %H:%M"}
    assert found.doubts == ()


def test_an_open_order_is_chosen_by_the_caller(profile):
    found = profile(["01/02/2024", "03/04/2024"], choose=lambda found: found.alternatives[0])
    assert (found.formats, found.doubts) == ({"x": "%d/%m/%Y"}, ())
    assert found.columns[0].least == "2024-02-01"


@pytest.mark.parametrize(
    ("values", "declared", "least"),
    [
        (["12/1/2010", "-", "12/31/2010", "1/5/2010"], "%m/%d/%Y", "2010-01-05"),
        (["NA", "$1,234.50", "$7.00", "NA"], {"unit": "$", "thousands": ","}, "7.0"),
    ],
)
def test_a_text_for_a_missing_value_beside_a_format_is_declared(profile, values, declared, least):
    missing = "NA" if "NA" in values else "-"
    found = profile(values, z=["a", missing, "b", "c"])
    assert found.formats == {"x": declared}
    assert found.dialect.nulls == (missing,)
    assert (found.columns[0].nulls, found.columns[0].least) == (values.count(missing), least)
    assert found.columns[2].nulls == 1
    assert found.doubts == (f"{missing!r} is read as missing in z, too; check that it is not a value there",)


def test_mostly_missing_values_have_no_format(profile):
    assert profile(["-", "-", "-", "12/31/2010"]).formats == {}


def test_few_values_in_another_format_are_named(profile):
    found = profile([*(f"{n % 12 + 1}/{n % 28 + 1}/2010" for n in range(40)), "soon"])
    assert found.formats == {}
    assert found.doubts == (
        "x stays text because of 1 of 41 values, such as 'soon'; the others have the format %m/%d/%Y: "
        "correct them, or declare the format in defs.yaml and the type in schema.py, which quarantines "
        "their rows",
    )
