"""The watch of the supervisor over a challenge: deploys the challenger, evaluates guardrails, withdraws."""

import logging
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import time
from typing import Any, Protocol

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.canary.bounds import load_distributions
from mlops_assets.serving.canary.deployed import DeployedChallenger, DeployedChallengers, challenge_folder
from mlops_assets.serving.canary.guardrails import Guardrails
from mlops_assets.serving.canary.problems import read_problems
from mlops_assets.serving.canary.samples import SampleReader
from mlops_assets.serving.canary.shadow_link import dropped_rows
from mlops_assets.serving.canary.statistics import ChallengeStatistics, Look, arm_summary
from mlops_assets.serving.canary.withdrawals import Withdrawal, Withdrawals
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.serving.error_texts import error_message
from mlops_assets.serving.file_signs import FileSign, ledger_sign
from mlops_assets.stores.governance.challenge_report import write_report
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.challenger import Challenger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.tracking.registry import RecordedVersion

_LOG = logging.getLogger(__name__)
_POLL_SECONDS, _RETRY_SECONDS = 1.0, 10.0
_HOLDER = "mlops serve"


class Folders(Protocol):
    """Ledgers, and versions as local folders; `VersionFolders`."""

    def ledger(self, project: str) -> ChampionLedger:
        """Ledger and registry of a project."""

    def fetch(self, version: RecordedVersion) -> DeployedVersion:
        """Copy a version into a local folder, and verify the copy."""


@dataclass
class _Current:
    """The challenge that is going on."""

    challenger: Challenger
    statistics: ChallengeStatistics
    reader: SampleReader
    folder: Path
    champion: int | None
    deployed: DeployedChallenger | None = None
    problem: str = ""
    shadow: "subprocess.Popen[bytes] | None" = None
    retry: float = 0.0
    reported: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_withdrawn_by_guardrails(self) -> bool:
        """Whether a breach ends the challenge; of a shadow, which affects no client, it is reported."""
        is_canary = self.challenger.mode == "canary"
        return is_canary or Guardrails.of(self.challenger.guardrails).withdraw_shadow


