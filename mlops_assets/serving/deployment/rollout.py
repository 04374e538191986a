"""Changes of the served versions: a version answers once all workers have loaded it.

A version is proposed, loaded by all workers beside the one that answers, and then replaces it in all of
them. A version that one worker can't load never answers.
"""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.deployment.model_facts import remove_facts
from mlops_assets.serving.deployment.state import DeployedVersion, ProjectDeployment, write_deployment
from mlops_assets.serving.deployment.worker_reports import LoadFailure, WorkerReport
from mlops_assets.stores.serving_status.status import ServingError

_LOG = logging.getLogger(__name__)
_RETRY = timedelta(seconds=60)
_LONGEST_LOAD = timedelta(seconds=120)
_SLOW = LoadFailure(
    f"not all workers have loaded it within {_LONGEST_LOAD.total_seconds():.0f} seconds",
    "see the log of mlops serve",
)


@dataclass(frozen=True)
class ProjectRollout:
    """The served versions of a project.

    Attributes
    ----------
    since
        When the champion of the deployment began to answer, or when it was withdrawn.
    proposed
        When the upcoming version was proposed.
    checked
        When ledger and registry were last read and found to agree.
    changes
        How often another version began to answer.
    failures
        How often a version did not load, and how often the registry or the ledger could not be read.
    errors
        Unsolved problems, by kind.
    """

    deployment: ProjectDeployment
    since: datetime
    proposed: datetime | None = None
    checked: datetime | None = None
    changes: int = 0
    failures: Mapping[str, int] = field(default_factory=lambda: {"load": 0, "check": 0})
    errors: Mapping[str, ServingError] = field(default_factory=dict)

    @property
    def error(self) -> ServingError | None:
        """The most recent unsolved problem."""
        return max(self.errors.values(), key=lambda error: error.since, default=None)

    def failed(self, error: ServingError) -> "ProjectRollout":
        """With one more problem; one that continues keeps its start."""
        before = self.errors.get(error.kind)
        if before is not None and before.version == error.version:
            error = replace(error, since=before.since, count=before.count + 1)
        failures = {**self.failures, error.kind: self.failures[error.kind] + 1}
        return replace(self, errors={**self.errors, error.kind: error}, failures=failures)

    def solved(self, kind: str) -> "ProjectRollout":
        """Without a problem."""
        return replace(self, errors={one: error for one, error in self.errors.items() if one != kind})


