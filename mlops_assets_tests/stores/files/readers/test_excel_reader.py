"""Excel sheets as text: every value in its shortest spelling, and nothing is lost in silence."""

import re
import zipfile
from datetime import date, datetime, time, timedelta
from io import BytesIO

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import Dialect, SheetLayout
from mlops_assets.stores.files.readers.excel_cells import column_letters, column_number
from mlops_assets_tests.support.file_table import TABLE, FileTable
from mlops_assets_tests.support.workbooks import workbook


def layout(**settings) -> Dialect:
    return Dialect(excel=SheetLayout(**settings))


def columns(table: FileTable) -> list[str]:
    return list(table.warehouse.frame(TABLE))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-3, "-3"),
        (2.5, "2.5"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1234567890123456.0, "1234567890123456"),
        (1e20, "1e+20"),
        ("007", "007"),
        ("3.0", "3.0"),
        ("1e5", "1e5"),
        (" x ", " x "),
        (True, "true"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 12, 30, 15), "2024-01-31 12:30:15"),
        (date(1900, 3, 1), "1900-03-01"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
        (None, None),
    ],
)
def test_a_value_is_text_in_its_shortest_spelling(table, value, text):
    assert table.replace("a.xlsx", workbook([["id", "x"], ["a", value], ["b", "end"]])) == [
        ("a", text),
        ("b", "end"),
    ]


def test_dates_do_not_depend_on_the_year_from_which_days_are_counted(table):
    rows = [["day"], [date(2024, 1, 31)], [datetime(2024, 2, 29, 6)]]
    for mac in (False, True):
        assert table.replace("a.xlsx", workbook(rows, mac=mac)) == [("2024-01-31",), ("2024-02-29 06:00:00",)]


def test_empty_rows_and_columns_are_left_out_and_a_column_without_a_name_has_its_number(table):
    rows = [[], [None, "a", None, "b", None], [], [None, 1, None, None, "note"], [], [None, None, None, 2]]
    assert table.replace("a.xlsm", workbook(rows)) == [("1", None, "note"), (None, "2", None)]
    assert columns(table)[:3] == ["a", "b", "unnamed_5"]


def test_a_row_of_errors_alone_is_a_row(table):
    assert table.replace("a.xlsx", workbook([["a"], ["#N/A"], [1]])) == [("#N/A",), ("1",)]
    nulls = layout(nulls=("#N/A",))
    assert table.replace("a.xlsx", workbook([["a", "b"], ["#N/A", 1]]), nulls) == [(None, "1")]


def test_lines_before_the_header_are_skipped_and_header_lines_are_joined(table):
    rows = [
        ["Report", "of 2024"],
        [],
        ["id", "Q1", None, "Q2"],
        [None, "cost", "sales", "cost"],
        [1, 2, 3, 4],
    ]
    found = table.replace(
        "a.xlsx", workbook(rows, merged=["A3:A4", "B3:C3"]), layout(skip_lines=1, header_lines=2)
    )
    assert found == [("1", "2", "3", "4")]
    assert columns(table)[:4] == ["id", "Q1 cost", "Q1 sales", "Q2 cost"]


def test_the_only_visible_sheet_with_values_is_read_and_a_hidden_one_if_it_is_declared(table):
    book = workbook([["a"], [1]], [], [["b"], [2]], hidden=["three"])
    assert table.replace("a.xlsx", book) == [("1",)]
    assert table.replace("a.xlsx", book, layout(sheet="three")) == [("2",)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "has several sheets: one, two, three (hidden)"),
        ({"sheet": "four"}, "has no sheet four; its sheets are one, two, three (hidden)"),
        ({"sheet": "one", "skip_lines": 9}, "sheet one has no header below line 9"),
        ({"sheet": "two"}, "sheet two, cell B3 has a formula without a computed value"),
    ],
)
def test_an_unusable_sheet_is_reported(table, record_property, settings, message):
    book = workbook([["a"], [1]], [["a", "b"], [1, 2], [3, "=A3+1"]], [["b"], [2]], hidden=["three"])
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        table.replace("a.xlsx", book, layout(**settings))
    record_property("message", str(caught.value))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty and not an Excel file"),
        (b"a,b\n1,2\n", "is not an Excel file: it begins with b'a,b\\n'"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "is protected by a password, or in the format of Excel 97"),
        (workbook([["a"], [1]])[:600], "is a damaged Excel file: "),
        (workbook([["a", "A"], [1, 2]]), ": duplicate column a "),
    ],
)
def test_a_bad_file_is_reported(error_of, content, message):
    assert message in error_of("bad.xlsx", content)


def test_numbers_have_the_decimal_mark_that_the_table_declares_for_text(table):
    book = workbook([["a", "day"], [3.5, date(2024, 1, 31)], ["4,5", None]])
    assert table.replace("a.xlsx", book, Dialect(decimal=",", thousands=".")) == [
        ("3,5", "2024-01-31"),
        ("4,5", None),
    ]


def test_a_number_has_the_decimal_mark_that_its_column_declares_for_text(table):
    """A cell with 1.234 in a column of texts such as 1.234,50 would otherwise be read as 1234."""
    layout = SheetLayout(decimals=(("a", ","),))
    book = workbook([["a", "b"], [1.234, 1.234], ["1.234,50", None]])
    assert table.replace("a.xlsx", book, Dialect(excel=layout)) == [("1,234", "1.234"), ("1.234,50", None)]


def test_cells_are_found_whatever_the_prefix_of_the_xml_is(table):
    """Other programs write `<x:c>`, empty cells with a style, and texts of formulas that are empty."""
    cells = (
        '<x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>a</x:t></x:is></x:c>'
        '<x:c r="B1" t="inlineStr"><x:is><x:t>b</x:t></x:is></x:c></x:row>'
        '<x:row r="2"><x:c r="A2" s="0"/>'
        '<x:c t="e" r="B2"><x:f>1/0</x:f><x:v>#DIV/0!</x:v></x:c></x:row>'
        '<x:row r="3"><x:c r="A3"><x:f>1+1</x:f><x:v>2</x:v></x:c>'
        '<x:c r="B3" t="str"><x:f>""</x:f><x:v></x:v></x:c></x:row>'
    )
    space = 'xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    sheet = f"<x:worksheet {space}><x:sheetData>{cells}</x:sheetData></x:worksheet>"
    content = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook([["a"]]))) as given, zipfile.ZipFile(content, "w") as written:
        for name in given.namelist():
            written.writestr(name, sheet if name.endswith("sheet1.xml") else given.read(name))
    assert table.replace("a.xlsx", content.getvalue()) == [(None, "#DIV/0!"), ("2", None)]


@pytest.mark.parametrize(("letters", "number"), [("A", 0), ("Z", 25), ("AA", 26), ("XFD", 16383)])
def test_a_column_has_letters(letters, number):
    assert (column_number(letters), column_letters(number)) == (number, letters)
