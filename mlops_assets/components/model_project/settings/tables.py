"""What a project's `defs.yaml` can say of its tables: where their rows come from and how they are written."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.stores.files.csv_dialect import Dialect


class CsvSettings(Settings):
    """How a table's CSV files are written, where not as usual: other programs, other countries."""

    delimiter: str = Field(
        default=",", description="What separates fields, one character such as `;` or `\t` (in quotes)."
    )
    encoding: str = Field(
        default="utf-8",
        description="As Python calls it: `latin-1`, `cp1252`, `utf-16`, … A byte order mark says more.",
    )
    decimal: Literal[".", ","] = Field(default=".", description="What comes before a number's fraction.")
    thousands: str = Field(
        default="", description="What groups a number's digits by three, such as `.`; by default nothing."
    )
    quote: str = Field(
        default='"', description="What surrounds a field that holds delimiters; empty for nothing."
    )
    nulls: list[str] = Field(
        default_factory=list,
        description="Texts that mean that there is no value, such as `NA`; the empty field always does.",
    )
    skip_lines: int = Field(default=0, ge=0, description="How many lines come before the header.")

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding_of_text(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, ValueError) as error:
            raise ValueError("Python knows no such encoding of text") from error
        return encoding

    @model_validator(mode="after")
    def _marks_can_be_told_apart(self) -> Self:
        marks = {"delimiter": self.delimiter, "quote": self.quote, "thousands": self.thousands}
        for name, mark in marks.items():
            if len(mark) != 1 and (mark or name == "delimiter"):
                raise ValueError(f"csv.{name} is {mark!r}, and is one character")
            if mark in ("\n", "\r", "\0") or (name == "thousands" and mark.isdigit()):
                raise ValueError(f"csv.{name} can't be {mark!r}")
        if self.delimiter == self.quote:
            raise ValueError(f"csv.delimiter and csv.quote are both {self.quote!r}")
        if self.decimal == self.thousands:
            raise ValueError(f"csv.decimal and csv.thousands are both {self.decimal!r}")
        return self

    @property
    def dialect(self) -> Dialect:
        """The same as readers take it."""
        return Dialect.of(self.model_dump())


class SourceSettings(Settings):
    """A source that more than a path is said of: one of `sql`, `url` and `asset`."""

    sql: str | None = Field(
        default=None,
        description="A query, or the name of a `.sql` file in the project's folder. Values are text.",
    )
    database: str | None = Field(
        default=None,
        description="Of `sql`: `sqlite:///data/crm.db`, below the project root (`sqlite:////srv/crm.db` is "
        "absolute), or the name of an environment variable that holds a `postgresql://` URL.",
    )
    url: str | None = Field(
        default=None, description="Files that fsspec knows: `s3://bucket/orders/*.parquet`, `gs://...`."
    )
    storage_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Of `url`: what its driver is given. A secret is `{env: NAME}`, the name of an "
        "environment variable.",
    )
    asset: str | None = Field(
        default=None,
        description="Another asset whose table is read, by its key: `customer_churn/predictions`.",
    )


class TableSettings(Settings):
    """A table and where its rows come from."""

    source: str | SourceSettings = Field(
        description="A file, a glob or a folder, below the project root or absolute, or a URL that fsspec "
        "knows: CSV (plain or gzip), Parquet or JSON lines. Or a mapping: `sql` with `database`, `url` with "
        "`storage_options`, or `asset`."
    )
    key: list[str] = Field(
        default_factory=list,
        description="Columns that identify a row: unique and never null. Without a key a row is identified "
        "by all of its columns, and may stand more than once.",
    )
    time: str | None = Field(
        default=None,
        description="Event projects: the column that tells when a row's event happened. A table without it "
        "is static: it has no partitions, and every partition of the features sees all of it.",
    )
    arrival: str | None = Field(
        default=None,
        description="Event projects: the column that tells when a row became known, where one file holds "
        "many partitions. Without it, the date in a file's name says to which partition its rows belong.",
    )
    csv: CsvSettings = Field(
        default=CsvSettings(), description="How its CSV files are written, where not as usual."
    )
    max_rejected_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The share of rows that may break the contract before everything downstream is blocked.",
    )
