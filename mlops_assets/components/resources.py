"""Dagster resources: warehouse, MLflow tracking and working folders."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr, field_validator

from mlops_assets.components.redacted_process import redact_process
from mlops_assets.core.errors import ProjectError, TrackingError
from mlops_assets.core.redaction.secret_names import may_name_secret
from mlops_assets.stores.system.state_directory import StateDirectory

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


class WarehouseResource(dg.ConfigurableResource):
    """The warehouse of Delta tables."""

    root: str = Field(description="Folder that holds the tables.")
    state: str | None = Field(
        default=None, description="State directory whose layout version is checked; by default none is."
    )
    memory_limit: str = Field(
        default="1GiB", description="Memory limit of DuckDB, above which it spills to disk."
    )

    @property
    def store(self) -> "Warehouse":
        from mlops_assets.stores.warehouse.warehouse import Warehouse

        if self.state:
            StateDirectory(Path(self.state)).open()
        return Warehouse(self.root, memory_limit=self.memory_limit)

    def table(self, context: dg.AssetExecutionContext, query: str) -> "dg.MaterializeResult[None]":
        """Write the result of a query as the table of a custom asset; see `docs/your_own_project.md`.

        Raises
        ------
        dg.Failure
            When the query fails or the table cannot be written. Nothing is committed then.
        """
        from mlops_assets.components.model_project.project.custom_table import write_custom_table
        from mlops_assets.components.model_project.project.failures import as_dagster_failures

        with as_dagster_failures(context.asset_key.path[0]):
            return write_custom_table(context, self.store, query)


class WorkFolders(dg.ConfigurableResource):
    """Folders for files outside of warehouse and MLflow: searches, reports, sensor state, online features."""

    studies: str = Field(description="Folder of the Optuna journals.")
    reports: str = Field(description="Folder of the evaluation reports.")
    sensors: str = Field(description="Folder of the file sensors' snapshots.")
    online: str = Field(description="Folder of the online features that are kept in SQLite.")
    serving: str = Field(default="", description="Folder of the HTTP service.")


class MlflowTracking(dg.ConfigurableResource):
    """MLflow through dagster-mlflow: one MLflow run for each Dagster run, one experiment for each project.

    The fields are those of `dagster_mlflow.mlflow_tracking`.
    """

    mlflow_tracking_uri: str = Field(description="Tracking store: `sqlite:///…` or the address of a server.")
    artifact_folder: str | None = Field(
        default=None, description="Artifact folder of a SQLite tracking store; not used with a server."
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables to set for MLflow. Dagster shows their values: give "
        "credentials as `dg.EnvVar`, or set the variables of the process.",
    )
    env_to_tag: list[str] = Field(
        default_factory=list, description="Environment variables to log as tags of the MLflow run."
    )
    extra_tags: dict[str, str] = Field(default_factory=dict, description="Additional tags of the MLflow run.")

    _context: dg.InitResourceContext = PrivateAttr()

    @field_validator("env_to_tag")
    @classmethod
    def _reject_secrets(cls, declared: list[str]) -> list[str]:
        if secret := next((name for name in declared if may_name_secret(name)), None):
            raise ProjectError(
                f"env_to_tag of the resource mlflow contains {secret}, whose value would be shown as a tag",
                hint="remove it",
            )
        return declared

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["MlflowTracking"]:
        self._context = context
        yield self

    @property
    def store(self) -> "TrackingStore":
        from mlops_assets.stores.tracking.tracking import TrackingStore

        folder = Path(self.artifact_folder) if self.artifact_folder else None
        return TrackingStore(self.mlflow_tracking_uri, folder)

    @contextmanager
    def run(self, project: str, *, run_id: str | None = None) -> Iterator[str]:
        """Activate an MLflow run: the given one, else that of this Dagster run.

        On exit it is marked as finished, failed or killed.

        Yields
        ------
        The id of the MLflow run.
        """
        store = self.store
        if run_id is None:
            store.close_orphaned_runs(project, self._is_over)
        # Created here and not by dagster-mlflow, which can't set the artifact folder and retries an
        # unreachable server four times as often.
        mlflow_run_id = run_id or store.start(project, self._dagster_run_id)
        from dagster_mlflow.resources import MlFlow

        from mlops_assets.stores.tracking.client import full_address

        config: dict[str, Any] = {
            "experiment_name": project,
            "mlflow_tracking_uri": full_address(self.mlflow_tracking_uri),
            "mlflow_run_id": mlflow_run_id,
            "env": self.env,
            "env_to_tag": self.env_to_tag,
            "extra_tags": self.extra_tags,
        }
        with warnings.catch_warnings(), store.translated_errors():
            # dagster-mlflow is marked as beta, and uses names that Dagster has deprecated.
            warnings.simplefilter("ignore", dg.BetaWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="dagster")
            MlFlow(self._context.replace_config(config))
        try:
            yield mlflow_run_id
        except BaseException as error:
            killed = isinstance(error, dg.DagsterExecutionInterruptedError | KeyboardInterrupt)
            store.end_run("KILLED" if killed else "FAILED", after=error)
            raise
        store.end_run("FINISHED")

    @property
    def _dagster_run_id(self) -> str:
        run = self._context.run
        if run is None:
            raise TrackingError(
                "there is no Dagster run to create the MLflow run for",
                hint="use the resource inside of a run",
            )
        return run.run_id

    def _is_over(self, dagster_run_id: str) -> bool:
        """Whether a Dagster run of this instance is finished."""
        instance = self._context.instance
        found = instance.get_run_by_id(dagster_run_id) if instance and dagster_run_id else None
        return found is not None and found.is_finished


def resources(state: StateDirectory) -> dict[str, dg.ConfigurableResource]:
    """The resources of all projects, for one state directory. What this process logs is redacted."""
    redact_process()
    return {
        "warehouse": WarehouseResource(root=str(state.warehouse), state=str(state.root)),
        "mlflow": MlflowTracking(
            mlflow_tracking_uri=state.tracking_uri,
            artifact_folder=str(state.artifacts) if state.artifacts else None,
        ),
        "folders": WorkFolders(
            studies=str(state.studies),
            reports=str(state.reports),
            sensors=str(state.sensors),
            serving=str(state.serving),
            online=str(state.online),
        ),
    }
