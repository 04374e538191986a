"""The challenger of a champion: a version that shadows it, or takes a share of its traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from mlops_assets.stores.governance.ledger.entries import Entry

Mode = Literal["shadow", "canary"]
"""`shadow`: its predictions are logged and never answered. `canary`: it answers a share of the traffic."""


@dataclass(frozen=True)
class Challenger:
    """A challenge, by the entry `challenged` of the ledger.

    Attributes
    ----------
    share
        Share of the traffic that the version answers, or of a shadow the share that it scores.
    guardrails
        The settings `serving.canary` as they were declared when the challenge started.
    sequence
        The entry that started the challenge, which identifies it.
    since
        When it started.
    actor, reason
        Who started it, and why.
    digest
        Digest of the model.
    """

    version: int
    mode: Mode
    share: float
    guardrails: Mapping[str, Any]
    sequence: int
    since: datetime
    actor: str
    reason: str
    digest: str

    @classmethod
    def of(cls, entry: Entry, since: datetime) -> Self:
        """The challenge that an entry starts."""
        event, details = entry.event, entry.event.details
        return cls(
            event.version,
            details["mode"],
            float(details["share"]),
            details.get("guardrails", {}),
            entry.sequence,
            since,
            event.actor,
            event.reason,
            event.model_digest,
        )

    @property
    def description(self) -> str:
        """The challenge in words, such as `version 3 is a canary with 10 % of the traffic`."""
        what = "a canary with" if self.mode == "canary" else "a shadow of"
        return f"version {self.version} is {what} {100 * self.share:g} % of the traffic"
