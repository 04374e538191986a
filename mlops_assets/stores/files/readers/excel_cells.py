"""Cells of an Excel sheet that have no value: errors such as #N/A, and formulas that were never computed.

The reader of the values returns both as empty, so they are found in the XML of the sheet.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from zipfile import ZipFile

_CHUNK = 1 << 22
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*)(?<!/)>(.*?)</(?:\w+:)?c>", re.DOTALL)
"""A cell with content: its attributes and its content."""
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Z]+)([0-9]+)["']""")
_TYPE = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>/]*>([^<]*)<")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_MARKS = (b't="e"', b"t='e'", b"<f", b":f")
"""One of them is in the XML of each cell that is looked for; a chunk without any is skipped."""


class EmptyCell(NamedTuple):
    """A cell whose value the reader does not return; row and column are counted from 0.

    `error` is its text, such as #N/A; None for a formula without a computed value.
    """

    row: int
    column: int
    error: str | None


def empty_cells(path: Path, sheet: str) -> Iterator[EmptyCell]:
    """The cells of a sheet with an error or a formula without a computed value."""
    with ZipFile(path) as archive, archive.open(_part(archive, sheet)) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            text = rest + chunk
            end = text.rfind(b"</row>") + 1 or text.rfind(b":row>") + 1
            if any(mark in text for mark in _MARKS):
                yield from _found(text[:end])
            rest = text[end:]


def _found(xml: bytes) -> Iterator[EmptyCell]:
    for cell in _CELL.finditer(xml):
        attributes, content = cell.groups()
        kind = _TYPE.search(attributes)
        is_error = kind is not None and kind[1] == b"e"
        is_text = kind is not None and kind[1] == b"str"  # the text of a formula may be empty
        place = _REFERENCE.search(attributes)
        if place is None or is_text or not (is_error or _FORMULA.search(content)):
            continue
        value = _VALUE.search(content)
        text = value[1].decode() if value else ""
        if is_error or not text:
            yield EmptyCell(int(place[2]) - 1, column_number(place[1].decode()), text if is_error else None)


def column_number(letters: str) -> int:
    """The number of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """The letters of a column, such as A or AA, for its number from 0."""
    letters, rest = "", number + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _part(archive: ZipFile, sheet: str) -> str:
    """The file of a sheet in the archive."""
    workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    targets = {
        each.attrib["Id"]: each.attrib["Target"]
        for each in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for element in workbook.iter():
        if element.tag.rpartition("}")[2] == "sheet" and element.attrib["name"] == sheet:
            [link] = [value for key, value in element.attrib.items() if key.endswith("}id")]
            target = targets[link]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(sheet)
