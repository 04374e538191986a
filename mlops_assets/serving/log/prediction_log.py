"""The prediction log of a worker: adding a request takes microseconds; a thread writes the spool."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

import pyarrow as pa

from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.log.counts import LogCounts
from mlops_assets.serving.log.entries import Answers, Entry, LoggedColumns, Rows
from mlops_assets.stores.prediction_log.columns import CHAMPION
from mlops_assets.stores.prediction_log.spool import Spool, new_writer
from mlops_assets.stores.system.row_id_key import row_id_key

_LOG = logging.getLogger(__name__)
_SECONDS = 1.0
"""How often the spool is written: a worker that is killed loses what it logged since."""
_MANY_ROWS = 20_000
"""So many rows are written without a wait."""
_VALUE_BYTES = 100
"""Estimated memory of a value in a row that was read from JSON."""
_QUIET_SECONDS = 60.0


class _Pending(NamedTuple):
    model: ServedModel
    entry: Entry
    rows: int
    bytes: int


@dataclass
class _ProjectLog:
    """What waits in the memory of a worker for the spool of one project."""

    project: ServedProject
    spool: Spool
    hashes: bool
    sample: int
    max_bytes: int
    max_spool_bytes: int
    warehouse: Path
    writer: str = field(default_factory=new_writer)
    number: int = 0
    pending: "deque[_Pending]" = field(default_factory=deque)
    tables: "deque[tuple[pa.Table, int]]" = field(default_factory=deque)
    held_bytes: int = 0
    counts: LogCounts = field(default_factory=LogCounts)
    columns: dict[int, LoggedColumns] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


class PredictionLog:
    """The prediction log of a worker process.

    Requests never wait for it and never fail because of it: what does not fit into memory is dropped and
    counted. Only projects with `serving.log.enabled` are logged.

    Parameters
    ----------
    run
        The run folder, for the counts of the worker.
    """

    def __init__(self, config: ServingConfig, run: Path) -> None:
        self._projects = {
            project.name: _of(config, project)
            for project in config.projects
            if project.settings.get("log", {}).get("enabled")
        }
        self._run = run
        self._stop, self._wake = Event(), Event()
        self._thread: Thread | None = None
        self._reported = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write the spool in a thread while the application runs, and all that is left at its end."""
        if not self._projects:
            yield
            return
        self.start()
        yield
        await asyncio.to_thread(self.close)

    def start(self) -> None:
        """Start the thread that writes the spool; `close` ends it."""
        self._thread = Thread(target=self._write_always, name="prediction-log", daemon=True)
        self._thread.start()

    def add(
        self,
        project: str,
        model: ServedModel,
        *,
        request_id: str,
        rows: Rows,
        outputs: Answers,
        role: str = CHAMPION,
        route: str = "predict",
        at: float | None = None,
        latency_ms: float | None = None,
        as_of: float | None = None,
    ) -> None:
        """Log the rows of a request that were answered; the arguments must not be changed afterwards.

        Parameters
        ----------
        model
            The version that answered.
        rows, outputs
            See `Rows` and `Answers`.
        """
        found = self._projects.get(project)
        if found is None or not _is_sampled(request_id, found.sample):
            return
        count, size = _size(rows, len(model.contracts.contract.columns))
        entry = Entry(
            request_id, time.time() if at is None else at, role, route, latency_ms, as_of, rows, outputs
        )
        with found.lock:
            if found.held_bytes + size > found.max_bytes:
                found.counts.dropped += count
                return
            found.held_bytes += size
            found.pending.append(_Pending(model, entry, count, size))
        if found.held_bytes * 2 > found.max_bytes or len(found.pending) > _MANY_ROWS:
            self._wake.set()

    def counts(self) -> dict[str, LogCounts]:
        """What was logged and dropped, by project."""
        return {name: found.counts for name, found in self._projects.items()}

    def flush(self) -> None:
        """Write everything to the spool that fits there."""
        for found in self._projects.values():
            self._write(found)

    def close(self) -> None:
        """Write what was added, and stop."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()
        for found in self._projects.values():
            with found.lock:
                found.counts.dropped += sum(table.num_rows for table, _ in found.tables)
                found.tables.clear()
        LogCounts.write(self._run, self.counts())

    def _write_always(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_SECONDS)
            self._wake.clear()
            self.flush()
            LogCounts.write(self._run, self.counts())

    def _write(self, found: _ProjectLog) -> None:
        """Convert what is pending, and write it; what can't be written stays in memory."""
        by_version: dict[int, list[_Pending]] = {}
        with found.lock:
            taken = list(found.pending)
            found.pending.clear()
        for pending in taken:
            by_version.setdefault(pending.model.version, []).append(pending)
        for several in by_version.values():
            self._convert(found, several)
        self._spool(found)

    def _convert(self, found: _ProjectLog, pending: "list[_Pending]") -> None:
        model, entries = pending[0].model, [one.entry for one in pending]
        count, size = sum(one.rows for one in pending), sum(one.bytes for one in pending)
        try:
            table = self._columns(found, model).table(model.version, entries, self._key(found))
        except Exception as error:  # a request was answered, whatever its rows are
            found.counts.failed += count
            self._report("%s: %d rows can't be logged: %s", found.project.name, count, type(error).__name__)
            table = None
        with found.lock:
            found.held_bytes += (0 if table is None else table.nbytes) - size
            if table is not None:
                found.tables.append((table, table.nbytes))

    def _spool(self, found: _ProjectLog) -> None:
        if not found.tables:
            return
        try:
            room = found.max_spool_bytes - found.spool.size()
            waiting = list(found.tables)
            fitting = []
            for table, size in waiting:
                if (room := room - size) < 0:
                    break
                fitting.append(table)
            if not fitting:
                return
            rows = pa.concat_tables(fitting, promote_options="default")
            found.spool.write(found.writer, found.number + 1, rows)
        except OSError as error:
            self._report("%s: the spool can't be written: %s", found.project.name, error.strerror)
            return
        found.number += 1
        with found.lock:
            for _ in fitting:
                found.held_bytes -= found.tables.popleft()[1]
            found.counts.logged += rows.num_rows

    def _columns(self, found: _ProjectLog, model: ServedModel) -> LoggedColumns:
        if model.version not in found.columns:
            project = found.project
            found.columns[model.version] = LoggedColumns.of(
                model.contracts.contract,
                model.model.spec,
                project.logged_entity or project.entity,
                frozenset(project.sensitive),
                hashes=found.hashes,
            )
        return found.columns[model.version]

    def _key(self, found: _ProjectLog) -> bytes:
        return row_id_key(found.warehouse) if found.hashes else b""

    def _report(self, message: str, *values: Any) -> None:
        """Log a problem, at most once a minute; the counts have the rest."""
        if time.monotonic() - self._reported > _QUIET_SECONDS or not self._reported:
            self._reported = time.monotonic()
            _LOG.warning(message, *values)


def _of(config: ServingConfig, project: ServedProject) -> _ProjectLog:
    log, warehouse = project.settings["log"], Path(config.warehouse)
    return _ProjectLog(
        project,
        Spool(warehouse, project.name),
        hashes=log["sensitive"] == "hash",
        sample=round(log["sample"] * 2**32),
        max_bytes=log["max_memory_mb"] * 1024**2,
        max_spool_bytes=log["max_spool_mb"] * 1024**2,
        warehouse=warehouse,
    )


def _is_sampled(request_id: str, sample: int) -> bool:
    """Whether a request is logged: its ID decides, so that a shadow is logged with its champion."""
    if sample >= 2**32:
        return True
    return int.from_bytes(blake2b(request_id.encode(), digest_size=4).digest(), "big") < sample


def _size(rows: Rows, columns: int) -> tuple[int, int]:
    """The number of rows, and an estimate of their memory in bytes."""
    if isinstance(rows, pa.RecordBatch | pa.Table):
        return rows.num_rows, rows.nbytes
    count = len(rows) if isinstance(rows, Sequence) else rows.count
    return count, count * columns * _VALUE_BYTES
