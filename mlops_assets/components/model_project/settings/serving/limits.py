"""Limits of the HTTP service."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings


class ServingLimitSettings(Settings):
    """Limits of one request; a request above them is refused."""

    rows: int = Field(default=10_000, ge=1, description="Maximum number of rows of one request.")
