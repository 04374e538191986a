"""The versions of a project that are pending approval, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.state import LedgerState


def describe_pending(project: str, state: "LedgerState") -> Iterator[str]:
    """For each version that is pending approval: since when, and the command that decides."""
    for version in state.pending:
        yield (
            f"version {version} is pending approval since {state.pending_since[version]:%Y-%m-%d %H:%M} UTC: "
            f'mlops approve {project} {version} --reason "…", or mlops reject'
        )
