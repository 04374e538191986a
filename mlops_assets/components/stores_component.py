"""`Stores`: the Dagster component that provides the resources of model projects."""

from pathlib import Path

import dagster as dg
from pydantic import ConfigDict, Field

from mlops_assets.components.resources import MlflowTracking, WarehouseResource, resources
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.redaction.addresses import may_contain_credentials, without_credentials
from mlops_assets.stores.system.state_directory import StateDirectory


class Stores(dg.Component, dg.Model, dg.Resolvable):
    """Warehouse, MLflow tracking and working folders, which every `mlops_assets.ModelProject` requires.

    Declare it in one folder of `defs/` for all projects. The state directory is `data/state/` below the
    project root, or the value of `MLOPS_STATE_DIR`.
    """

    model_config = ConfigDict(extra="forbid")

    memory_limit: str = Field(
        default="1GiB", description="Memory limit of DuckDB, above which it spills to disk."
    )
    mlflow_tracking_uri: str | None = Field(
        default=None,
        description="Address of an MLflow server; by default a SQLite store in the state directory, which "
        "`mlops ui` shows.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resources, for the project's state directory."""
        state = StateDirectory.of(context.project_root)
        shared = resources(state)
        shared["warehouse"] = WarehouseResource(
            root=str(state.warehouse), state=str(state.root), memory_limit=self.memory_limit
        )
        if self.mlflow_tracking_uri:
            _reject_credentials(context.path, self.mlflow_tracking_uri)
            shared["mlflow"] = MlflowTracking(mlflow_tracking_uri=self.mlflow_tracking_uri)
        return dg.Definitions(resources=shared)


def _reject_credentials(path: Path, address: str) -> None:
    """Declarations are committed to git and shown in Dagster's UI."""
    if may_contain_credentials(address):
        raise ProjectError(
            f"{path}: mlflow_tracking_uri, {without_credentials(address)}, contains a user name or password",
            hint="remove them, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the "
            "environment",
        )
