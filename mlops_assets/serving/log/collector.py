"""The collector: it commits the spool files of all workers to the table, in the supervisor."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.log.counts import LogCounts
from mlops_assets.serving.log.spool_commits import collect_spool, identity_types
from mlops_assets.stores.prediction_log.log_table import LogTable
from mlops_assets.stores.prediction_log.spool import Spool
from mlops_assets.stores.prediction_log.status import LogStatus

_LOG = logging.getLogger(__name__)
_UPKEEP = timedelta(minutes=10)


@dataclass
class _State:
    committed: int = 0
    upkeep_at: datetime | None = None
    types: Mapping[str, str] | None = None
    error: str = ""


class LogCollector:
    """Commits the logged rows of a service.

    Parameters
    ----------
    run
        The run folder, where workers leave their counts.
    on_status
        Called with the status of each project after a collection.
    """

    def __init__(
        self,
        config: ServingConfig,
        run: Path,
        on_status: Callable[[str, LogStatus], None] = lambda _project, _status: None,
    ) -> None:
        self._config, self._run, self._on_status = config, run, on_status
        self._states = {
            project.name: _State()
            for project in config.projects
            if project.settings.get("log", {}).get("enabled")
        }

    def collect(self, now: datetime | None = None) -> int:
        """Commit what is in the spool of each project; return the number of rows.

        A project whose rows can't be committed keeps them in its spool, and is tried again.
        """
        at, counts = now or datetime.now(UTC), LogCounts.read(self._run)
        return sum(
            self._collect_project(project, counts.get(project.name, LogCounts()), at)
            for project in self._config.projects
            if project.name in self._states
        )

    def _collect_project(self, project: ServedProject, counts: LogCounts, now: datetime) -> int:
        warehouse, state = Path(self._config.warehouse), self._states[project.name]
        table, spool, rows = LogTable(warehouse, project.name), Spool(warehouse, project.name), 0
        try:
            if state.types is None:
                state.types = identity_types(warehouse, project.name, project.logged_entity or project.entity)
            rows = collect_spool(table, spool, project.name, state.types)
            if state.upkeep_at is None or now - state.upkeep_at >= _UPKEEP:
                self._keep_up(table, project.settings["log"]["retention_days"], now)
                state.upkeep_at = now
            state.error = ""
        except MlopsError as error:
            if error.message != state.error:
                _LOG.error("%s: %s", project.name, error)
            state.error = error.message
        state.committed += rows
        self._report(project, state, counts, spool, now)
        return rows

    @staticmethod
    def _keep_up(table: LogTable, retention_days: int, now: datetime) -> None:
        with table.lock():
            table.compact(now)
            table.expire(now, retention_days)

    def _report(
        self, project: ServedProject, state: _State, counts: LogCounts, spool: Spool, now: datetime
    ) -> None:
        waiting = spool.size()
        status = LogStatus(now, state.committed, counts.dropped, counts.failed, waiting, state.error)
        self._on_status(project.name, status)
        try:
            status.write(Path(self._config.state), project.name, self._run.name)
        except OSError as error:
            _LOG.error("%s: the status of the prediction log can't be written: %s", project.name, error)
