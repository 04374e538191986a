"""Withdrawals by guardrails, which hold at once, also while the ledger can't be written."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.challenger import Challenger
from mlops_assets.stores.governance.ledger.entries import GUARDRAILS, Event
from mlops_assets.stores.system.disk_errors import write_atomically

_HOLDER, _FOLDER = "mlops serve: guardrails", "canary"


@dataclass(frozen=True)
class Withdrawal:
    """A challenger that was taken out of the traffic.

    Attributes
    ----------
    challenge
        The entry of the ledger that started the challenge.
    details
        The evidence, which the ledger records.
    """

    challenge: int
    version: int
    reason: str
    details: dict[str, Any]


class Withdrawals:
    """The withdrawals of a project that the ledger does not have yet.

    Parameters
    ----------
    serving
        The folder of the service in the state directory. A withdrawal is kept there, so that another start of
        the service does not give the challenger its traffic back.
    """

    def __init__(self, serving: Path, project: str) -> None:
        self._file = serving / _FOLDER / f"{project}.withdrawn.json"
        self.pending = self._read()
        self._ended: set[int] = set()

    def holds(self, challenger: Challenger) -> bool:
        """Whether a challenge was ended here."""
        return challenger.sequence in self._ended or (
            self.pending is not None and self.pending.challenge == challenger.sequence
        )

    def add(self, withdrawal: Withdrawal) -> None:
        """End a challenge; it stays ended even if the disk is full.

        Raises
        ------
        OSError
            When the withdrawal could not be kept for another start of the service.
        """
        self.pending = withdrawal
        self._ended.add(withdrawal.challenge)
        write_atomically(self._file, json.dumps(asdict(withdrawal)))

    def record(self, ledger: ChampionLedger, on_wait: Callable[[str], None]) -> None:
        """Write the pending withdrawal to the ledger, unless a person has ended the challenge meanwhile.

        Raises
        ------
        MlopsError, OSError
            When the ledger can't be written; the withdrawal stays pending.
        """
        withdrawal = self.pending
        if withdrawal is None:
            return
        with ledger.lock(_HOLDER, on_wait):
            challenger = ledger.recover(ignore_alias=True).challenger
            if challenger is not None and challenger.sequence == withdrawal.challenge:
                started = next(
                    entry for entry in ledger.ledger.entries() if entry.sequence == challenger.sequence
                )
                ledger.record(_event(withdrawal, started.event))
        self.pending = None
        self._file.unlink(missing_ok=True)

    def _read(self) -> Withdrawal | None:
        try:
            return Withdrawal(**json.loads(self._file.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):  # not written by this release
            return None


def _event(withdrawal: Withdrawal, started: Event) -> Event:
    return Event(
        "withdrawn",
        started.version,
        GUARDRAILS,
        withdrawal.reason,
        started.model_digest,
        {"challenge": withdrawal.challenge, **withdrawal.details},
        mlflow_run_id=started.mlflow_run_id,
    )
