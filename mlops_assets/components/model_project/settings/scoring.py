"""Settings of the rows that a project without partitions predicts."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.components.model_project.settings.tables import SourceSettings, TableSettings


class ScoringSettings(Settings):
    """Rows without a target, which the champion predicts into the table `predictions`."""

    source: str | SourceSettings = Field(
        description="Source of the rows, as `source` of a table: files, a URL, a query or an asset. The rows "
        "are like those of the table, files in the same format; the target is not required."
    )
    columns: list[str] = Field(
        default_factory=list,
        description="Columns to keep in the predictions, beside `row_id` and the key of the table.",
    )
    max_rejected_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Maximum share of rows that may violate the contract; by default that of the table.",
    )

    def as_table(self, table: TableSettings) -> TableSettings:
        """The settings of a table of these rows, given those of the table that models are trained on."""
        own = {"source": self.source, "max_rejected_share": self.max_rejected_share}
        given = {name: value for name, value in own.items() if value is not None}
        return table.model_copy(update=given)
