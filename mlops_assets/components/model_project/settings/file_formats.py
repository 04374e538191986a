"""Settings of the formats of files and columns: CSV, Excel, and numbers in text."""

from typing import Literal, Self

import dagster as dg
from pydantic import ConfigDict, Field, field_validator, model_validator

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.ml.contracts.column_format import time_format_problem
from mlops_assets.stores.files.csv_dialect import Dialect


class CsvSettings(Settings):
    """CSV format of a table's files, where it differs from comma-separated UTF-8."""

    delimiter: str = Field(
        default=",", description='Field delimiter, one character: `;`, or a tab as `"\\t"` in quotes.'
    )
    encoding: str = Field(
        default="utf-8",
        description="Encoding by its Python name, such as `latin-1`, `cp1252` or `utf-16`. A byte order mark "
        "takes precedence.",
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal separator: `.` or `,`.")
    thousands: str = Field(
        default="", description="Thousands separator, one character such as `.`; by default none."
    )
    quote: str = Field(
        default='"', description="Quote character, doubled inside of quoted fields; empty for none."
    )
    nulls: list[str] = Field(
        default_factory=list,
        description="Texts that are read as null, such as `NA`. Empty fields always are.",
    )
    skip_lines: int = Field(default=0, ge=0, description="Number of lines before the header.")

    @field_validator("encoding")
    @classmethod
    def _require_text_encoding(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, ValueError) as error:
            raise ValueError(
                "unknown encoding; use a name of a Python text encoding, such as latin-1"
            ) from error
        return encoding

    @model_validator(mode="after")
    def _require_distinct_marks(self) -> Self:
        marks = {"delimiter": self.delimiter, "quote": self.quote, "thousands": self.thousands}
        for name, mark in marks.items():
            if len(mark) != 1 and (mark or name == "delimiter"):
                raise ValueError(f"csv.{name} is {mark!r}; use one character")
            if mark in ("\n", "\r", "\0") or (name == "thousands" and mark.isdigit()):
                raise ValueError(f"csv.{name} is {mark!r}, which is not allowed")
        if self.delimiter == self.quote:
            raise ValueError(f"csv.delimiter and csv.quote are both {self.quote!r}; use different characters")
        if self.decimal == self.thousands:
            raise ValueError(
                f"csv.decimal and csv.thousands are both {self.decimal!r}; use different characters"
            )
        return self

    @property
    def dialect(self) -> Dialect:
        """The dialect that the CSV reader uses."""
        return Dialect.from_settings(self.model_dump())


class NumberFormatSettings(dg.Model):
    """Format of a column of numbers in text, such as `$1,234.50`, `7 %` or `(12 km)`.

    Not `Settings`: Dagster resolves a mapping of texts or resolvable models as one of models alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str = Field(
        default="",
        description="Text before or after each number: `$`, `%` or `km`. A value without it is quarantined. "
        "7 % is read as 7.",
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description="Decimal separator: `.` or `,`; by default that of the table."
    )
    thousands: str | None = Field(
        default=None, description="Thousands separator, one character; by default that of the table."
    )
    parentheses: bool = Field(default=False, description="Whether a number in parentheses is negative.")

    @model_validator(mode="after")
    def _require_distinct_marks(self) -> Self:
        if any(character.isdigit() for character in self.unit) or self.unit != self.unit.strip():
            raise ValueError(f"unit is {self.unit!r}; write it without digits and without blanks around it")
        if self.thousands is not None and (len(self.thousands) > 1 or self.thousands.isdigit()):
            raise ValueError(f"thousands is {self.thousands!r}; use one character that is no digit")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}; use different characters")
        if not self.model_dump(exclude_defaults=True):
            raise ValueError("declares nothing; set unit, decimal, thousands or parentheses")
        return self


ColumnFormats = dict[str, str | NumberFormatSettings]


def require_valid_formats(formats: ColumnFormats) -> ColumnFormats:
    """The formats of columns; a ValueError for directives that no time can be read with."""
    for name, declared in formats.items():
        if isinstance(declared, str) and (problem := time_format_problem(declared)):
            raise ValueError(f"the format of {name}, {declared!r}, {problem}")
    return formats


class ExcelSettings(Settings):
    """Layout of a table's Excel files, `.xlsx` or `.xlsm`."""

    sheet: str = Field(
        default="", description="Name of the sheet; by default the only visible sheet with values."
    )
    skip_lines: int = Field(default=0, ge=0, description="Number of lines before the header.")
    header_lines: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Number of lines of the header. The texts of a column are joined, and a merged cell "
        "names all of its columns.",
    )
    nulls: list[str] = Field(
        default_factory=list,
        description="Texts that are read as null, such as `NA`, or an error such as `#N/A`. Empty cells "
        "always are.",
    )
