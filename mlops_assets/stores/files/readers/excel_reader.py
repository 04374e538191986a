"""Excel sheets as text columns: one row per line, and each value in its shortest spelling.

Cells have types and columns do not, so a column is text as in CSV, and the contract decides: an integer that
Excel stores as 3.0 is 3, a date 2024-01-31, a time of day 08:30:00, an error its text, such as #N/A.
"""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.readers.csv_reader import UNNAMED
from mlops_assets.stores.files.readers.excel_cells import column_letters, empty_cells

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

    from mlops_assets.stores.files.source_file import SourceFile

_ROWS = 5_000
_EXACT = 2**53
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"

Line = tuple[int, list[Any]]
"""Number of a line, counted from 0, and its cells from column A; an empty cell is an empty text."""


def excel_scan(
    connection: duckdb.DuckDBPyConnection, file: "SourceFile", subject: str
) -> tuple[list[str], str]:
    """The column names of a sheet, and the SQL query of its rows.

    The query reads a copy in a temporary folder that is removed with the connection.

    Raises
    ------
    DataError
        If the file or its sheet can't be read, has no header, or a formula has no computed value.
    """
    folder = TemporaryDirectory(prefix="mlops_excel_")
    weakref.finalize(connection, folder.cleanup)
    copy = Path(folder.name) / "rows.parquet"
    where = f"{subject}: {file.path}"
    with open_workbook(file.path, subject) as workbook:
        sheet = choose_sheet(workbook, file.dialect, where)
        names, filled = _write(sheet, file, f"{where}, sheet {sheet.name}", copy)
    kept = {
        number: name or f"{UNNAMED}{number + 1}"
        for number, name in enumerate(names)
        if name or filled[number]
    }
    values = ", ".join(f"{quoted(str(number))} as {quoted(name)}" for number, name in kept.items())
    return list(kept.values()), f"(select {values} from read_parquet({literal(copy)}))"


@contextmanager
def open_workbook(path: Path, subject: str) -> "Iterator[CalamineWorkbook]":
    """Open a workbook; errors of the file are a DataError."""
    import python_calamine as calamine

    try:
        with calamine.load_workbook(path) as workbook:
            yield workbook
    except (calamine.CalamineError, ValueError) as error:
        raise _excel_error(path, subject, error) from error


def choose_sheet(workbook: "CalamineWorkbook", dialect: Dialect, where: str) -> "CalamineSheet":
    """The declared sheet; by default the only visible one that has values."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = {
        each.name: each.visible == SheetVisibleEnum.Visible
        for each in workbook.sheets_metadata
        if each.typ == SheetTypeEnum.WorkSheet
    }
    listed = ", ".join(name if visible else f"{name} (hidden)" for name, visible in sheets.items())
    declared = dialect.excel.sheet
    if declared and declared not in sheets:
        raise DataError(
            f"{where} has no sheet {declared}; its sheets are {listed}",
            hint="set excel.sheet of the table to one of them",
        )
    names = [declared] if declared else [name for name, visible in sheets.items() if visible]
    found = [sheet for sheet in map(workbook.get_sheet_by_name, names) if declared or sheet.height]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{where} has several sheets: {listed}",
            hint=f"choose one with excel: {{sheet: {found[0].name}}} of the table in defs.yaml, or with "
            "--sheet of `mlops new`",
        )
    raise DataError(
        f"{where} has no visible sheet with values; its sheets are {listed}",
        hint="check the file, or set excel.sheet of the table to a hidden sheet",
    )


def lines_of(sheet: "CalamineSheet") -> Iterator[Line]:
    """The lines of a sheet from its first one; the cells begin with column A."""
    before = [""] * (sheet.start[1] if sheet.start else 0)
    for number, cells in enumerate(sheet.iter_rows()):
        yield number, [*before, *cells]


def header_names(lines: Sequence[Line], sheet: "CalamineSheet") -> list[str]:
    """The column names in one or more lines of a header; empty for a column without a name.

    In a header of several lines, a merged cell names all of its columns, and the texts of a column are
    joined.
    """
    parts = [[" ".join(as_text(cell).split()) for cell in cells] for _, cells in lines]
    if len(lines) > 1:
        places = {number: place for place, (number, _) in enumerate(lines)}
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
            if top in places:
                for row in range(top, bottom + 1):
                    for column in range(left, right + 1) if row in places else ():
                        parts[places[row]][column] = parts[places[top]][left]
    return [" ".join(filter(None, dict.fromkeys(texts))) for texts in zip(*parts, strict=True)]


def as_text(value: Any) -> str:
    """A value in its shortest spelling; empty for an empty cell."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            seconds = round(value.total_seconds())
            return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)


