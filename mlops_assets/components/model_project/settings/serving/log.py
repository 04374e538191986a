"""Settings of the log of predictions that the HTTP service gives."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class ServingLogSettings(Settings):
    """What the service logs of each predicted row, and how much of the machine it may use for it."""

    enabled: bool = Field(
        default=False,
        description="Log predicted rows to the table `prediction_log`, which live monitoring reads.",
    )
    sample: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of the requests that are logged with all of their rows, chosen by their ID.",
    )
    sensitive: Literal["drop", "hash"] = Field(
        default="drop",
        description="Sensitive columns: `drop` leaves them out, `hash` logs HMAC-SHA256 digests with the "
        "secret key of row IDs.",
    )
    retention_days: int = Field(
        default=90, ge=1, description="Days after which logged rows are removed, in whole days (UTC)."
    )
    max_memory_mb: int = Field(
        default=64,
        ge=1,
        description="Memory for rows that a process has not written yet. More rows are dropped and counted.",
    )
    max_spool_mb: int = Field(
        default=1_024,
        ge=1,
        description="Disk space for rows that are not in the table yet. More rows are dropped and counted.",
    )
