"""Failed asset checks: blocked data of a partition, and warnings about the newest one."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import dagster as dg

from mlops_assets.compat.dagster import AssetCheckExecutionRecord, AssetCheckExecutionRecordStatus
from mlops_assets.components.model_project.monitoring.alerts.evaluation import (
    WITHHELD,
    Evaluation,
    of_partition,
)
from mlops_assets.components.model_project.promotion.approval_reminder import NO_OVERDUE_APPROVAL
from mlops_assets.core import names
from mlops_assets.stores.alerts.alert import Condition, Kind, Severity
from mlops_assets.stores.alerts.observations import CheckResult

_PAGES = (5, 50, 200)
"""Sizes of the first, second and each further page: usually a few results are new."""
_KINDS: dict[str, Kind] = {
    names.DATA_QUALITY: "data_quality",
    names.DRIFT_REPORT: "drift",
    names.PERFORMANCE_REPORT: "performance",
}


def failed_checks(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each failed check.

    Each partition that a blocking check failed in is an incident of its own: its data are missing until they
    are corrected. A warning is one incident as long as it holds: the newest partition decides.
    """
    _observe(evaluation)
    declared = {(key.asset_key.to_user_string(), key.name) for key in evaluation.checks}
    results = evaluation.observations.results(declared)
    newest = {(one.asset, one.name): one for one in results}  # in the order of partitions
    for result in results:
        blocked = result.blocking and result.severity == "ERROR"
        if not result.passed and (blocked or newest[result.asset, result.name] is result):
            yield _condition(evaluation, result, blocked=blocked)


def _condition(evaluation: Evaluation, result: CheckResult, *, blocked: bool) -> Condition:
    asset = result.asset.partition("/")[2]
    kind: Kind = "blocked" if blocked else _KINDS.get(asset, "check")
    least: Severity = "error" if result.severity == "ERROR" else "info"
    where = of_partition(result.partition)
    what = f"data of {asset} are blocked{where}: {result.name} failed"
    return Condition(
        key=f"check:{result.asset}:{result.name}" + (f":{result.partition}" if blocked else ""),
        kind=kind,
        severity=evaluation.severity(kind, at_least=least),
        title=what if blocked else f"{result.name} of {asset} failed{where}",
        detail=result.detail,
        partition=result.partition or None,
        asset=result.asset,
        run_id=result.run_id,
        report=_page(evaluation, asset),
    )


def _page(evaluation: Evaluation, asset: str) -> str | None:
    """The page that shows what a check is about."""
    if asset == names.EVALUATION_REPORT:
        return evaluation.evaluation_page
    return evaluation.status_page if asset in _KINDS else None


def _observe(evaluation: Evaluation) -> None:
    """Record the evaluations since the last time; a check without any costs a part of one query."""
    storage = evaluation.instance.event_log_storage
    checks = [key for key in evaluation.checks if key.name != NO_OVERDUE_APPROVAL]
    latest = storage.get_latest_asset_check_execution_by_key(checks)
    position: dict[str, Any] = evaluation.observations.position("checks") or {}
    found: list[CheckResult] = []
    changed = False
    for key, record in latest.items():
        name = key.to_user_string()
        known = position.get(name, {"newest": [0, ""], "planned": []})
        newest = [record.id, record.status.value]
        if known["newest"] == newest and not known["planned"]:
            continue
        records = _since(evaluation, key, min([known["newest"][0], *known["planned"]]))
        results = [one for one in records if one.status != AssetCheckExecutionRecordStatus.PLANNED]
        latest_results = {one.partition: one for one in reversed(results)}
        found.extend(_result(evaluation, key, one) for one in latest_results.values())
        position[name] = {"newest": newest, "planned": _unfinished(evaluation, records)}
        changed = True
    if changed:
        evaluation.observations.add(found, position)


def _since(evaluation: Evaluation, key: dg.AssetCheckKey, first: int) -> list[AssetCheckExecutionRecord]:
    """The records of a check from a number on, the newest first."""
    storage, found = evaluation.instance.event_log_storage, list[AssetCheckExecutionRecord]()
    cursor: int | None = None
    for size in chain(_PAGES, repeat(_PAGES[-1])):
        page = storage.get_asset_check_execution_history(key, limit=size, cursor=cursor)
        found.extend(record for record in page if record.id >= first)
        if len(page) < size or page[-1].id < first:
            break
        cursor = page[-1].id
    return found


def _unfinished(evaluation: Evaluation, records: Sequence[AssetCheckExecutionRecord]) -> list[int]:
    """Records of runs that are still going to evaluate the check."""
    planned = [one for one in records if one.status == AssetCheckExecutionRecordStatus.PLANNED]
    if not planned:
        return []
    run_ids = list({one.run_id for one in planned})
    runs: Mapping[str, dg.DagsterRun] = {
        run.run_id: run for run in evaluation.instance.get_runs(dg.RunsFilter(run_ids=run_ids))
    }
    return [one.id for one in planned if one.run_id in runs and not runs[one.run_id].is_finished]


def _result(evaluation: Evaluation, key: dg.AssetCheckKey, record: AssetCheckExecutionRecord) -> CheckResult:
    evaluated = record.evaluation
    detail = (evaluated.description or "") if evaluated else ""
    return CheckResult(
        asset=key.asset_key.to_user_string(),
        name=key.name,
        partition=record.partition or "",
        number=record.id,
        passed=record.status == AssetCheckExecutionRecordStatus.SUCCEEDED,
        blocking=bool(evaluated and evaluated.blocking),
        severity=evaluated.severity.value if evaluated else "ERROR",
        detail=WITHHELD if detail and evaluation.quotes_values(key.asset_key) else detail,
        run_id=record.run_id or None,
    )