def _write(
    sheet: "CalamineSheet", file: "SourceFile", where: str, copy: Path
) -> tuple[list[str], list[bool]]:
    """Write the rows of a sheet; return the column names, and whether each column has a value."""
    layout = file.dialect.excel
    lines = islice(lines_of(sheet), layout.skip_lines, None)
    header = list(islice((line for line in lines if any(map(_is_value, line[1]))), layout.header_lines))
    if len(header) < layout.header_lines:
        raise DataError(
            f"{where} has no header below line {layout.skip_lines}",
            hint="write the column names into the first line, or correct excel.skip_lines",
        )
    names = header_names(header, sheet)
    errors = _errors(file, sheet.name, where, header[0][0])
    nulls, marks = set(layout.nulls) | {""}, dict(layout.decimals)
    decimals = [marks.get(name, file.dialect.decimal) for name in names]
    filled = [False] * len(names)
    schema = pa.schema([(str(number), pa.string()) for number in range(len(names))])
    first = header[-1][0] + 1
    rows = (
        line
        for line in lines_of(sheet)
        if line[0] >= first and (any(map(_is_value, line[1])) or line[0] in errors)
    )
    with pq.ParquetWriter(copy, schema, compression="zstd") as writer:
        while chunk := list(islice(rows, _ROWS)):
            for number, cells in chunk:
                for column, error in errors.get(number, {}).items():
                    cells[column] = error
            columns = []
            for number, values in enumerate(zip(*(cells for _, cells in chunk), strict=True)):
                texts = [_spelled(value, decimals[number]) for value in values]
                known = [None if text in nulls else text for text in texts]
                filled[number] = filled[number] or any(text is not None for text in known)
                columns.append(pa.array(known, pa.string()))
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return names, filled


def _is_value(cell: Any) -> bool:
    return not isinstance(cell, str) or cell != ""


def _spelled(value: Any, decimal: str) -> str:
    """The text of a value; a number has the decimal mark of the column's numbers in text."""
    text = as_text(value)
    return text.replace(".", decimal) if decimal != "." and type(value) is float else text


def _errors(file: "SourceFile", sheet: str, where: str, first: int) -> dict[int, dict[int, str]]:
    """The errors of a sheet from a line on, by line and column."""
    errors: dict[int, dict[int, str]] = {}
    for cell in empty_cells(file.path, sheet):
        if cell.row < first:
            continue
        if cell.error is None:
            raise DataError(
                f"{where}, cell {column_letters(cell.column)}{cell.row + 1} has a formula without a computed "
                "value",
                hint="open the file in Excel or LibreOffice and save it, or write values instead of "
                f"formulas. {TABLE_UNCHANGED}",
            )
        errors.setdefault(cell.row, {})[cell.column] = cell.error
    return errors


def _excel_error(path: Path, subject: str, error: Exception) -> DataError:
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start:
        problem, hint = "is empty and not an Excel file", "write the file again"
    elif start == _OLD_EXCEL:
        problem = "is protected by a password, or in the format of Excel 97"
        hint = "save it as .xlsx without a password"
    elif not start.startswith(b"PK"):
        problem, hint = f"is not an Excel file: it begins with {start!r}", "correct the suffix"
    else:
        reason = str(error).strip().splitlines()[0]
        problem, hint = f"is a damaged Excel file: {reason}", "write the file again"
    return DataError(f"{subject}: {path} {problem}", hint=f"{hint}. {TABLE_UNCHANGED}")
