"""The latest results of asset checks, of all projects in a few queries."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import dagster as dg
from dagster import AssetCheckKey

from mlops_assets.compat.dagster_events import CheckResult, check_events, check_results
from mlops_assets.components.model_project.status.declared import DeclaredAsset
from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.status.asset import CheckState, CheckStatus

_LONGEST = 500


def check_statuses(
    instance: dg.DagsterInstance, assets: Iterable[DeclaredAsset]
) -> dict[AssetCheckKey, CheckStatus]:
    """The status of every declared check; of a partitioned one, that of its newest partition."""
    declared = {check: (asset, blocks) for asset in assets for check, blocks in asset.checks.items()}
    results: dict[AssetCheckKey, list[CheckResult]] = {key: [] for key in declared}
    for result in check_results(instance, declared):
        periods = declared[result.key][0].periods
        if periods is None or result.partition is None or result.partition in periods:
            results[result.key].append(result)
    newest = {key: max(found, key=_order) for key, found in results.items() if found}
    evaluations = check_events(instance, [result.row for result in newest.values()])
    return {
        key: _status(key, blocks, results[key], newest.get(key), evaluations)
        for key, (_, blocks) in declared.items()
    }


def _order(result: CheckResult) -> tuple[str, int]:
    """A result without a partition is before all partitions: it is from before the check had any."""
    return result.partition or "", result.row


def _status(
    key: AssetCheckKey,
    blocking: bool,
    results: list[CheckResult],
    newest: CheckResult | None,
    evaluations: Mapping[int, dg.EventLogEntry],
) -> CheckStatus:
    if newest is None:
        return CheckStatus(key.name, "not_run", blocking)
    entry = evaluations.get(newest.row)
    found = entry.dagster_event.asset_check_evaluation_data if entry and entry.dagster_event else None
    state: CheckState = "passed"
    if not newest.passed:
        state = "warned" if found and found.severity is dg.AssetCheckSeverity.WARN else "failed"
    return CheckStatus(
        key.name,
        state,
        blocking,
        newest.partition,
        datetime.fromtimestamp(entry.timestamp, UTC) if entry else None,
        redact(found.description or "")[:_LONGEST] if found else "",
        tuple(sorted(each.partition for each in results if each.partition and not each.passed)),
    )
