"""Dialects: how a table's CSV files are written, where they are not written as usual."""

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_MARKS = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPELLING = {"decimal", "thousands"}


@dataclass(frozen=True)
class Dialect:
    """How CSV files are written.

    Attributes
    ----------
    encoding
        As Python calls it; a byte order mark at the start of a file says more.
    quote
        What surrounds a field that holds delimiters or line ends, doubled inside of it; empty for nothing.
    nulls
        Texts that mean that there is no value, beside the empty field.
    skip_lines
        Lines before the header.
    decimal, thousands
        How numbers are spelled: it changes nothing in how rows are read, only what their texts are worth.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    nulls: tuple[str, ...] = ()
    skip_lines: int = 0
    decimal: str = "."
    thousands: str = ""

    @classmethod
    def of(cls, declared: Mapping[str, Any] | None) -> "Dialect":
        """The dialect that `declared` wrote."""
        found = dict(declared or {})
        return cls(**{**found, "nulls": tuple(found.get("nulls", ()))})

    def declared(self) -> dict[str, Any]:
        """What differs from the usual, as JSON holds it; nothing for most tables."""
        usual = asdict(USUAL)
        found = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return found | ({"nulls": list(self.nulls)} if self.nulls else {})

    def reading(self) -> dict[str, Any]:
        """What of it changes the rows that are read."""
        return {name: value for name, value in self.declared().items() if name not in _SPELLING}

    @property
    def has_marks(self) -> bool:
        """Whether numbers are spelled in a way that only their texts have."""
        return bool(self.declared().keys() & _SPELLING)

    def csv_options(self) -> dict[str, Any]:
        """The same for Python's `csv.reader`, which takes no liberties either."""
        import csv

        quoting: dict[str, Any] = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return {"delimiter": self.delimiter, "strict": True, **quoting}


USUAL = Dialect()


def is_utf8(encoding: str) -> bool:
    """Whether it is what DuckDB reads without ado."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def marked_encoding(start: bytes) -> str | None:
    """The encoding that a byte order mark tells; None without one."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def unmarked_encoding(start: bytes) -> str | None:
    """UTF-16 that lacks its byte order mark, by the zeros in its delimiters, digits and letters."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if max(even, odd) * 8 < len(start):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
