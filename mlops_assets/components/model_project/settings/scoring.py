"""Settings of the rows that a project without partitions predicts."""

from typing import Any

from pydantic import Field, field_validator

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.components.model_project.settings.file_formats import (
    ColumnFormats,
    CsvSettings,
    ExcelSettings,
    NumberFormatSettings,
    require_valid_formats,
)
from mlops_assets.components.model_project.settings.tables import SourceSettings, TableSettings
from mlops_assets.core.periods import Cadence, Periods


class ScoringPartitionSettings(Settings):
    """Partitions of the rows to predict, by their arrival."""

    cadence: Cadence = Field(
        description="Length of a partition: `daily`, `weekdays` (Monday to Friday; rows of a weekend belong "
        "to the Friday), `weekly` (from Monday) or `monthly`, in UTC. Rows of the current day, week or month "
        "are predicted as they arrive."
    )
    start: str = Field(
        description="First partition: `2025-01`, or for days and weeks `'2025-01-31'`. Files that are dated "
        "before it are left out."
    )
    end: str | None = Field(
        default=None, description="Last partition; by default partitions continue indefinitely."
    )


class ScoringSettings(Settings):
    """Rows without a target, which the champion predicts into the table `predictions`."""

    source: str | SourceSettings = Field(
        description="Source of the rows, as `source` of a table: files, a URL, a query or an asset. The rows "
        "are like those of the table; the target is not required."
    )
    partitions: ScoringPartitionSettings | None = Field(
        default=None,
        description="Partitions by arrival: a new file is predicted alone, and a corrected one again. The "
        "date in the name of a file or its folder determines the partition, or the column `arrival`; an "
        "asset is read partition by partition, each after its end. By default all rows of the source are one "
        "table, which is predicted as a whole.",
    )
    arrival: str | None = Field(
        default=None,
        description="With `partitions`: column with the timestamp at which the row arrived, for files or "
        "queries that hold rows of many partitions. A row without it is quarantined. It need not be in "
        "`schema.py`.",
    )
    csv: CsvSettings | None = Field(
        default=None, description="CSV format of the files; by default that of the table."
    )
    excel: ExcelSettings | None = Field(
        default=None, description="Layout of Excel files; by default that of the table."
    )
    formats: dict[str, str | NumberFormatSettings] = Field(
        default_factory=dict,
        description="How the texts of a column are read, where that differs from `formats` of the table.",
    )
    columns: list[str] = Field(
        default_factory=list,
        description="Columns to keep in the predictions, beside `row_id` and the key of the table.",
    )
    max_rejected_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Maximum share of rows that may violate the contract; by default that of the table. With "
        "`partitions`, of the rows of each partition.",
    )

    @field_validator("formats")
    @classmethod
    def _require_valid_formats(cls, formats: ColumnFormats) -> ColumnFormats:
        return require_valid_formats(formats)

    def as_table(self, table: TableSettings) -> TableSettings:
        """The settings of a table of these rows, given those of the table that models are trained on."""
        own: dict[str, Any] = {
            "source": self.source,
            "arrival": self.arrival,
            "csv": self.csv,
            "excel": self.excel,
            "formats": {**table.formats, **self.formats},
            "max_rejected_share": self.max_rejected_share,
        }
        given = {name: value for name, value in own.items() if value is not None}
        return table.model_copy(update=given)

    @property
    def periods(self) -> Periods | None:
        """The periods by which the rows arrive; None if they are one table.

        Raises
        ------
        ProjectError
            When start or end is not a date of the cadence.
        """
        declared = self.partitions
        if declared is None:
            return None
        # Dagster would request the current partition of an asset whose own partition does not exist yet.
        follows_asset = isinstance(self.source, SourceSettings) and self.source.asset is not None
        return Periods.of(declared.cadence, declared.start, declared.end, by_batch=not follows_asset)
