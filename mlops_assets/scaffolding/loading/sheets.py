"""Detection of the layout of an Excel sheet: lines before the header, and lines of the header."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect, SheetLayout
from mlops_assets.stores.files.readers.excel_reader import Line, choose_sheet, lines_of, open_workbook

_SAMPLE_LINES = 200
_MOSTLY = 0.8
"""Minimum share of the widest lines' cells that a header has."""


def detect_layout(path: Path, dialect: Dialect, *, subject: str) -> tuple[SheetLayout, list[str]]:
    """The layout of a workbook, and doubts about it.

    The header is the first line that is nearly as wide as the widest one. A line of texts above it, and a
    line of texts such as units below it and above numbers, belong to it.

    Parameters
    ----------
    dialect
        Its known layout; settings that differ from the default are kept.

    Raises
    ------
    DataError
        When the workbook can't be read, or has several sheets and none is declared.
    """
    known, default = dialect.excel, DEFAULT_DIALECT.excel
    with open_workbook(path, subject) as workbook:
        sheet = choose_sheet(workbook, dialect, f"{subject}: {path}")
        name = known.sheet or (sheet.name if len(workbook.sheet_names) > 1 else "")
        lines = [line for line in islice(lines_of(sheet), _SAMPLE_LINES) if _filled(line)]
        merged = list(sheet.merged_cell_ranges or ())
    if not lines:
        raise DataError(f"{subject}: {path}, sheet {sheet.name} is empty", hint="choose another sheet")
    lines = _spread(lines, merged)
    first, count = _header(lines)
    layout = replace(known, sheet=name)
    if known.skip_lines == default.skip_lines and lines[first][0] > lines[0][0]:
        layout = replace(layout, skip_lines=lines[first][0])
    elif known.skip_lines:
        first = next((n for n, line in enumerate(lines) if line[0] >= known.skip_lines), first)
        count = 1 if _header(lines[first:])[0] else _header(lines[first:])[1]
    if known.header_lines == default.header_lines:
        layout = replace(layout, header_lines=count)
    doubts = []
    if layout.header_lines > 1 and known.header_lines == default.header_lines:
        doubts.append(f"the header seems to have {layout.header_lines} lines; check excel.header_lines")
    start = lines[min(first + layout.header_lines - 1, len(lines) - 1)][0]
    if below := [cells for cells in merged if cells[0][0] > start]:
        doubts.append(
            f"sheet {sheet.name} has {len(below)} merged cells below its header; only the first cell of each "
            "has a value"
        )
    return layout, doubts


def _spread(lines: Sequence[Line], merged: Sequence[Any]) -> list[Line]:
    """The lines with the text of a merged cell in each of its cells; a merged title stays one text."""
    spread = {number: list(cells) for number, cells in lines}
    for (top, left), (bottom, right) in merged:
        if top in spread and isinstance(spread[top][left], str) and spread[top][left]:
            for row in range(top, bottom + 1):
                for column in range(left, right + 1) if row in spread else ():
                    spread[row][column] = spread[top][left]
    return [
        (number, spread[number] if len(_filled((number, cells))) > 1 else cells) for number, cells in lines
    ]


def _filled(line: Line) -> list[Any]:
    return [cell for cell in line[1] if not isinstance(cell, str) or cell.strip()]


def _header(lines: Sequence[Line]) -> tuple[int, int]:
    """The first line of the header, as a position among the lines with values, and its number of lines."""
    widths = [len(_filled(line)) for line in lines]
    widest = max(widths)
    main = next(n for n, width in enumerate(widths) if width >= max(1, _MOSTLY * widest))
    first = main
    while first and lines[first - 1][0] == lines[first][0] - 1 and _is_upper_line(lines[first - 1]):
        first -= 1
    above = first < main and not all(isinstance(cell, str) for cell in _filled(lines[main]))
    last = main - 1 if above else main + _has_units(lines[main:])  # with gaps, a header is narrower
    return first, last - first + 1


def _is_upper_line(line: Line) -> bool:
    """Whether a line above the header belongs to it: it has several texts, and no other values."""
    cells = _filled(line)
    return len(cells) > 1 and all(isinstance(cell, str) for cell in cells)


def _has_units(lines: Sequence[Line]) -> bool:
    """Whether the second line has texts above columns that have none: units, or a second name."""
    if len(lines) < 3 or lines[1][0] != lines[0][0] + 1 or not _is_upper_line(lines[1]):
        return False
    others = 0
    for place, cell in enumerate(lines[1][1]):
        below = [line[1][place] for line in lines[2:] if line[1][place] != ""]
        if cell != "" and below and not any(isinstance(value, str) for value in below):
            others += 1
    return others > 0 and all(isinstance(cell, str) for cell in _filled(lines[0]))
