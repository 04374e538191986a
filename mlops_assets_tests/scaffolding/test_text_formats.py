"""Times and numbers in formats that contracts do not read are named, with SQL that reads them."""

import duckdb
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.scaffolding.column_profile import SourceProfile, profile_source
from mlops_assets.scaffolding.drafting import draft_event_project, draft_project


@pytest.fixture
def profile(tmp_path):
    def run(values: list[str]) -> SourceProfile:
        pd.DataFrame({"x": values, "y": range(len(values))}).to_csv(tmp_path / "rows.csv", index=False)
        return profile_source(tmp_path / "rows.csv", subject="shop")

    return run


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["12/1/2010 8:26", "12/31/2010 17:05"], "2010-12-01 08:26:00"),
        (["01.02.2024", "31.12.2024"], "2024-02-01 00:00:00"),
        (["20141013T000000", "20150101T120000"], "2014-10-13 00:00:00"),
        (["20240131", "20240201"], "2024-01-31 00:00:00"),
        (["31-Jan-2024", "1-Feb-2024"], "2024-01-31 00:00:00"),
        (["01/31/2024 01:05:00 PM", "02/01/2024 12:00:00 AM"], "2024-01-31 13:05:00"),
        (["$1,234.50", "$7.00"], 1234.5),
        (["-$1,234.50", "$7.00"], -1234.5),
        (["12.5%", "7 %"], 12.5),
        (["1.234,50 €", "7,00 €"], 1234.5),
        (["(7.25)", "3.5"], -7.25),
        (["7.5 kg", "12 kg"], 7.5),
    ],
)
def test_a_format_that_contracts_do_not_read_is_a_note_with_sql_that_reads_it(profile, values, read):
    found = profile(values)
    [doubt] = [doubt for doubt in found.doubts if doubt.startswith("x has ")]
    assert any(repr(value) in doubt for value in values)
    assert f"in features.sql, {found.readings['x']} does" in doubt
    with duckdb.connect() as connection:
        [(first,)] = connection.execute(
            f"select {found.readings['x']} from (select ? as x)", values[:1]
        ).fetchall()
    assert (first if isinstance(read, float) else str(first)) == read


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-31", "2024-02-01"],
        ["1.5", "2"],
        ["12345678", "20240101"],
        ["202401", "202402"],
        ["A12", "A13"],
        ["12 kg", "3 lb"],
        ["$5", "free"],
        ["01.02.2024", "32.01.2024"],
        ["a", "b"],
        ["", ""],
    ],
)
def test_other_columns_have_no_such_note(profile, values):
    found = profile(values)
    assert (found.doubts, found.readings) == ((), {})


def test_an_open_order_of_day_and_month_has_both_readings(profile):
    [doubt] = profile(["01/02/2024", "03/04/2024"]).doubts
    assert "'%m/%d/%Y') or strptime(\"x\", '%d/%m/%Y') does" in doubt


def test_the_hint_for_a_target_or_a_time_converts_the_file(tmp_path, record_property):
    amounts = [f"${number},000.50" for number in range(1, 40)]
    times = [f"{number % 12 + 1}/{number % 28 + 1}/2024 8:26" for number in range(39)]
    path = tmp_path / "rows.csv"
    pd.DataFrame({"price": amounts, "at": times, "who": range(39)}).to_csv(path, index=False)
    with pytest.raises(ProjectError, match="neither numbers nor classes") as wrong_target:
        draft_project("shop", tmp_path, csv=path, target="price")
    with pytest.raises(DataError, match="column at has no times") as wrong_time:
        draft_event_project("shop", tmp_path, data=path, time="at", entity=["who"])
    for hint, column, first in ((wrong_target, "price", 1000.5), (wrong_time, "at", "2024-01-01 08:26:00")):
        query = hint.value.hint.removeprefix("convert the column, in DuckDB: ").replace("rows.csv", str(path))
        found = duckdb.sql(query).df()[column].iloc[0]
        assert found == first if isinstance(first, float) else str(found) == first
