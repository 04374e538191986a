"""The summary that ends `mlops run`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetKey, EventLogRecord
from rich.console import Console
from rich.text import Text

from mlops_assets.components.model_project.evaluation.fairness_check import FAIRNESS_SUMMARY
from mlops_assets.components.model_project.monitoring.status_page import STATUS_PAGE_FILE
from mlops_assets.components.model_project.project.metadata_names import SPLIT
from mlops_assets.core import names
from mlops_assets.ml.number_format import compact
from mlops_assets.stores.governance.ledger.entries import GATES
from mlops_assets.stores.governance.pending_versions import describe_pending
from mlops_assets.stores.system.own_files import own_report

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.state import LedgerState

_Records = Mapping[str | None, EventLogRecord]


def print_summary(
    console: Console,
    project: str,
    records: Mapping[AssetKey, _Records],
    *,
    ledger_state: "LedgerState",
    reports: Path,
    uis: str,
) -> None:
    """Print rows, best trial, metrics, version, champion, report and the addresses of the UIs.

    Parameters
    ----------
    records
        The latest materializations of the assets by partition.
    ledger_state
        The state of the ledger. It is newer than the materializations after a manual decision.
    reports
        The folder of the project's reports.
    """
    lines = [*_summary_lines(project, records, ledger_state, reports), ("UIs", uis)]
    width = max(len(name) for name, _ in lines)
    console.print()
    for name, value in lines:
        console.print(Text(f"{name:<{width}}  ", style="dim") + Text(value, style="not dim"), soft_wrap=True)


def _summary_lines(
    project: str, records: Mapping[AssetKey, _Records], ledger_state: "LedgerState", reports: Path
) -> Iterable[tuple[str, str]]:
    yield from _row_lines(records)
    search, report, registered, champion = (
        _newest(records.get(AssetKey(names.project_asset(project, name)), {}))
        for name in (names.TUNED_MODEL, names.EVALUATION_REPORT, names.REGISTERED_MODEL, names.CHAMPION)
    )
    if search:
        metric = next(name for name in search if name.startswith("cv_"))
        yield (
            "best trial",
            f"{search['family']}, cross-validated {metric.removeprefix('cv_')} {compact(search[metric])}, of "
            f"{search['trials_finished']} trials",
        )
    if report:
        yield "holdout", report["summary"]
        if report.get(SPLIT):
            yield "split", report[SPLIT]
        scores = (
            f"{name.removeprefix('test_')} {compact(report[name])}"
            for name in report
            if name.startswith("test_")
        )
        yield "metrics", ", ".join(scores)
        if "intervals" in report:
            yield "intervals", report["intervals"]
        if FAIRNESS_SUMMARY in report:
            yield "fairness", report[FAIRNESS_SUMMARY]
    if registered:
        cutoff = f", cut-off {registered['cutoff']}" if "cutoff" in registered else ""
        yield "registered", f"{registered['model_uri']}{cutoff}"
    if registered or champion:
        yield names.CHAMPION, _champion_line(project, champion, ledger_state)
        yield from (("pending", line) for line in describe_pending(project, ledger_state))
    decision = _newest(records.get(AssetKey(names.project_asset(project, names.RETRAINING)), {}))
    if decision:
        yield names.RETRAINING, f"{decision['decision']}: {decision['reason']}"
    yield from _prediction_lines(records.get(AssetKey(names.project_asset(project, names.PREDICTIONS)), {}))
    if report:
        yield "report", str(own_report(str(report["report"]), reports))
    if (page := reports / STATUS_PAGE_FILE).is_file():
        yield "status", str(page)


def _champion_line(project: str, champion: Mapping[str, Any], ledger_state: "LedgerState") -> str:
    """Return the champion and the reason of its promotion, or the reason why there is none."""
    if champion and ledger_state.champion is not None:
        return f"{champion['alias']} is version {ledger_state.champion}: {champion['decision']}"
    if ledger_state.ever_champion:
        former = (ledger_state.last[version] for version in ledger_state.ever_champion)
        last = max(former, key=lambda entry: entry.sequence).event
        return (
            f"none; version {last.version} was retired by {last.actor}: {last.reason}. To have "
            f"one, use `mlops approve` or `mlops rollback`, or train it: `mlops run {project} --force`"
        )
    if ledger_state.pending or not ledger_state.last:
        return "none yet"
    last = ledger_state.last[max(ledger_state.last)].event
    use = (
        f"; `mlops predict {project} --version {last.version}` uses it without a promotion, and "
        f"`mlops approve {project} {last.version} --against-gates` promotes it, with a reason"
    )
    rejected = f"none; version {last.version} was rejected by {last.actor}: {last.reason}"
    return rejected + use * (last.actor == GATES)


def _row_lines(records: Mapping[AssetKey, _Records]) -> Iterable[tuple[str, str]]:
    """Yield the row counts of each table by layer, over all partitions."""
    tables = {key: found for key, found in records.items() if names.layer_of(key.path) and found}
    rows = {
        (names.layer_of(key.path), names.table_of(key.path)): sum(
            _metadata(record)["dagster/row_count"] for record in found.values()
        )
        for key, found in tables.items()
    }
    layers = ((names.RAW, "read"), (names.VALIDATED, "validated"), (names.QUARANTINE, "quarantined"))
    for table in sorted({table for _, table in rows}):
        counts = [f"{rows[layer, table]:,} {verb}" for layer, verb in layers if (layer, table) in rows]
        partitions = max(len(found) for key, found in tables.items() if names.table_of(key.path) == table)
        of = f", in {partitions} partitions" if any(None not in found for found in tables.values()) else ""
        yield "rows" if table == "rows" else f"rows of {table}", ", ".join(counts) + of


def _prediction_lines(found: _Records) -> Iterable[tuple[str, str]]:
    partitions = sorted(partition for partition in found if partition)
    if not partitions:
        return
    newest = _metadata(found[partitions[-1]])
    mean = next((f", {name.replace('_', ' ')} {newest[name]:.3g}" for name in newest if "mean" in name), "")
    yield (
        names.PREDICTIONS,
        f"{partitions[0]} to {partitions[-1]}; {partitions[-1]}: {newest['dagster/row_count']:,} rows by "
        f"version {newest[names.MODEL_VERSION]}{mean}{_in_training(found)}",
    )


def _in_training(found: _Records) -> str:
    """Return how many predictions are of rows that their model was trained on."""
    rows = [_metadata(record).get(names.IN_TRAINING, 0) for record in found.values()]
    partitions = sum(1 for count in rows if count)
    if not partitions:
        return ""
    return f"; {sum(rows):,} rows in {partitions} partitions are in_training: their model was fitted on them"


def _newest(found: _Records) -> dict[str, Any]:
    """Return the metadata of the latest materialization of any partition."""
    if not found:
        return {}
    return _metadata(max(found.values(), key=lambda record: record.storage_id))


def _metadata(record: EventLogRecord) -> dict[str, Any]:
    materialization = record.asset_materialization
    return {name: value.value for name, value in materialization.metadata.items()} if materialization else {}