class Rollout:
    """The served versions of all projects of a service; its methods may be called by several threads.

    Parameters
    ----------
    run
        The folder that the deployment is written to.
    champions
        The versions to start with.
    """

    def __init__(
        self,
        run: Path,
        champions: Mapping[str, DeployedVersion],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._run, self._clock, self._lock = run, clock, Lock()
        self._left: set[str] = set()
        self._retries: dict[str, datetime] = {}
        now = clock()
        self._projects = {
            name: ProjectRollout(ProjectDeployment(version), since=now, checked=now)
            for name, version in champions.items()
        }
        self._write()

    def project(self, name: str) -> ProjectRollout:
        """The served versions of a project."""
        return self._projects[name]

    def serves(self, name: str, version: int | None, digest: str = "") -> bool:
        """Whether a version answers or is being loaded; for None, whether no version answers."""
        deployed = self._projects[name].deployment
        newest = deployed.upcoming or deployed.champion
        return newest is None if version is None else _same(newest, version, digest)

    def is_retry_due(self, name: str) -> bool:
        """Whether a version that did not load should be tried again."""
        retry = self._retries.get(name)
        return retry is not None and self._clock() >= retry

    def propose(self, name: str, target: DeployedVersion | None) -> None:
        """Let workers load a version, which then answers; with None, the project is left without champion."""
        with self._lock:
            project = self._projects[name]
            champion = project.deployment.champion
            self._retries.pop(name, None)
            self._leave(project.deployment.upcoming)
            now = self._clock()
            if target is None:
                self._leave(champion)
                _LOG.warning("%s has no champion any more: requests are refused", name)
                changed = replace(project, deployment=ProjectDeployment(None), since=now).solved("load")
            elif _same(champion, target.version, target.digest):
                if champion is not None and target.folder != champion.folder:
                    self._leave(target)
                changed = replace(project, deployment=ProjectDeployment(champion)).solved("load")
            else:
                changed = replace(project, deployment=ProjectDeployment(champion, target), proposed=now)
            self._projects[name] = changed
            self._write()

    def keep(self, name: str) -> None:
        """Stay with the version that answers, because the registry names it again."""
        champion = self._projects[name].deployment.champion
        self.propose(name, champion)

    def not_fetched(self, name: str, version: int, error: MlopsError) -> None:
        """Record that a version could not be copied, or that its files do not verify."""
        with self._lock:
            self._fail(name, version, LoadFailure(error.message, error.hint or ""))

    def check_failed(self, name: str, error: MlopsError) -> None:
        """Record that ledger and registry could not be read, or disagree."""
        with self._lock:
            project = self._projects[name]
            found = ServingError("check", error.message, error.hint or "", self._clock())
            if "check" not in project.errors or project.errors["check"].message != found.message:
                _LOG.error("%s: the served version is unchanged: %s", name, error)
            self._projects[name] = project.failed(found)

    def check_succeeded(self, name: str) -> None:
        """Record that ledger and registry agree."""
        with self._lock:
            self._projects[name] = replace(self._projects[name].solved("check"), checked=self._clock())

    def step(self, reports: Sequence[WorkerReport]) -> None:
        """Let versions answer that all workers have loaded, and give up those that one can't load.

        Parameters
        ----------
        reports
            The reports of the workers that are alive.
        """
        with self._lock:
            changed = [name for name in self._projects if self._advance(name, reports)]
            if changed:
                self._write()
        self._remove_unused(reports)

    def _advance(self, name: str, reports: Sequence[WorkerReport]) -> bool:
        project, now = self._projects[name], self._clock()
        upcoming = project.deployment.upcoming
        if upcoming is None:
            return False
        failures = [one.failed[upcoming.folder] for one in reports if upcoming.folder in one.failed]
        ready = [one for one in reports if one.ready]
        if not failures and project.proposed and now - project.proposed > _LONGEST_LOAD:
            failures = [_SLOW]
        if failures:
            self._give_up(name, upcoming, failures[0])
            return True
        if not ready or not all(upcoming.folder in one.loaded for one in ready):
            return False
        self._leave(project.deployment.champion)
        answering = replace(
            project, deployment=ProjectDeployment(upcoming), since=now, changes=project.changes + 1
        )
        self._projects[name] = answering.solved("load")
        _LOG.warning("%s: version %d answers", name, upcoming.version)
        return True

    def _give_up(self, name: str, version: DeployedVersion, failure: LoadFailure) -> None:
        self._leave(version)
        champion = self._projects[name].deployment.champion
        self._projects[name] = replace(self._projects[name], deployment=ProjectDeployment(champion))
        self._fail(name, version.version, failure)

    def _fail(self, name: str, version: int, failure: LoadFailure) -> None:
        now = self._clock()
        self._retries[name] = now + _RETRY
        champion = self._projects[name].deployment.champion
        answers = "no version" if champion is None else f"version {champion.version}"
        message = f"version {version} does not load, and {answers} answers: {failure.message}"
        _LOG.error("%s: %s", name, message)
        error = ServingError("load", message, failure.hint, now, version)
        self._projects[name] = self._projects[name].failed(error)

    def _leave(self, version: DeployedVersion | None) -> None:
        if version is not None:
            self._left.add(version.folder)

    def _remove_unused(self, reports: Sequence[WorkerReport]) -> None:
        """Remove the folders of former versions that no worker has loaded."""
        used = {folder for report in reports for folder in report.loaded}
        for folder in self._left - used:
            shutil.rmtree(folder, ignore_errors=True)
            remove_facts(Path(folder))
            self._left.discard(folder)

    def _write(self) -> None:
        write_deployment(self._run, {name: one.deployment for name, one in self._projects.items()})


def _same(deployed: DeployedVersion | None, version: int, digest: str) -> bool:
    return deployed is not None and (deployed.version, deployed.digest) == (version, digest)
