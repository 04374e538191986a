"""Settings of the HTTP service of a project."""

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.components.model_project.settings.serving.canary import CanarySettings
from mlops_assets.components.model_project.settings.serving.limits import ServingLimitSettings
from mlops_assets.components.model_project.settings.serving.log import ServingLogSettings
from mlops_assets.components.model_project.settings.serving.online import OnlineSettings


class ServingSettings(Settings):
    """How `mlops serve` answers requests for the project."""

    limits: ServingLimitSettings = Field(
        default=ServingLimitSettings(), description="Limits of one request; a request above them is refused."
    )
    online: OnlineSettings | None = Field(
        default=None,
        description="Event projects: keep the newest features of each entity for requests that send its "
        "columns alone; by default none. `online: {}` keeps them in a file.",
    )
    canary: CanarySettings = Field(
        default=CanarySettings(), description="Guardrails that withdraw a canary from the traffic."
    )
    log: ServingLogSettings = Field(
        default=ServingLogSettings(), description="The log of the predictions that were given."
    )
    observe: bool = Field(
        default=False,
        description="Show the service in Dagster: the asset `endpoint` with served version and traffic, and "
        "the check that the champion is served.",
    )
