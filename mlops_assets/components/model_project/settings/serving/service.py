"""Settings of the HTTP service of a project."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.components.model_project.settings.serving.limits import ServingLimitSettings


class ServingSettings(Settings):
    """How `mlops serve` answers requests for the project."""

    limits: ServingLimitSettings = Field(
        default=ServingLimitSettings(), description="Limits of one request; a request above them is refused."
    )
