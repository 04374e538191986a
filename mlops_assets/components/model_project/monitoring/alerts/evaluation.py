"""What an evaluation of alerts looks at: a project, its assets, and the records of the Dagster instance."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from mlops_assets.compat.dagster import BaseAssetGraph
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.monitoring.alerts import AlertSettings
from mlops_assets.core import names
from mlops_assets.stores.alerts.alert import DEFAULT_SEVERITIES, Condition, Kind, Severity, rank
from mlops_assets.stores.alerts.incidents import IncidentStore
from mlops_assets.stores.alerts.observations import Observations

WITHHELD = "the message is withheld, because it may quote values of sensitive columns"


@dataclass(frozen=True)
class Automation:
    """What runs a project in Dagster.

    Attributes
    ----------
    intervals
        The least seconds between two ticks of each sensor, by name; None for a schedule.
    jobs
        Names of the jobs.
    """

    intervals: dict[str, int | None]
    jobs: frozenset[str]


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of the alerts of a project.

    Attributes
    ----------
    state
        The root of the state directory.
    positions
        How far events were read; recorded together with the incidents.
    """

    project: Project
    settings: AlertSettings
    automation: Automation
    instance: dg.DagsterInstance
    graph: BaseAssetGraph
    state: Path
    now: datetime
    positions: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def store(self) -> IncidentStore:
        """The store of incidents."""
        return IncidentStore(self.state)

    @cached_property
    def observations(self) -> Observations:
        """What earlier evaluations have seen."""
        return Observations(self.store, self.project.name)

    @cached_property
    def keys(self) -> frozenset[dg.AssetKey]:
        """The assets of the project."""
        found = self.graph.materializable_asset_keys
        return frozenset(key for key in found if self.graph.get(key).group_name == self.project.name)

    @cached_property
    def checks(self) -> list[dg.AssetCheckKey]:
        """The checks of the project's assets, and of its service."""
        keys = {*self.keys, self.project.key(names.ENDPOINT)}
        return sorted(key for key in self.graph.asset_check_keys if key.asset_key in keys)

    @cached_property
    def evaluation_page(self) -> str | None:
        """The page of the newest evaluation report."""
        return self._page(names.EVALUATION_REPORT, "report")

    @cached_property
    def status_page(self) -> str | None:
        """The page with the status of the project, which shows the reports over time."""
        return self._page(names.STATUS_PAGE, "page")

    def _page(self, asset: str, metadata: str) -> str | None:
        event = self.instance.get_latest_materialization_event(self.project.key(asset))
        materialization = event.asset_materialization if event else None
        found = materialization.metadata.get(metadata) if materialization else None
        return str(found.value) if found and found.value else None

    def severity(self, kind: Kind, *, at_least: Severity = "info") -> Severity:
        """The declared severity of a kind, else the default, which is raised to a minimum."""
        declared = self.settings.severities.get(kind)
        if declared is not None:
            return declared
        return max(DEFAULT_SEVERITIES[kind], at_least, key=rank)

    def quotes_values(self, key: dg.AssetKey) -> bool:
        """Whether messages of an asset may quote values of sensitive columns: it is custom code."""
        return bool(self.project.sensitive) and names.CUSTOM_ASSET in self.graph.get(key).tags


Collect = Callable[[Evaluation], Iterator[Condition]]
"""Yields the conditions that hold now."""


@dataclass(frozen=True)
class Collector:
    """What finds conditions of some kinds."""

    kinds: frozenset[Kind]
    collect: Collect


def asset_name(key: dg.AssetKey) -> str:
    """The name of an asset without its project, such as `features`."""
    return "/".join(key.path[1:])


def of_partition(partition: str | None) -> str:
    """A partition as a part of a title."""
    return f" in {partition}" if partition else ""


def listed(keys: Sequence[dg.AssetKey]) -> str:
    """Names of assets for a title."""
    shown = [asset_name(key) for key in keys[:3]]
    return ", ".join(shown) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
