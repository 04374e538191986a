"""pytest fixtures for users' projects: real stores in a temporary directory, and a project to materialize.

pytest loads this module in every session, so it imports nothing heavy; see docs/testing.md.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import dagster as dg
    import pandas as pd

    from mlops_assets.stores.system.state_directory import StateDirectory
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class ProjectUnderTest:
    """A copy of a project in a temporary directory, with stores and an instance of its own.

    Attributes
    ----------
    name
        The name of the project's folder.
    root
        The directory that `source` in `defs.yaml` is relative to.
    definitions
        All definitions of the project, with their resources.
    instance
        The ephemeral Dagster instance that records the materializations.
    warehouse
        The warehouse that the assets write to.
    """

    name: str
    root: Path
    definitions: "dg.Definitions"
    instance: "dg.DagsterInstance"
    warehouse: "Warehouse"

    def write_csv(self, path: str, rows: "pd.DataFrame") -> Path:
        """Write rows to a CSV file below the root, such as the file that `source` names."""
        written = self.root / path
        written.parent.mkdir(parents=True, exist_ok=True)
        rows.to_csv(written, index=False)
        return written

    def materialize(
        self, *assets: str, partition: str | None = None, upstream: bool = False, raise_on_error: bool = True
    ) -> "dg.ExecuteInProcessResult":
        """Materialize assets in one run of this process.

        Parameters
        ----------
        assets
            Their names without the project, such as `features`; all assets of the project by default.
        partition
            The partition of the assets that have partitions.
        upstream
            Whether to materialize all assets that these depend on, too.
        raise_on_error
            Whether a failed step raises; else see `success` of the result.
        """
        import dagster as dg

        keys = [dg.AssetKey([self.name, asset]) for asset in assets]
        selection = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.all()
        chosen = (selection.upstream() if upstream else selection).required_multi_asset_neighbors()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=sorted(chosen.resolve(self.definitions.resolve_asset_graph())),
                partition_key=partition,
                raise_on_error=raise_on_error,
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            )

    def frame(self, asset: str, *, partition: str | None = None) -> "pd.DataFrame":
        """The rows of an asset's table, or of one of its partitions.

        Raises
        ------
        StoreError
            When the table has not been written.
        """
        return self.warehouse.frame((self.name, asset), partition=partition)


@pytest.fixture(scope="session")
def mlops_tracking_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs. Its tables take seconds to create, once per session; tests copy it."""
    from mlops_assets.stores.tracking.tracking import TrackingStore

    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    _ = TrackingStore(f"sqlite:///{database}").client
    return database


@pytest.fixture
def mlops_state(tmp_path: Path, mlops_tracking_database: Path) -> "StateDirectory":
    """An empty state directory below `tmp_path`."""
    from mlops_assets.stores.system.state_directory import StateDirectory

    directory = StateDirectory(tmp_path / "state")
    directory.mlflow.mkdir(parents=True)
    shutil.copy(mlops_tracking_database, directory.mlflow / "mlflow.db")
    return directory


@pytest.fixture
def mlops_warehouse(mlops_state: "StateDirectory") -> "Warehouse":
    """The warehouse of the state directory."""
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    return Warehouse(mlops_state.warehouse)


@pytest.fixture
def mlops_tracking(mlops_state: "StateDirectory") -> "TrackingStore":
    """MLflow's tracking store and registry of the state directory."""
    from mlops_assets.stores.tracking.tracking import TrackingStore

    return TrackingStore(mlops_state.tracking_uri, mlops_state.mlflow / "artifacts")


@pytest.fixture
def mlops_resources(mlops_state: "StateDirectory") -> "dict[str, dg.ConfigurableResource]":
    """The resources of a project's assets, over the state directory: pass them to `dg.materialize`."""
    from mlops_assets.components.resources import resources

    return resources(mlops_state)


@pytest.fixture
def mlops_instance() -> "Iterator[dg.DagsterInstance]":
    """An ephemeral Dagster instance."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def mlops_project(
    tmp_path: Path,
    mlops_warehouse: "Warehouse",
    mlops_resources: "dict[str, dg.ConfigurableResource]",
    mlops_instance: "dg.DagsterInstance",
) -> Callable[..., ProjectUnderTest]:
    """Load a copy of a project's folder: `mlops_project(folder, **attributes)` returns a `ProjectUnderTest`.

    Each attribute replaces one of `defs.yaml`: `tuning={"trials": 1}` makes a search short.
    """
    import dagster as dg
    import yaml

    from mlops_assets.components.model_project.component import ModelProject

    def load(folder: Path | str, **attributes: Any) -> ProjectUnderTest:
        copy = tmp_path / "defs" / Path(folder).name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
        declared = yaml.safe_load((copy / "defs.yaml").read_text("utf-8"))
        declared["attributes"] = {**declared.get("attributes", {}), **attributes}
        (copy / "defs.yaml").write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            warnings.simplefilter("ignore", dg.PreviewWarning)
            component = ModelProject.resolve_from_dict(declared["attributes"])
            context: Any = SimpleNamespace(path=copy, project_root=tmp_path)
            shared = dg.Definitions(resources=mlops_resources, executor=dg.in_process_executor)
            definitions = dg.Definitions.merge(component.build_defs(context), shared)
        return ProjectUnderTest(copy.name, tmp_path, definitions, mlops_instance, mlops_warehouse)

    return load
