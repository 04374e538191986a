"""Settings of tables: source, key, time columns, and the formats of their files and columns."""

import difflib
import re
from dataclasses import replace
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.components.model_project.settings.file_formats import (
    ColumnFormats,
    CsvSettings,
    ExcelSettings,
    NumberFormatSettings,
    require_valid_formats,
)
from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous, TimeText
from mlops_assets.stores.files.csv_dialect import Dialect


class SourceSettings(Settings):
    """A source with options: exactly one of `sql`, `url` and `asset`."""

    sql: str | None = Field(
        default=None,
        description="SELECT statement, or name of a `.sql` file in the project's folder. All values are read "
        "as text; requires `database`.",
    )
    database: str | None = Field(
        default=None,
        description="With `sql`: `sqlite:///data/crm.db`, relative to the project root "
        "(`sqlite:////srv/crm.db` is absolute), or the name of an environment variable that holds a "
        "`postgresql://` URL.",
    )
    url: str | None = Field(
        default=None, description="URL of files, read by fsspec: `s3://bucket/orders/*.parquet`, `gs://…`."
    )
    storage_options: dict[str, Any] = Field(
        default_factory=dict,
        description="With `url`: options of the fsspec file system. Give secrets as `{env: NAME}`, the name "
        "of an environment variable.",
    )
    asset: str | None = Field(
        default=None,
        description="Key of another project's or a custom asset whose table is read, such as "
        "`customer_churn/predictions`.",
    )


