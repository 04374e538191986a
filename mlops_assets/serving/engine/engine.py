"""The versions that a worker has loaded, replaced between requests when the deployment changes."""

import logging
import os
from pathlib import Path

from mlops_assets.core.errors import MlopsError, ModelError, StoreError
from mlops_assets.ml.scoring.compiled.cores import ONE_CORE, Cores
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.deployment.state import DeployedVersion, Deployment, read_deployment
from mlops_assets.serving.deployment.worker_reports import LoadFailure, WorkerReport, write_report
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.engine.warming import warm

_LOG = logging.getLogger(__name__)


class Engine:
    """The loaded versions of all served projects.

    Requests are answered by one thread, and versions are loaded by another one. A version answers from the
    moment at which a reference to it is replaced, so each request sees exactly one.

    Parameters
    ----------
    run
        The folder with the deployment, for the reports of this worker, too.
    cores
        Compute the predictions of requests with many rows.

    Attributes
    ----------
    is_draining
        Whether the service is being stopped.
    """

    def __init__(self, config: ServingConfig, run: Path, cores: Cores = ONE_CORE) -> None:
        self.config, self._run, self._cores = config, run, cores
        self._champions: dict[str, ServedModel] = {}
        self._withdrawn: frozenset[str] = frozenset()
        self._loaded: dict[str, ServedModel] = {}
        self._failed: dict[str, LoadFailure] = {}
        self.is_draining, self._reported = False, WorkerReport(0)

    @property
    def is_ready(self) -> bool:
        """Whether every project has an answer, and the service is not being stopped."""
        return self._has_answers and not self.is_draining

    @property
    def _has_answers(self) -> bool:
        answered = self._champions.keys() | self._withdrawn
        return all(project.name in answered for project in self.config.projects)

    def model(self, project: str) -> ServedModel:
        """Return the version of a project that answers.

        Raises
        ------
        ProjectError
            When the project is not served.
        StoreError
            When its version is not loaded yet, or it has no champion any more.
        """
        if (found := self._champions.get(project)) is not None:
            return found
        self.config.project(project)
        if project in self._withdrawn:
            raise StoreError(
                f"{project} has no champion: its last one was retired",
                hint=f"train another: mlops run {project}; or return to an earlier one: mlops rollback",
            )
        raise StoreError(f"project {project} is not loaded yet", hint="try again in a few seconds")

    def drain(self) -> None:
        """Report that the service is being stopped; requests are still answered."""
        self.is_draining = True

    def refresh(self) -> None:
        """Load deployed versions and replace champions; a version that does not load changes nothing.

        Call it from one thread at a time.
        """
        deployment = read_deployment(self._run)
        wanted = {one.folder for project in deployment.values() for one in project.versions}
        self._failed = {folder: one for folder, one in self._failed.items() if folder in wanted}
        for project in self.config.projects:
            if project.name in deployment:
                for version in deployment[project.name].versions:
                    self._load(project, version)
        self._replace(deployment)
        self._loaded = {folder: model for folder, model in self._loaded.items() if folder in wanted}
        report = WorkerReport(os.getpid(), self._has_answers, frozenset(self._loaded), dict(self._failed))
        if report != self._reported:
            write_report(self._run, report)
            self._reported = report

    def _replace(self, deployment: Deployment) -> None:
        """Let the deployed champions answer that are loaded."""
        for name, deployed in deployment.items():
            champion = self._loaded.get(deployed.champion.folder) if deployed.champion else None
            if champion is not None and self._champions.get(name) is not champion:
                self._champions[name] = champion
                _LOG.info("%s: version %d answers", name, champion.version)
        self._withdrawn = frozenset(name for name, one in deployment.items() if one.champion is None)
        for name in self._withdrawn & self._champions.keys():
            del self._champions[name]

    def _load(self, project: ServedProject, deployed: DeployedVersion) -> None:
        if deployed.folder in self._loaded or deployed.folder in self._failed:
            return
        try:
            model = ServedModel.load(project, deployed, self._cores)
            warm(model)
            self._loaded[deployed.folder] = model
        except Exception as error:  # of an estimator, too: whatever a version raises must not stop the others
            failure = error if isinstance(error, MlopsError) else _unexpected(project, deployed, error)
            self._failed[deployed.folder] = LoadFailure(failure.message, failure.hint or "")
            _LOG.error("%s: version %d is not loaded: %s", project.name, deployed.version, failure)


def _unexpected(project: ServedProject, deployed: DeployedVersion, error: Exception) -> ModelError:
    _LOG.exception("%s: version %d", project.name, deployed.version)
    return ModelError(
        f"{project.name}: version {deployed.version} can't be loaded: {type(error).__name__}",
        hint="see the log of mlops serve",
    )
