"""Excel files for tests."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import openpyxl
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900


def workbook(
    *sheets: Sequence[Sequence[Any]],
    names: Sequence[str] = ("one", "two", "three"),
    hidden: Sequence[str] = (),
    merged: Sequence[str] = (),
    mac: bool = False,
) -> bytes:
    """The bytes of a workbook.

    Parameters
    ----------
    sheets
        The rows of each sheet; a text that begins with `=` is a formula without a computed value.
    merged
        Merged ranges of the first sheet, such as `B1:C1`.
    mac
        Whether days are counted from 1904 instead of 1900.
    """
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
    book.remove(book.active)
    for name, rows in zip(names, sheets, strict=False):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    for cells in merged:
        book[names[0]].merge_cells(cells)
    content = BytesIO()
    book.save(content)
    return content.getvalue()
