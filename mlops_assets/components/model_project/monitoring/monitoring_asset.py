"""The machinery of monitoring assets: many partitions in one Dagster run, a table, and checks that warn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.compat.dagster import AssetCheckEvaluationTargetMaterializationData
from mlops_assets.components.model_project.automation.conditions import follows_its_inputs
from mlops_assets.components.model_project.monitoring.report import CheckOutcome, Report, ReportRun
from mlops_assets.components.model_project.project.blocked_inputs import require_succeeded
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.log_window import LogWindow
from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.metadata_names import (
    INPUTS,
    LIVE,
    NOT_FOLLOWED,
    OPTIONAL,
    READS_BLOCKED,
)
from mlops_assets.components.model_project.project.partitions import arrival_partitions, table_partitions
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.periods import Periods

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.warehouse import WriteResult

    Dep = dg.AssetKey | dg.AssetDep
    MakeReport = Callable[[str | None], Report]

WARNINGS = "warnings"
"""Metadata of each materialization: the number of checks that warn."""


@dataclass(frozen=True)
class ReportInputs:
    """The inputs of a monitoring asset.

    Attributes
    ----------
    required
        A report is made as soon as these are there. Keys, or dependencies with a partition mapping.
    optional
        These may be missing; a report is made again when they arrive or change.
    not_followed
        Those of the optional inputs whose change makes no report again, such as the champion.
    reads_blocked
        Also report on partitions that failed a blocking check.
    window
        Which days of the prediction log are read, if the project has one. The sensor of the service requests
        a report when a day has ended.
    """

    required: "Sequence[Dep]"
    optional: "Sequence[Dep]" = ()
    not_followed: Sequence[dg.AssetKey] = ()
    reads_blocked: bool = False
    window: LogWindow | None = None

    @property
    def logs(self) -> list[dg.AssetKey]:
        """The prediction log, if it is read."""
        return [dg.AssetKey.from_user_string(self.window.log)] if self.window else []

    @property
    def deps(self) -> list[dg.AssetDep]:
        """All dependencies."""
        return [_dep(each) for each in (*self.required, *self.optional, *self.logs)]

    @property
    def optional_keys(self) -> list[dg.AssetKey]:
        """The keys of the optional inputs."""
        return [*(_dep(each).asset_key for each in self.optional), *self.logs]


def monitored_partitions(project: Project) -> dg.PartitionsDefinition | None:
    """The partitions of monitoring assets: by arrival, or those of the rows of `scoring`."""
    if project.timeline is not None:
        return arrival_partitions(project)
    return table_partitions(project, names.SCORING) if project.settings.scoring else None


def monitored_periods(project: Project) -> Periods | None:
    """The periods of `monitored_partitions`."""
    return project.timeline.periods if project.timeline else project.periods_of(names.SCORING)


def monitoring_asset(
    project: Project,
    name: str,
    *,
    description: str,
    inputs: ReportInputs,
    columns: Mapping[str, str],
    checks: Mapping[str, str],
    code: Sequence[str],
    prepare: "Callable[[ReportRun], MakeReport]",
    kinds: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetsDefinition:
    """A monitoring asset: a Delta table with a report on each partition, and checks that warn.

    One Dagster run makes the reports of all of its partitions. It fails as a whole: reports that were
    written before an error are found to be unchanged by the next run.

    Parameters
    ----------
    columns
        The columns of the table and their DuckDB types.
    checks
        The names of the asset checks, with descriptions. Each report has an outcome of each.
    code
        What the content depends on beside the inputs, for the code version.
    prepare
        Called once in each run; it returns the function that makes the report on a partition (None without
        partitions), which may keep what partitions share.
    """
    key, partitions = project.key(name), monitored_partitions(project)
    optional, not_followed = inputs.optional_keys, list(inputs.not_followed)
    ignored = [*not_followed, *inputs.logs]
    spec = project.spec(
        key,
        description=description,
        kinds=["duckdb", "deltalake", *kinds],
        deps=inputs.deps,
        code=[*code, repr(sorted(columns.items()))],
        partitions=partitions,
        automation=follows_its_inputs(
            project,
            ignored=dg.AssetSelection.assets(*ignored) if ignored else None,
            optional=dg.AssetSelection.assets(*optional) if optional else None,
            reads_blocked=inputs.reads_blocked,
        ),
        metadata={
            **(metadata or {}),
            OPTIONAL: dg.MetadataValue.json([each.to_user_string() for each in optional]),
            NOT_FOLLOWED: dg.MetadataValue.json([each.to_user_string() for each in not_followed]),
            READS_BLOCKED: inputs.reads_blocked,
            **({LIVE: inputs.window.to_text()} if inputs.window else {}),
        },
    )
    check_specs = [
        dg.AssetCheckSpec(check, asset=key, description=meaning, partitions_def=partitions)
        for check, meaning in checks.items()
    ]

    @dg.multi_asset(
        specs=[spec],
        check_specs=check_specs,
        name=names.op_name(*key.path),
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
    )
    def report(
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> Iterator[dg.MaterializeResult | dg.Output[None]]:
        store = warehouse.store
        wanted: list[str | None] = list(context.partition_keys) if partitions else [None]
        made: dict[str | None, Report] = {}
        written: dict[str | None, WriteResult] = {}
        with as_dagster_failures(project.name, project.sensitive), store.connect() as connection:
            graph = context.job_def.asset_layer.asset_graph
            staleness = Staleness(graph, context.instance, store)
            # Before the inputs are read: newer content makes the report stale, and never goes unnoticed.
            digests = {partition: staleness.inputs(key, partition) for partition in wanted}
            if not inputs.reads_blocked:
                parts = {part for partition in wanted for part in staleness.parts(key, partition)}
                require_succeeded(context.instance, project.name, sorted(parts, key=str))
            reports = Path(folders.reports) / project.name
            run = ReportRun(project, store, mlflow, connection, context, wanted, reports)
            make_report = prepare(run)
            for partition in wanted:
                with store.turn(key.path, partition), _named(partition):
                    made[partition] = make_report(partition)
                    written[partition] = store.write(
                        key.path,
                        _relation(connection, columns, made[partition].rows),
                        partition=partition,
                        dagster_run_id=context.run.run_id,
                        inputs={"/".join(each.path): version for each, version in run.versions.items()},
                        declared=monitored_periods(project),
                    )
                context.add_asset_metadata(
                    {
                        **table_metadata(written[partition]),
                        INPUTS: digests[partition],
                        WARNINGS: sum(not outcome.passed for outcome in made[partition].checks.values()),
                        **made[partition].metadata,
                    },
                    asset_key=key,
                    partition_key=partition,
                )
        # Dagster has one data version for all partitions of a run. `Staleness` reads those of the table.
        yield dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(_joint(list(written.values()))))
        _log_evaluations(context, key, {partition: made[partition].checks for partition in wanted})
        # The evaluations are logged already, each with its partition, which a check result can't name.
        for check in check_specs:
            yield dg.Output(None, output_name=check.get_python_identifier())

    return report


def _dep(dep: "Dep") -> dg.AssetDep:
    return dep if isinstance(dep, dg.AssetDep) else dg.AssetDep(dep)


def _joint(written: "Sequence[WriteResult]") -> str:
    digests = [result.digest for result in written]
    return digests[0] if len(digests) == 1 else text_digest(*digests)


@contextmanager
def _named(partition: str | None) -> Iterator[None]:
    """Name the partition in an expected error, because a run has many."""
    try:
        yield
    except MlopsError as error:
        if partition is None or partition in error.message:
            raise
        raise type(error)(
            f"{error.message} (partition {partition})",
            hint=error.hint,
            without_values=f"{error.without_values} (partition {partition})",
        ) from error


def _relation(
    connection: "duckdb.DuckDBPyConnection", columns: Mapping[str, str], rows: Sequence[Mapping[str, object]]
) -> "duckdb.DuckDBPyRelation":
    """The rows of a report, typed also where all values are missing."""
    import pyarrow as pa

    types = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}
    schema = pa.schema([(column, types[kind]) for column, kind in columns.items()])
    return connection.from_arrow(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))


def _log_evaluations(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    outcomes: Mapping[str | None, Mapping[str, CheckOutcome]],
) -> None:
    """Log the evaluation of each check for each partition, with the materialization that it is about."""
    partitions = [partition for partition in outcomes if partition is not None]
    records = latest_materializations(context.instance, key, partitions or None)
    for partition, checks in outcomes.items():
        about = records[partition]
        target = AssetCheckEvaluationTargetMaterializationData(
            run_id=about.run_id, storage_id=about.storage_id, timestamp=about.timestamp
        )
        for name, outcome in checks.items():
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=key,
                    check_name=name,
                    passed=outcome.passed,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=outcome.description,
                    metadata=outcome.metadata,
                    target_materialization_data=target,
                    partition=partition,
                    blocking=False,
                )
            )
