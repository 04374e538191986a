"""The thread of the supervisor that deploys versions, watches champions and writes the status."""

import logging
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.rollout import Rollout
from mlops_assets.serving.process.run_folder import RunFolder
from mlops_assets.serving.process.status_of_service import ServiceFacts, project_status
from mlops_assets.serving.process.workers import Workers
from mlops_assets.stores.serving_status.status_files import write_status

if TYPE_CHECKING:  # the stores take a second; prometheus_client looks for the run folder
    from mlops_assets.serving.canary.deployed import DeployedChallengers
    from mlops_assets.serving.deployment.versions import VersionFolders
    from mlops_assets.serving.metrics.supervisor_metrics import SupervisorMetrics

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.1
_STATUS_SECONDS = 2.0
_RETRY_SECONDS = 5.0


class Deployer:
    """Deploys the champions of all projects, and every later one.

    Parameters
    ----------
    address
        Where the service listens.
    echo
        Prints a line for the user.
    """

    def __init__(
        self,
        run: RunFolder,
        workers: Workers,
        metrics: "SupervisorMetrics",
        address: str,
        echo: Callable[[str], None],
    ) -> None:
        self._run, self._workers, self._metrics, self._echo = run, workers, metrics, echo
        self._facts = ServiceFacts(run.service, address, socket.gethostname(), os.getpid(), datetime.now(UTC))
        self._stop = Event()

    def run(self, read_config: Callable[[], ServingConfig]) -> None:
        """Deploy until `stop` is called; an error at the start stops the workers."""
        try:
            self._deploy(read_config)
        except Exception as error:  # is raised by the main thread, whatever it is
            self._workers.stop(error)

    def stop(self) -> None:
        """Stop deploying."""
        self._stop.set()

    def _deploy(self, read_config: Callable[[], ServingConfig]) -> None:
        preparation = Thread(target=_import_stores, daemon=True)
        preparation.start()
        config = read_config()
        self._run.write_config(config)
        preparation.join()
        from mlops_assets.serving.deployment.versions import VersionFolders

        folders = VersionFolders(config, self._run.path, self._echo)
        rollout = Rollout(self._run.path, {one.name: folders.champion(one.name) for one in config.projects})
        if not self._wait_until_ready(rollout, config):
            return
        self._workers.mark_ready()
        self._echo(_ready_line(config, rollout, self._facts.address))
        self._watch(config, folders, rollout)

    def _wait_until_ready(self, rollout: Rollout, config: ServingConfig) -> bool:
        """Wait for the first worker; a version that does not load is an error now."""
        while not self._stop.wait(_TICK_SECONDS / 2):
            reports = self._workers.reports
            for project in config.projects:
                champion = rollout.project(project.name).deployment.champion
                for report in reports:
                    if champion is not None and champion.folder in report.failed:
                        failure = report.failed[champion.folder]
                        raise StoreError(failure.message, hint=failure.hint or None)
            if any(report.ready for report in reports):
                return True
        return False

    def _watch(self, config: ServingConfig, folders: "VersionFolders", rollout: Rollout) -> None:
        from mlops_assets.serving.canary.deployed import DeployedChallengers
        from mlops_assets.serving.canary.watch import ChallengeWatch
        from mlops_assets.serving.deployment.champion_watch import ChampionWatch

        challengers = DeployedChallengers(self._run.path)
        watches = [
            watch
            for one in config.projects
            for watch in (
                ChampionWatch(config, folders, rollout, one.name),
                ChallengeWatch(config, folders, challengers, one.name, _LOG.info),
            )
        ]
        threads = [Thread(target=watch.run, args=(self._stop,), daemon=True) for watch in watches]
        for thread in threads:
            thread.start()
        self._report(config, rollout, challengers)
        for thread in threads:  # native code of a store must not run while the interpreter ends
            thread.join()

    def _report(self, config: ServingConfig, rollout: Rollout, challengers: "DeployedChallengers") -> None:
        """Advance the rollout and write the status until `stop` is called."""
        written, pause, reported = 0.0, _TICK_SECONDS, ""
        while not self._stop.wait(pause):
            pause = _TICK_SECONDS
            try:
                rollout.step(self._workers.reports)
                if monotonic() - written > _STATUS_SECONDS:
                    self._write_status(config, rollout, challengers)
                    written, reported = monotonic(), ""
            except (
                MlopsError,
                OSError,
            ) as error:  # such as a full disk: the versions that answer are unchanged
                problem = error.strerror if isinstance(error, OSError) else str(error)
                if problem != reported:  # once, not every few seconds
                    _LOG.error("the state of the service can't be written to %s: %s", config.state, problem)
                reported, pause = problem or "", _RETRY_SECONDS

    def _write_status(
        self, config: ServingConfig, rollout: Rollout, challengers: "DeployedChallengers"
    ) -> None:
        reports, traffic = self._workers.reports, self._metrics.traffic()
        numbers = self._workers.processes_num, self._workers.restarts
        for project in config.projects:
            found = rollout.project(project.name)
            self._metrics.record(project.name, found)
            counts, challenger = traffic.get(project.name), challengers.served(project.name)
            status = project_status(project.name, found, self._facts, reports, *numbers, counts, challenger)
            write_status(Path(config.state), status)
        self._metrics.record_workers(numbers[0], sum(one.ready for one in reports), numbers[1])


def _import_stores() -> None:
    """Import MLflow and the tables while the configuration is read; an error is raised at the next import."""
    try:
        import mlops_assets.serving.deployment.champion_watch  # noqa: F401
    except ImportError:
        _LOG.debug("the stores can't be imported", exc_info=True)


def _ready_line(config: ServingConfig, rollout: Rollout, address: str) -> str:
    champions = [(one.name, rollout.project(one.name).deployment.champion) for one in config.projects]
    served = ", ".join(f"{name} version {found.version}" for name, found in champions if found is not None)
    return f"ready at {address}: {served}; press Ctrl-C to stop"
