"""What running services report about a project: metadata for Dagster, and whether they serve the champion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names

if TYPE_CHECKING:
    from mlops_assets.stores.serving_status.status import ServingStatus
    from mlops_assets.stores.warehouse.warehouse import Warehouse

SERVES_CHAMPION = "serves_champion"


@dataclass(frozen=True)
class EndpointStatus:
    """The services of a project.

    Attributes
    ----------
    services
        The status of services that report, the most recently started first.
    silent
        That of services that were killed or hang.
    champion
        The champion by the ledger; None if there is none.
    """

    services: "Sequence[ServingStatus]"
    silent: "Sequence[ServingStatus]"
    champion: int | None

    @classmethod
    def read(cls, project: Project, store: "Warehouse", now: datetime) -> "EndpointStatus":
        """Read the status files in the state directory, and the ledger."""
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.ledger.state import LedgerState
        from mlops_assets.stores.serving_status.status_files import read_statuses

        found = read_statuses(state_folder(store), project.name)
        fresh = [status for status in found if status.is_fresh(now)]
        state = LedgerState.of(Ledger(store, project.name).entries())
        return cls(fresh, [status for status in found if status not in fresh], state.champion)

    @property
    def is_known(self) -> bool:
        """Whether a service was started, and not stopped."""
        return bool(self.services or self.silent)

    @property
    def versions(self) -> dict[str, list[int]]:
        """The served versions by role."""
        found: dict[str, list[int]] = {}
        for status in self.services:
            for role, served in status.versions.items():
                found[role] = sorted({*found.get(role, []), served.version})
        return found

    def evaluate(self) -> tuple[bool, str]:
        """Whether every service answers with the champion, and a description."""
        if not self.services:
            last = max((status.updated_at for status in self.silent), default=None)
            since = f" since {last:%Y-%m-%d %H:%M:%S} UTC" if last else ""
            return False, f"no service has reported{since}: start it with mlops serve, or restart it"
        problems, loading = [], []
        for status in self.services:
            served = status.versions.get(names.CHAMPION)
            if (served.version if served else None) == self.champion:
                continue
            if self.champion is not None and status.upcoming == self.champion:
                loading.append(f"version {self.champion} is being loaded by {status.address}")
                continue
            what = f"version {served.version}" if served else "no version"
            why = f" ({status.error.message})" if status.error else ""
            problems.append(f"{status.address} serves {what}{why}")
        champion = "there is no champion" if self.champion is None else f"the champion is {self.champion}"
        if problems:
            return False, f"{'; '.join(problems)}; {champion}"
        if self.champion is None:
            return True, champion
        return True, "; ".join(loading) or f"version {self.champion} is served"

    def signature(self) -> str:
        """Changes whenever something but the traffic has changed."""
        services = [(one.address, one.state, one.ready, one.restarts, one.upcoming) for one in self.services]
        return repr((sorted(services), sorted(self.versions.items()), self.evaluate()))

    def metadata(self) -> dict[str, Any]:
        """What Dagster's UI shows and plots."""
        versions = self.versions
        served = versions.pop(names.CHAMPION, [])
        found: dict[str, Any] = {
            "services": len(self.services),
            "workers": sum(one.ready for one in self.services),
            **({"version": max(served)} if served else {}),
            **{f"{role}_version": max(known) for role, known in versions.items()},
        }
        if not self.services:
            return found
        traffic = [one.traffic for one in self.services]
        seconds = max(each.recent_seconds for each in traffic)
        recent = sum(each.recent_requests for each in traffic)
        found |= {
            "address": ", ".join(one.address for one in self.services),
            "requests": sum(each.requests for each in traffic),
            "failed_requests": sum(each.failed for each in traffic),
            "refused_requests": sum(each.refused for each in traffic),
            "rows": sum(each.rows for each in traffic),
            "rejected_rows": sum(each.rejected_rows for each in traffic),
            "requests_per_second": recent / seconds if seconds else 0.0,
        }
        for name in ("p50", "p95", "p99"):
            known = [value for each in traffic if (value := getattr(each, name)) is not None]
            if known:
                found[f"{name}_ms"] = 1_000 * max(known)
        if errors := [one.error.message for one in self.services if one.error]:
            found["error"] = "; ".join(errors)
        return found


def state_folder(store: "Warehouse") -> Path:
    """The state directory, which has the warehouse."""
    return store.root.parent


def champion_served_check(project: Project) -> dg.AssetChecksDefinition:
    """The check that every service answers with the champion; the sensor evaluates it, too."""
    from mlops_assets.components.resources import WarehouseResource

    @dg.asset_check(
        asset=project.key(names.ENDPOINT),
        name=SERVES_CHAMPION,
        description="Every running service answers with the champion of the ledger.",
    )
    def serves_champion(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        from datetime import UTC

        passed, description = EndpointStatus.read(project, warehouse.store, datetime.now(UTC)).evaluate()
        return dg.AssetCheckResult(
            passed=passed, severity=dg.AssetCheckSeverity.WARN, description=description
        )

    return serves_champion
