"""The reasons of a plan in words: which file, setting or input makes an asset run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from dagster import AssetKey

from mlops_assets.compat.dagster import BaseAssetGraph
from mlops_assets.components.model_project.project.metadata_names import (
    BACKTEST,
    FINGERPRINT,
    ONLINE_CONTENT,
    SOURCE,
    TRIALS,
)
from mlops_assets.components.model_project.project.staleness import StaleReason
from mlops_assets.core import names
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.workspace.changes.code_changes import CodeChanges
from mlops_assets.workspace.changes.projection import NEW_CHAMPION, ProjectedPlan
from mlops_assets.workspace.plan_context import asset_name

_PLAIN = {
    "missing": "not materialized yet",
    "failed": "its last step failed",
    "removed": "its rows are missing in the warehouse",
}


@dataclass
class ReasonTexts:
    """Describes why assets of a plan run."""

    plan: ProjectedPlan

    def of_run(
        self, partition: str | None, found: Mapping[AssetKey, StaleReason | None]
    ) -> dict[AssetKey, str]:
        """Describe the reasons of the assets of one run."""
        return {key: self._of(key, partition, reason, found.keys()) for key, reason in found.items()}

    def _of(
        self, key: AssetKey, partition: str | None, reason: StaleReason | None, same_run: Collection[AssetKey]
    ) -> str:
        if reason is None:
            return self._without_reason(key)
        is_raw = names.layer_of(key.path) == names.RAW
        match reason.kind:
            case "missing" if is_raw:
                return f"new in {self._source(key)}"
            case "missing" if key.path[1] == names.PREDICTIONS and self._has_no_champion:
                return "if a version becomes the champion"
            case "missing" | "failed" | "removed":
                return _PLAIN[reason.kind]
            case "code":
                return self._code_changes.describe(key, partition)
            case "expected":
                return self._expected(key, reason)
            case "same step":
                node = self._graph.get(key)
                others = sorted(node.execution_set_asset_keys - {key})
                return f"made by the same step as {', '.join(map(asset_name, others))}"
            case _:
                return self._inputs(key, partition, same_run)

    @cached_property
    def _graph(self) -> BaseAssetGraph:
        return self.plan.workspace.definitions.resolve_asset_graph()

    @cached_property
    def _code_changes(self) -> CodeChanges:
        return CodeChanges(self.plan)

    @cached_property
    def _has_no_champion(self) -> bool:
        return LedgerState.of(Ledger(self.plan.tables, self.plan.project).entries()).champion is None

    def _without_reason(self, key: AssetKey) -> str:
        if self.plan.ledger_state.champion is None and self.plan.ledger_state.ever_champion:
            return "the champion was retired"
        if asset_name(key) == names.REGISTERED_MODEL:
            return "it names the version for the champion"
        return "it is forced to run"

    def _source(self, key: AssetKey) -> str:
        if self.plan.source and not names.is_scoring(key.path):
            return str(self.plan.source)
        declared = self.plan.workspace.declared(key.path, SOURCE, default="its source")
        return str(declared)

    def _expected(self, key: AssetKey, reason: StaleReason) -> str:
        match reason.name:
            case name if name == FINGERPRINT:
                return f"{self._source(key)} has changed"
            case name if name == TRIALS:
                return f"setting tuning.trials {reason.before} → {reason.after}"
            case name if name == ONLINE_CONTENT:
                return "the online store does not hold what was written"
            case name if name == BACKTEST:
                return "the model is one of a backtest"
            case names.MODEL_VERSION if reason.after == NEW_CHAMPION:
                return f"if a new version replaces champion version {reason.before}"
            case names.MODEL_VERSION:
                return f"the champion is version {reason.after}, not {reason.before}"
        return f"{reason.name} {reason.before} → {reason.after}"

    def _inputs(self, key: AssetKey, partition: str | None, same_run: Collection[AssetKey]) -> str:
        """Name the inputs that the plan makes before the asset, else those that are newer than it."""
        projected = self.plan.projected
        made = projected.made_inputs(key, partition) | (self._graph.get(key).parent_keys & set(same_run))
        if made:
            return f"after {_listed(made)}"
        if newer := projected.newer_inputs(key, partition):
            return f"input {_listed(newer)} has changed"
        return "its inputs have changed"


def _listed(keys: Collection[AssetKey]) -> str:
    shown = [asset_name(key) for key in sorted(keys)]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