class TableSettings(Settings):
    """A table: its source, key and time columns."""

    source: str | SourceSettings = Field(
        description="Source of the rows: path of a file, glob or folder (relative to the project root, or "
        "absolute) or an fsspec URL, of CSV (plain or gzip), Parquet, Excel, JSON or JSON lines files. Or a "
        "mapping: "
        "`sql` with `database`, `url` with `storage_options`, or `asset`."
    )
    source_roots: list[str] = Field(
        default_factory=list,
        description="Folders (relative to the project root, or absolute) and URLs below which a run may read "
        "another source, in addition to the folder of `source`. They restrict the configuration of runs that "
        "Dagster launches, such as those of its launchpad, and not `mlops run --data`.",
    )
    key: list[str] = Field(
        default_factory=list,
        description="Columns that identify a row: unique and never null. Without a key, a row is identified "
        "by all of its columns, and duplicates are allowed.",
    )
    time: str | None = Field(
        default=None,
        description="Event projects: column with the timestamp of the event. A table without it is static: "
        "it has no partitions, and `history` or `valid_from` determines which rows a partition reads.",
    )
    arrival: str | None = Field(
        default=None,
        description="Event projects: column with the timestamp at which the row became known. Required if "
        "one file or query holds many partitions. Without it, the date in the file name determines the "
        "partition.",
    )
    history: Literal["as_of", "newest"] = Field(
        default="as_of",
        description="Event projects, tables without `time`: the version that a partition of features reads. "
        "`as_of`: the newest that had arrived by the end of the partition, or the first one if none had; "
        "the check `static_tables_in_time` warns then. `newest`: the current one, for a fixed lookup whose "
        "changes are corrections; later values reach features of the past.",
    )
    valid_from: str | None = Field(
        default=None,
        description="Event projects, tables without `time` that hold their own history: column with the "
        "timestamp from which a row is valid. A partition reads the rows that were valid before its end.",
    )
    valid_to: str | None = Field(
        default=None,
        description="With `valid_from`: column with the timestamp until which a row is valid. A partition "
        "reads an end that lay ahead as null, because it was not known.",
    )
    csv: CsvSettings = Field(
        default=CsvSettings(), description="CSV format, where it differs from comma-separated UTF-8."
    )
    formats: dict[str, str | NumberFormatSettings] = Field(
        default_factory=dict,
        description="How the texts of a column are read, by column, where they are not ISO times or plain "
        "numbers. Times: directives of strptime such as `%m/%d/%Y %H:%M`, or `epoch_s`, `epoch_ms`, "
        "`epoch_us` or `epoch_ns`. Numbers: a mapping such as `{unit: $, thousands: ','}`. A text in another "
        "format is quarantined.",
    )
    excel: ExcelSettings = Field(
        default=ExcelSettings(), description="Layout of Excel files: sheet and header."
    )
    time_zone: str = Field(
        default=UTC_ZONE,
        description="Zone of times without an offset, such as `Europe/Berlin`: they are converted to UTC. A "
        "`DATE` column stays as written. A time that the clocks skipped is quarantined.",
    )
    ambiguous_times: Ambiguous = Field(
        default="quarantine",
        description="With `time_zone`: what becomes of a time without an offset that occurred twice, because "
        "the clocks were set back: `quarantine`, or the `earlier` or `later` timestamp.",
    )
    sensitive: list[str] = Field(
        default_factory=list,
        description="Columns with confidential values, which stand in tables and files of predictions only, "
        "not in messages, Dagster, MLflow or reports. No features, except `sensitive_features`.",
    )
    max_rejected_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Maximum share of rows that may violate the contract. Above it, the check "
        "`rejected_share` fails and blocks all downstream assets.",
    )

    @field_validator("time_zone")
    @classmethod
    def _require_known_zone(cls, name: str) -> str:
        if name != UTC_ZONE and not is_zone(name):
            similar = difflib.get_close_matches(name, sorted(available_timezones()), n=1)
            raise ValueError(
                f"unknown time zone {name!r}; use a name of the IANA database, such as "
                f"{similar[0] if similar and is_zone(similar[0]) else 'Europe/Berlin'}"
            )
        return name

    @field_validator("source_roots")
    @classmethod
    def _require_folders(cls, roots: list[str]) -> list[str]:
        for root in roots:
            if not root.strip() or re.search(r"[*?\[]|::", root) or ".." in re.split(r"[/\\]", root):
                raise ValueError(
                    f"{root!r} is not a folder or a URL; write it without `*`, `?`, `..` and `::`"
                )
        return roots

    @field_validator("formats")
    @classmethod
    def _require_valid_formats(cls, formats: ColumnFormats) -> ColumnFormats:
        return require_valid_formats(formats)

    @property
    def dialect(self) -> Dialect:
        """The dialect in which the files of the table are read."""
        formats = ((name, form.decimal) for name, form in self.column_formats)
        decimals = [(name, mark) for name, mark in formats if mark not in (None, self.csv.decimal)]
        layout = {**self.excel.model_dump(), "decimals": decimals}
        read = Dialect.from_settings({**self.csv.model_dump(), "excel": layout})
        return replace(read, offsets_as_text=self.time_zone != UTC_ZONE)

    @property
    def column_formats(self) -> tuple[tuple[str, ColumnFormat], ...]:
        """The formats of single columns, by name."""
        return tuple(
            (name, ColumnFormat.from_settings(found if isinstance(found, str) else found.model_dump()))
            for name, found in sorted(self.formats.items())
        )

    @property
    def mixes_numbers(self) -> bool:
        """Whether the text of a number that arrived as a number would be read in another way."""
        marked = [form.thousands for _, form in self.column_formats if not form.time]
        return self.csv.dialect.has_number_marks or "." in marked

    @property
    def arrival_text(self) -> TimeText:
        """How times of the arrival column are written."""
        declared = self.formats.get(self.arrival or "", "")
        return TimeText(self.time_zone, declared if isinstance(declared, str) else "")

    @property
    def clock(self) -> tuple[str, Ambiguous]:
        """The zone of times without an offset, and what becomes of those that occurred twice."""
        return self.time_zone, self.ambiguous_times


def is_zone(name: str) -> bool:
    """Whether a name is that of a zone by region and place; an abbreviation may mean several zones."""
    if not re.fullmatch(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)+", name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
