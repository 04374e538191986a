"""`Stores`: the resources of model projects, for a Dagster project that has none of its own."""

from pathlib import Path

import dagster as dg
from pydantic import ConfigDict, Field

from mlops_assets.components.resources import MlflowTracking, WarehouseResource, resources
from mlops_assets.core.credentials import credentials_of, without_credentials
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import StateDirectory


class Stores(dg.Component, dg.Model, dg.Resolvable):
    """The warehouse, MLflow and the work folders that every `mlops_assets.ModelProject` asks for.

    One folder in `defs/` declares it once for all projects beside it. Everything lies in `data/state/` below
    the project root, or where `MLOPS_STATE_DIR` says.
    """

    model_config = ConfigDict(extra="forbid")

    memory_limit: str = Field(
        default="1GiB", description="What DuckDB may hold in memory before it spills to disk."
    )
    mlflow_tracking_uri: str | None = Field(
        default=None,
        description="The address of an MLflow server; by default a SQLite store in the state directory, "
        "which is what `mlops ui` shows.",
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resources, over the project's state directory."""
        state = StateDirectory.of(context.project_root)
        shared = resources(state)
        shared["warehouse"] = WarehouseResource(root=str(state.warehouse), memory_limit=self.memory_limit)
        if self.mlflow_tracking_uri:
            _refuse_credentials(context.path, self.mlflow_tracking_uri)
            shared["mlflow"] = MlflowTracking(mlflow_tracking_uri=self.mlflow_tracking_uri)
        return dg.Definitions(resources=shared)


def _refuse_credentials(path: Path, address: str) -> None:
    """What stands in a declaration is committed, and shown by Dagster."""
    if credentials_of(address):
        raise ProjectError(
            f"{path}: mlflow_tracking_uri, {without_credentials(address)}, has a user or password in it",
            hint="take them out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where it runs",
        )
