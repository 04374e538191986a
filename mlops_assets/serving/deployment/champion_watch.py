"""Looks for moves of the champion: each second for a sign of one, and then at ledger and registry."""

import logging
from pathlib import Path
from threading import Event

from mlops_assets.core.errors import MlopsError, TrackingError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.rollout import Rollout
from mlops_assets.serving.deployment.versions import VersionFolders
from mlops_assets.serving.file_signs import file_sign, ledger_sign
from mlops_assets.stores.tracking.locations import SQLITE

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 5.0


class ChampionWatch:
    """The watch of one project.

    Parameters
    ----------
    folders
        Resolves the champion, and copies its files.
    rollout
        Receives versions and problems.
    """

    def __init__(
        self, config: ServingConfig, folders: VersionFolders, rollout: Rollout, project: str
    ) -> None:
        self._config, self._folders, self._rollout, self._project = config, folders, rollout, project
        self._database = _database(config.tracking_uri)
        self._signs: object = None
        self._alias: tuple[object, int | None] = (None, None)

    def run(self, stop: Event) -> None:
        """Look for moves until the event is set."""
        wait = _POLL_SECONDS
        while not stop.wait(wait):
            wait = _POLL_SECONDS if self.look() else _RETRY_SECONDS

    def look(self) -> bool:
        """Look once, and propose another champion; return whether ledger and registry could be read."""
        try:
            signs = self._read_signs()
            if signs != self._signs or self._rollout.is_retry_due(self._project):
                self._propose()
            self._rollout.check_succeeded(self._project)
        except MlopsError as error:
            self._rollout.check_failed(self._project, error)
            return False
        except Exception as error:  # of MLflow, Delta or the disk: the watch goes on, and the version answers
            _LOG.exception("%s: ledger and registry could not be compared", self._project)
            problem = f"{self._project}: ledger and registry can't be compared: {type(error).__name__}"
            self._rollout.check_failed(
                self._project, TrackingError(problem, hint="see the log of mlops serve")
            )
            return False
        self._signs = signs
        return True

    def _propose(self) -> None:
        champion = self._folders.recorded_champion(self._project)
        if champion is None:
            if not self._rollout.serves(self._project, None):
                self._rollout.propose(self._project, None)
            return
        deployed = self._rollout.project(self._project).deployment.champion
        if self._rollout.serves(self._project, champion.version, champion.facts["model_digest"]):
            if deployed is not None:  # a decision may have changed its card
                self._folders.describe(deployed, champion)
            return
        if deployed is not None and deployed.version == champion.version:
            self._rollout.keep(self._project)
            return
        try:
            target = self._folders.fetch(champion)
        except MlopsError as error:
            self._rollout.not_fetched(self._project, champion.version, error)
            return
        self._rollout.propose(self._project, target)

    def _read_signs(self) -> object:
        """What changes whenever the champion moves: the newest entry of the ledger, and the alias.

        The alias of a database file is read only after the file has changed.
        """
        database = [file_sign(file) for file in self._database]
        if not database or database != self._alias[0]:
            found = self._folders.tracking.registry.champion(self._project)
            self._alias = (database, None if found is None else found.version)
        return ledger_sign(self._config.warehouse, self._project), self._alias[1]


def _database(tracking_uri: str) -> list[Path]:
    """The files of a SQLite database; none for a server."""
    if not tracking_uri.startswith(SQLITE):
        return []
    path = tracking_uri.removeprefix(SQLITE)
    return [Path(path), Path(f"{path}-wal")]
