"""How the files of a table are read: the dialect of CSV files, and the layout of Excel sheets."""

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_BYTE_ORDER_MARKS = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NUMBER_FORMAT = {"decimal", "thousands"}
_NOT_PARSING = _NUMBER_FORMAT | {"quotes_values"}


@dataclass(frozen=True)
class SheetLayout:
    """The layout of Excel files.

    Attributes
    ----------
    sheet
        The name of the sheet; by default the only visible one with values.
    skip_lines
        The number of lines before the header.
    header_lines
        The number of lines of the header, whose texts are joined.
    nulls
        Texts that are read as null, in addition to the empty cell.
    decimals
        Columns whose numbers in text have another decimal mark than those of the table, and the mark.
    """

    sheet: str = ""
    skip_lines: int = 0
    header_lines: int = 1
    nulls: tuple[str, ...] = ()
    decimals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Dialect:
    """The dialect of CSV files, and the layout of Excel files.

    Attributes
    ----------
    delimiter
        The character between two fields.
    encoding
        The name of a Python codec. A byte order mark at the start of a file takes precedence.
    quote
        The character around fields that contain delimiters or line ends; it is doubled inside such a field.
        Empty if fields are never quoted.
    nulls
        Texts that are read as null, in addition to the empty field.
    skip_lines
        The number of lines before the header.
    decimal, thousands
        The number format. It does not affect how rows are read, only how the contract casts their texts.
    offsets_as_text
        Whether the zoned times of Parquet files are texts with an offset, so that they remain different from
        times without one in a table that declares the zone of these.
    excel
        The layout of Excel files.
    quotes_values
        Whether errors of a file quote its rows; not for tables with sensitive columns.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    nulls: tuple[str, ...] = ()
    skip_lines: int = 0
    decimal: str = "."
    thousands: str = ""
    offsets_as_text: bool = False
    excel: SheetLayout = SheetLayout()
    quotes_values: bool = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any] | None) -> "Dialect":
        """The dialect of the `csv` and `excel` settings of a table; the default dialect for None."""
        found = dict(settings or {})
        layout = dict(found.get("excel", {}))
        decimals = tuple((name, mark) for name, mark in layout.get("decimals", ()))
        excel = SheetLayout(**{**layout, "nulls": tuple(layout.get("nulls", ())), "decimals": decimals})
        return cls(**{**found, "nulls": tuple(found.get("nulls", ())), "excel": excel})

    def non_defaults(self) -> dict[str, Any]:
        """The settings that differ from the default dialect, as JSON values."""
        found = _changed(asdict(self), asdict(DEFAULT_DIALECT))
        excel = _changed(found.pop("excel", {}), asdict(DEFAULT_DIALECT.excel))
        return found | ({"excel": excel} if excel else {})

    def parsing_options(self) -> dict[str, Any]:
        """The settings that differ from the default and affect which rows are read."""
        return {name: value for name, value in self.non_defaults().items() if name not in _NOT_PARSING}

    @property
    def has_number_marks(self) -> bool:
        """Whether a decimal or a thousands separator other than the default is declared."""
        return bool(self.non_defaults().keys() & _NUMBER_FORMAT)

    def csv_options(self) -> dict[str, Any]:
        """The arguments of Python's `csv.reader` for this dialect, in strict mode."""
        import csv

        quoting: dict[str, Any] = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return {"delimiter": self.delimiter, "strict": True, **quoting}


DEFAULT_DIALECT = Dialect()


def _changed(settings: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the default, as JSON values."""
    return {
        name: [list(each) if isinstance(each, tuple) else each for each in value]
        if isinstance(value, tuple)
        else value
        for name, value in settings.items()
        if value != default[name]
    }


def is_utf8(encoding: str) -> bool:
    """Whether DuckDB reads files of this encoding directly."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def encoding_from_mark(start: bytes) -> str | None:
    """The encoding of a byte order mark; None without one."""
    return next((encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark)), None)


def guess_utf16(start: bytes) -> str | None:
    """The byte order of UTF-16 without a byte order mark; None if it does not look like UTF-16.

    The guess is based on the zero bytes of delimiters, digits and Latin letters.
    """
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if max(even, odd) * 8 < len(start):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