class ChallengeWatch:
    """The watch over the challenges of one project.

    Parameters
    ----------
    deployed
        The challengers that workers follow.
    on_wait
        Called with a message that names the holder of a lock that is waited for.
    clock
        The time in seconds.
    """

    def __init__(
        self,
        config: ServingConfig,
        folders: Folders,
        deployed: DeployedChallengers,
        project: str,
        on_wait: Callable[[str], None],
        *,
        clock: Callable[[], float] = time,
    ) -> None:
        self._config, self._folders, self._deployed = config, folders, deployed
        self._project, self._on_wait, self._clock = project, on_wait, clock
        self._withdrawals = Withdrawals(config.serving_folder, project)
        self._current: _Current | None = None
        self._sign: FileSign | None = None
        self._salt, self._retry = secrets.token_hex(16), 0.0

    def run(self, stop: Event) -> None:
        """Look until the event is set."""
        wait, problem = _POLL_SECONDS, ""
        while not stop.wait(wait):
            wait = _POLL_SECONDS
            try:
                self.look()
                problem = ""
            except Exception as error:  # of the ledger, the registry or the disk: the next look tries again
                wait, before, problem = _RETRY_SECONDS, problem, str(error)
                if problem != before:
                    unexpected = None if isinstance(error, MlopsError) else error
                    _LOG.error("%s: challenge not evaluated: %s", self._project, error, exc_info=unexpected)
        self._end()

    def look(self) -> None:
        """Follow the ledger once, and evaluate the statistics that workers have written."""
        now = self._clock()
        if self._withdrawals.pending is not None and now >= self._retry:
            self._record(now)
        sign = ledger_sign(self._config.warehouse, self._project)
        if sign != self._sign:
            self._follow(now)
            self._sign = sign
        if self._current is not None:
            self._evaluate(self._current, now)

    def _follow(self, now: float) -> None:
        ledger = self._folders.ledger(self._project)
        state = LedgerState.of(ledger.ledger.entries())
        if state.challenger is not None:
            with ledger.lock(_HOLDER, self._on_wait):  # what the ledger says is verified before it is used
                state = ledger.recover()
        challenger = state.challenger
        if challenger is not None and self._withdrawals.holds(challenger):
            challenger = None
        if self._current is not None and (
            challenger is None or challenger.sequence != self._current.challenger.sequence
        ):
            self._end()
        if challenger is not None and self._current is None:
            guardrails = Guardrails.of(challenger.guardrails)
            folder = challenge_folder(self._deployed.run, self._project, challenger.sequence)
            folder.mkdir(parents=True, exist_ok=True)
            load_distributions()
            reader = SampleReader(folder, 60 * guardrails.window_minutes)
            statistics = ChallengeStatistics(guardrails, now)
            self._current = _Current(challenger, statistics, reader, folder, state.champion)

    def _evaluate(self, current: _Current, now: float) -> None:
        if current.deployed is None and now >= current.retry:
            self._deploy(current, now)
        if current.challenger.mode == "shadow" and current.deployed is not None:
            self._keep_shadow(current, now)
        look = current.statistics.add(current.reader.read(now), now)
        if look is not None and look.breaches and current.is_withdrawn_by_guardrails:
            self._withdraw(current, look, now)
        else:
            self._report(current, now)

    def _deploy(self, current: _Current, now: float) -> None:
        """Copy and verify the challenger; without it, the champion answers everything."""
        challenger = current.challenger
        try:
            ledger = self._folders.ledger(self._project)
            version = ledger.recorded(ledger.registry.version(self._project, challenger.version))
            fetched = self._folders.fetch(version)
        except MlopsError as error:
            current.problem = f"version {challenger.version} is not deployed: {error.message}"
            current.retry = now + 6 * _RETRY_SECONDS
            _LOG.error("%s: %s", self._project, current.problem)
            return
        current.problem = ""
        seconds = 60 * Guardrails.of(challenger.guardrails).window_minutes
        current.deployed = DeployedChallenger(
            challenger.sequence, challenger.mode, challenger.share, self._salt, seconds, fetched
        )
        self._deployed.set(self._project, current.deployed)
        _LOG.warning("%s: %s", self._project, challenger.description)

    def _keep_shadow(self, current: _Current, now: float) -> None:
        """Start the process of a shadow, and again after it has ended."""
        if now < current.retry or (current.shadow is not None and current.shadow.poll() is None):
            return
        command = [sys.executable, "-m", "mlops_assets.serving.process.shadow"]
        arguments = [str(self._deployed.run), self._project]
        current.shadow = subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE)
        current.retry = now + _RETRY_SECONDS

    def _withdraw(self, current: _Current, look: Look, now: float) -> None:
        reason = "; ".join(check.message for check in look.breaches)
        details = {**self._facts(current), "look": look.number}
        withdrawal = Withdrawal(current.challenger.sequence, current.challenger.version, reason, details)
        self._end()  # before anything that may fail: from now on, the champion answers everything
        _LOG.error("%s: version %d is withdrawn: %s", self._project, withdrawal.version, reason)
        try:
            self._withdrawals.add(withdrawal)
        finally:
            self._record(now)

    def _record(self, now: float) -> None:
        try:
            self._withdrawals.record(self._folders.ledger(self._project), self._on_wait)
        except Exception as error:  # of the ledger, the registry or the disk: it is tried again
            self._retry = now + _RETRY_SECONDS
            _LOG.error("%s: the withdrawal is not in the ledger yet: %s", self._project, error_message(error))

    def _end(self) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        self._deployed.set(self._project, None)
        if current.shadow is not None and current.shadow.stdin is not None:
            with suppress(OSError):  # it has ended
                current.shadow.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                current.shadow.wait(_RETRY_SECONDS)
            current.shadow.kill()
        shutil.rmtree(current.folder, ignore_errors=True)
        if current.deployed is not None:
            shutil.rmtree(current.deployed.deployed.folder, ignore_errors=True)

    def _facts(self, current: _Current) -> dict[str, Any]:
        champion, challenger = current.statistics.arms
        look = current.statistics.last
        return {
            "mode": current.challenger.mode,
            "share": current.challenger.share,
            "champion": {"version": current.champion, **arm_summary(champion)},
            "challenger": {"version": current.challenger.version, **arm_summary(challenger)},
            "checks": []
            if look is None
            else [{**check.to_json(), "message": check.message} for check in look.checks],
        }

    def _report(self, current: _Current, now: float) -> None:
        """Write the statistics for `mlops canary status` and for the promotion, if they have changed."""
        problems = [*([current.problem] if current.problem else []), *read_problems(current.folder)]
        report = {
            "challenge": current.challenger.sequence,
            **self._facts(current),
            "problems": problems,
            "dropped": dropped_rows(current.folder),
        }
        if report != current.reported:
            service = self._deployed.run.name
            values = {**report, "service": service, "at": now}
            write_report(self._config.serving_folder, self._project, service, values)
            current.reported = report
