"""The challengers of a worker, loaded when the supervisor deploys them and dropped when it ends them."""

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mlops_assets.serving.canary.deployed import (
    DeployedChallenger,
    challenge_folder,
    challengers_file,
    read_challengers,
)
from mlops_assets.serving.canary.problems import report_problem
from mlops_assets.serving.canary.routing import Value, routing_keys, takes_challenger
from mlops_assets.serving.canary.samples import SampleWriter
from mlops_assets.serving.canary.scores import ComparedScore
from mlops_assets.serving.canary.shadow_link import ShadowLink
from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.error_texts import error_message
from mlops_assets.serving.file_signs import FileSign, file_sign

_LOG = logging.getLogger(__name__)
_REFRESH_SECONDS = 0.5


class WorkerChallenge:
    """A challenge as a worker takes part in it.

    Attributes
    ----------
    model
        The challenger of a canary; None of a shadow, which a process of its own scores.
    columns
        The columns that the challenger of a canary reads.
    shadow
        The way to that process; None of a canary.
    """

    def __init__(
        self, project: ServedProject, deployed: DeployedChallenger, run: Path, model: ServedModel | None
    ) -> None:
        self.project, self.deployed, self.model = project.name, deployed, model
        self._entity = project.entity or (project.table.key if project.table else ())
        self.columns = frozenset(model.contracts.contract.names if model else ())
        folder = challenge_folder(run, project.name, deployed.challenge)
        self._samples = SampleWriter(folder, deployed.salt, deployed.window_seconds)
        self.shadow = ShadowLink(folder) if model is None else None

    def keys(self, count: int, value: Value, request_key: str) -> list[str]:
        """The routing key of each row of a request."""
        return routing_keys(self._entity, count, value, request_key)

    def challenged(self, keys: Sequence[str]) -> list[int]:
        """The positions of the rows that the challenger answers, or of a shadow scores."""
        version, share = self.deployed.deployed.version, self.deployed.share
        if len(keys) > 1 and keys.count(keys[0]) == len(keys):
            return [*range(len(keys))] if takes_challenger(self.project, version, keys[0], share) else []
        return [
            place for place, key in enumerate(keys) if takes_challenger(self.project, version, key, share)
        ]

    def record(
        self,
        arm: int,
        score: ComparedScore,
        answers: Iterable[tuple[str, Mapping[str, Any] | None]],
        seconds: float = math.nan,
    ) -> None:
        """Remember the answers of a version for the statistics.

        Parameters
        ----------
        answers
            The key of each row and its answer; None if it failed.
        seconds
            The scoring time of a request with one row.
        """
        for key, outputs in answers:
            number = score.of_answer(outputs)
            self._samples.add(arm, key, failed=outputs is None, score=number, seconds=seconds)

    def flush(self) -> None:
        """Write what was remembered."""
        self._samples.flush()

    async def close(self) -> None:
        """Write what was remembered, and end the connection to the shadow."""
        self.flush()
        if self.shadow is not None:
            await self.shadow.close()


class Challengers:
    """The challenges of all served projects, as a worker takes part in them.

    Parameters
    ----------
    run
        The run folder of the service.
    """

    def __init__(self, config: ServingConfig, run: Path) -> None:
        self._config, self._run = config, run
        self._sign: FileSign | None = None
        self._found: dict[str, WorkerChallenge] = {}
        self._failed: set[tuple[str, int]] = set()

    def get(self, project: str) -> WorkerChallenge | None:
        """The challenge of a project; None without one, or if the challenger does not load."""
        return self._found.get(project)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the deployed challengers while the application runs."""
        task = asyncio.create_task(self._follow())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for challenge in self._found.values():
            await challenge.close()

    async def refresh(self) -> None:
        """Load and drop challengers as they are deployed, and write what was remembered."""
        for challenge in self._found.values():
            challenge.flush()
            if challenge.shadow is not None:
                await challenge.shadow.connect()
        sign = file_sign(challengers_file(self._run))
        if sign == self._sign:
            return
        self._sign, deployed = sign, read_challengers(self._run)
        for name in [*self._found]:
            if self._found[name].deployed != deployed.get(name):
                await self._found.pop(name).close()
        for name, one in deployed.items():
            if name not in self._found and (name, one.challenge) not in self._failed:
                await self._start(self._config.project(name), one)

    async def _start(self, project: ServedProject, deployed: DeployedChallenger) -> None:
        model, version = None, deployed.deployed.version
        if deployed.mode == "canary":
            try:
                model = await asyncio.to_thread(ServedModel.load, project, deployed.deployed)
            except Exception as error:  # whatever a version raises: the champion answers
                problem = f"version {version} does not load and takes no traffic: {error_message(error)}"
                _LOG.error("%s: %s", project.name, problem)
                self._failed.add((project.name, deployed.challenge))
                report_problem(challenge_folder(self._run, project.name, deployed.challenge), problem)
                return
        challenge = WorkerChallenge(project, deployed, self._run, model)
        if challenge.shadow is not None:
            await challenge.shadow.connect()
        self._found[project.name] = challenge
        _LOG.info("%s: version %d challenges the champion in worker %d", project.name, version, os.getpid())

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await self.refresh()
            except OSError as error:  # a full disk: the statistics wait, and requests are answered
                _LOG.error("the statistics of challengers are not written: %s", error.strerror)
