"""The layout of an Excel sheet is detected, and known settings are kept."""

from datetime import date

import pytest

from mlops_assets.scaffolding.loading.sheets import detect_layout
from mlops_assets.scaffolding.source_profile import profile_source
from mlops_assets.stores.files.csv_dialect import Dialect, SheetLayout
from mlops_assets_tests.support.workbooks import workbook

ROWS = [[f"{n:03}", date(2024, 1, 1 + n), 3.0 * n, "a" if n % 2 else "b"] for n in range(9)]
HEADER = ["code", "day", "count", "kind"]


@pytest.mark.parametrize(
    ("above", "merged", "layout"),
    [
        ([HEADER], [], SheetLayout()),
        ([["Report 2024"], [], HEADER], ["A1:D1"], SheetLayout(skip_lines=2)),
        ([[], HEADER], [], SheetLayout()),
        (
            [["code", "day", "Q1", None], [None, None, "count", "kind"]],
            ["A1:A2", "B1:B2", "C1:D1"],
            SheetLayout(header_lines=2),
        ),
        (
            [["Report"], ["code", None, "Q1", None], [None, "day", "count", "kind"]],
            [],
            SheetLayout(skip_lines=1, header_lines=2),
        ),
        ([HEADER, ["text", "date", "pieces", "a or b"]], [], SheetLayout(header_lines=2)),
    ],
)
def test_the_layout_is_detected(tmp_path, above, merged, layout):
    (tmp_path / "a.xlsx").write_bytes(workbook([*above, *ROWS], merged=merged))
    found, doubts = detect_layout(tmp_path / "a.xlsx", Dialect(), subject="shop")
    assert found == layout
    assert len(doubts) == (layout.header_lines > 1)


def test_known_settings_are_kept(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(workbook([["Report"], HEADER, *ROWS], [["x"], [1]]))
    known = SheetLayout("one", skip_lines=1)
    assert detect_layout(tmp_path / "a.xlsx", Dialect(excel=known), subject="shop")[0] == known


def test_the_columns_of_a_sheet_have_types_and_errors_are_missing_values(tmp_path):
    rows = [[*row, n / 7 if n % 3 else "#N/A"] for n, row in enumerate(ROWS)]
    (tmp_path / "a.xlsx").write_bytes(workbook([[*HEADER, "score"], *rows], [["hidden"]], hidden=["two"]))
    found = profile_source(tmp_path / "a.xlsx", subject="shop")
    assert {column.name: column.sql_type for column in found.columns} == {
        "code": "VARCHAR",
        "day": "DATE",
        "count": "BIGINT",
        "kind": "VARCHAR",
        "score": "DOUBLE",
    }
    assert found.dialect.non_defaults() == {"excel": {"sheet": "one", "nulls": ["#N/A"]}}
    assert found.doubts == ()


def test_merged_cells_below_the_header_are_a_doubt(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(workbook([HEADER, *ROWS], merged=["D4:D6"]))
    _, [doubt] = detect_layout(tmp_path / "a.xlsx", Dialect(), subject="shop")
    assert "1 merged cells below its header" in doubt
