"""What a monitoring asset computes for a partition, and what it may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import MlflowTracking
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one asset check for a partition; a check that did not pass is a warning."""

    passed: bool
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The report on a partition.

    Attributes
    ----------
    rows
        Rows of the table, each with all or some of the declared columns.
    metadata
        Metadata of the materialization. Dagster's UI plots numbers over the partitions.
    checks
        The outcome of each declared check, by its name.
    """

    rows: Sequence[Mapping[str, object]]
    checks: Mapping[str, CheckOutcome]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class ReportRun:
    """The step that makes the reports of one or many partitions.

    Attributes
    ----------
    connection
        A DuckDB connection for all partitions.
    run_id
        The Dagster run.
    partitions
        All partitions of the run, in order; None without partitions.
    reports
        The folder of the project's pages.
    """

    project: Project
    store: "Warehouse"
    mlflow: MlflowTracking
    connection: "duckdb.DuckDBPyConnection"
    context: dg.AssetExecutionContext
    partitions: Sequence[str | None]
    reports: Path
    versions: dict[dg.AssetKey, int] = field(default_factory=dict)
    """The version of each table that was read; the same for all partitions."""
    first_writes: dict[dg.AssetKey, dict[str, datetime]] = field(default_factory=dict)
    """When each partition of a table was first written."""
    _contents: dict[dg.AssetKey, Mapping[str | None, str]] = field(default_factory=dict)

    @property
    def tracking(self) -> "TrackingStore":
        """The tracking store; importing MLflow takes seconds, which a report without a model saves."""
        return self.mlflow.store

    @property
    def run_id(self) -> str:
        """The ID of the Dagster run."""
        return self.context.run.run_id

    def content(self, key: dg.AssetKey) -> Mapping[str | None, str]:
        """The digest of each partition of a table, under None without partitions; empty without a table."""
        if key not in self._contents:
            if not self.store.exists(key.path):
                return {}
            version = self._version(key)
            self._contents[key] = (
                dict(self.store.partitions(key.path, version=version).items())
                if self.store.is_partitioned(key.path)
                else {None: self.store.digest(key.path, version=version)}
            )
        return self._contents[key]

    def rows(self, key: dg.AssetKey, partition: str | None = None) -> "duckdb.DuckDBPyRelation":
        """The rows of a table, or of one of its partitions.

        Raises
        ------
        DataError
            If they are not materialized.
        """
        if partition not in self.content(key) and (partition or not self.content(key)):
            of = f" of {partition}" if partition else ""
            raise DataError(
                f"{self.project.name}: {'/'.join(key.path[1:])}{of} is not materialized",
                hint=f"materialize {key.to_user_string()}{f' for {partition}' if partition else ''} first",
            )
        return self.store.relation(self.connection, key.path, partition=partition, version=self._version(key))

    def _version(self, key: dg.AssetKey) -> int:
        if key not in self.versions:
            self.versions[key] = self.store.version(key.path)
        return self.versions[key]
