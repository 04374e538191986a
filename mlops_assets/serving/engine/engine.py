"""The versions that a worker has loaded, replaced between requests when the deployment changes."""

import logging
from pathlib import Path

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.state import read_deployment
from mlops_assets.serving.engine.served_model import ServedModel

_LOG = logging.getLogger(__name__)


class Engine:
    """The loaded versions of all served projects.

    Parameters
    ----------
    run
        The folder with the deployment.
    """

    def __init__(self, config: ServingConfig, run: Path) -> None:
        self.config, self._run = config, run
        self._models: dict[str, ServedModel] = {}

    @property
    def is_ready(self) -> bool:
        """Whether every project has a loaded version."""
        return all(project.name in self._models for project in self.config.projects)

    def model(self, project: str) -> ServedModel:
        """Return the version of a project that answers.

        Raises
        ------
        ProjectError
            When the project is not served.
        StoreError
            When its version is not loaded yet.
        """
        self.config.project(project)
        if project not in self._models:
            raise StoreError(f"project {project} is not loaded yet", hint="try again in a few seconds")
        return self._models[project]

    def refresh(self) -> None:
        """Load versions that are deployed and not loaded; those that do not load leave the old ones."""
        for name, deployed in read_deployment(self._run).items():
            current = self._models.get(name)
            if current is not None and current.version == deployed.champion.version:
                continue
            try:
                self._models[name] = ServedModel.load(self.config.project(name), deployed.champion)
            except MlopsError as error:
                _LOG.error("%s: version %d is not loaded: %s", name, deployed.champion.version, error)
