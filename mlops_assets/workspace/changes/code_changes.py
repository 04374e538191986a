"""Which project files and settings have changed since a materialization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dagster import AssetKey

from mlops_assets.components.model_project.project.metadata_names import DECLARATION
from mlops_assets.core import names
from mlops_assets.core.declaration import FILES, SETTINGS, Declaration, differences, from_text
from mlops_assets.stores.project_folder.files import (
    FEATURES_SQL,
    PIPELINE,
    SCHEMA,
    TARGET_SQL,
)
from mlops_assets.workspace.changes.projection import ProjectedPlan

_TABLES = ("tables", "scoring")
_DEPENDS_ON: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    names.RAW: ([], _TABLES),
    names.VALIDATED: ([SCHEMA], [*_TABLES, "target"]),
    names.QUARANTINE: ([SCHEMA], [*_TABLES, "target"]),
    names.FEATURES: ([FEATURES_SQL, SCHEMA], ["tables", "entity", "partitions", "target", "weight"]),
    names.TARGET: ([TARGET_SQL], ["tables", "entity", "partitions", "target", "weight"]),
    names.TRAINING_SET: ([], ["target", "split", "training", "weight", "fairness"]),
    names.TUNED_MODEL: (
        [PIPELINE, FEATURES_SQL, SCHEMA],
        ["preprocessing", "task", "target", "tuning", "fairness", "monotone", "split", "weight", "intervals"],
    ),
}
"""The files and settings that may be part of an asset's code version; of other assets, all settings."""
_GENERIC = "a project file, a setting or mlops_assets has changed"
_MOST = 4


@dataclass
class CodeChanges:
    """Describes what makes the code version of an asset another one."""

    plan: ProjectedPlan

    def describe(self, key: AssetKey, partition: str | None) -> str:
        """Describe the differences from the time of a materialization, as far as they were recorded."""
        graph = self.plan.workspace.definitions.resolve_asset_graph()
        if names.CUSTOM_ASSET in graph.get(key).tags:
            return "its code version has changed"
        own = partition if graph.get(key).partitions_def is not None else None
        before = self._recorded(key, own)
        if before is None or self._current is None:
            return _GENERIC
        files, settings = _DEPENDS_ON.get(names.layer_of(key.path) or key.path[1], (None, None))
        every = {path.partition(".")[0] for side in (before, self._current) for path in side[SETTINGS]}
        found = differences(
            before,
            self._current,
            files=files if files is not None else [],
            settings=settings if settings is not None else every,
        )
        if not found:  # an asset may depend on more than the table above lists
            found = differences(
                before, self._current, files={*before[FILES], *self._current[FILES]}, settings=every
            )
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        return "; ".join(found[:_MOST]) + more if found else "code version of mlops_assets has changed"

    @cached_property
    def _current(self) -> Declaration | None:
        key = self.plan.key(names.TRAINING_SET)
        return from_text(self.plan.workspace.declared(key.path, DECLARATION, default=None))

    def _recorded(self, key: AssetKey, partition: str | None) -> Declaration | None:
        record = self.plan.projected.recorded(key).get(partition)
        if record is None or record.asset_materialization is None:
            return None
        found = record.asset_materialization.metadata.get(DECLARATION)
        return from_text(found.value if found else None)
