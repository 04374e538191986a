"""Configurations of services for tests that load no model."""

from mlops_assets.components.model_project.settings.serving.service import ServingSettings
from mlops_assets.serving.config import ServedProject, ServingConfig


def config_of(*projects: str, **limits: float) -> ServingConfig:
    """Return the configuration of projects without files, with limits of requests."""
    settings = ServingSettings.model_validate({"limits": limits}).model_dump(mode="json")
    return ServingConfig(
        tuple(ServedProject(name, "", None, settings=settings) for name in projects), "", "", None, ""
    )
