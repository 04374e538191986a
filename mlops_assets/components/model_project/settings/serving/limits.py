"""Limits of the HTTP service."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class ServingLimitSettings(Settings):
    """Limits of one request; a request above them is refused."""

    rows: int = Field(default=10_000, ge=1, description="Maximum number of rows of one request.")
    bytes: int = Field(default=20_000_000, ge=1_000, description="Maximum size of the body of one request.")
    seconds: float = Field(
        default=20, gt=0, le=600, description="Maximum time from the headers of a request to its answer."
    )
