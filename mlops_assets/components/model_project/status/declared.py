"""What a project declares, as its status needs it: assets, checks, schedules and sensors of definitions."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, TypeVar

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from mlops_assets.components.model_project.project.partitions import declared_periods
from mlops_assets.core.periods import Periods


@dataclass(frozen=True)
class DeclaredAsset:
    """An asset of the definitions.

    Attributes
    ----------
    checks
        Its checks, and whether each is blocking.
    """

    key: AssetKey
    partitions: dg.PartitionsDefinition | None = None
    periods: Periods | None = None
    freshness: dg.FreshnessPolicy | None = None
    checks: Mapping[AssetCheckKey, bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name without the project, such as `features`."""
        return "/".join(self.key.path[1:])


@dataclass(frozen=True)
class DeclaredSchedule:
    """A schedule, and whether it runs unless stopped in the UI."""

    name: str
    crons: tuple[str, ...]
    timezone: str
    runs_by_default: bool


@dataclass(frozen=True)
class DeclaredSensor:
    """A sensor, and whether it runs unless stopped in the UI."""

    name: str
    interval_seconds: float | None
    runs_by_default: bool


@dataclass(frozen=True)
class DeclaredProject:
    """A project of the definitions, with its assets in the order of the graph."""

    name: str
    assets: tuple[DeclaredAsset, ...] = ()
    schedules: tuple[DeclaredSchedule, ...] = ()
    sensors: tuple[DeclaredSensor, ...] = ()

    @property
    def keys(self) -> list[AssetKey]:
        """The keys of its assets."""
        return [asset.key for asset in self.assets]


_Named = TypeVar("_Named", DeclaredSchedule, DeclaredSensor)


def declared_projects(definitions: dg.Definitions) -> dict[str, DeclaredProject]:
    """The projects of definitions, sorted by name.

    Parameters
    ----------
    definitions
        Of one project or of many. Schedules and sensors belong to the project whose name they start with.
    """
    specs: dict[AssetKey, dg.AssetSpec] = {}
    checks: dict[AssetKey, dict[AssetCheckKey, bool]] = {}
    # Not resolved into a repository, which would require the resources of all assets.
    for defined in (*(definitions.assets or ()), *(definitions.asset_checks or ())):
        found = getattr(defined, "specs", [defined] if isinstance(defined, dg.AssetSpec) else [])
        specs |= {spec.key: spec for spec in found if spec.tags.get("project") == spec.group_name}
        for check in getattr(defined, "check_specs", ()):
            checks.setdefault(check.asset_key, {})[check.key] = check.blocking
    assets: dict[str, list[DeclaredAsset]] = {}
    for key in _in_order(specs):
        project = specs[key].group_name
        if project:
            assets.setdefault(project, []).append(_asset(specs[key], checks.get(key, {})))
    schedules = _by_project(assets, map(_schedule, definitions.schedules or []))
    sensors = _by_project(assets, map(_sensor, definitions.sensors or []))
    return {
        name: DeclaredProject(name, tuple(declared), tuple(schedules[name]), tuple(sensors[name]))
        for name, declared in sorted(assets.items())
    }


def _in_order(specs: Mapping[AssetKey, dg.AssetSpec]) -> Iterator[AssetKey]:
    """Yield keys after those that they depend on, sorted within a level."""
    sorter = TopologicalSorter(
        {key: [dep.asset_key for dep in spec.deps if dep.asset_key in specs] for key, spec in specs.items()}
    )
    sorter.prepare()
    while sorter.is_active():
        level = sorted(sorter.get_ready())
        yield from level
        sorter.done(*level)


def _asset(spec: dg.AssetSpec, checks: Mapping[AssetCheckKey, bool]) -> DeclaredAsset:
    partitions = spec.partitions_def
    return DeclaredAsset(spec.key, partitions, declared_periods(partitions), spec.freshness_policy, checks)


def _schedule(schedule: Any) -> DeclaredSchedule:
    cron = schedule.cron_schedule
    return DeclaredSchedule(
        schedule.name,
        (cron,) if isinstance(cron, str) else tuple(cron),
        schedule.execution_timezone or "UTC",
        schedule.default_status is dg.DefaultScheduleStatus.RUNNING,
    )


def _sensor(sensor: Any) -> DeclaredSensor:
    on = sensor.default_status is dg.DefaultSensorStatus.RUNNING
    return DeclaredSensor(sensor.name, sensor.minimum_interval_seconds, on)


def _by_project(projects: Collection[str], named: Iterable[_Named]) -> dict[str, list[_Named]]:
    """Group by the longest name of a project that a name starts with: `shop_eu_train` is not of `shop`."""
    found: dict[str, list[_Named]] = {project: [] for project in projects}
    for each in named:
        owners = [project for project in projects if each.name.startswith(f"{project}_")]
        if owners:
            found[max(owners, key=len)].append(each)
    return found
