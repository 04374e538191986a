"""The tracking store: the runs, models and registry of MLflow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.pyfunc import PyFuncModel

from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.model.artifact import load_model
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.stores.tracking.client import TAG, own_tags, translate_mlflow_errors
from mlops_assets.stores.tracking.model_files import data_folder, downloaded, log_model, verify_model_files
from mlops_assets.stores.tracking.registry import Registry, Version
from mlops_assets.stores.tracking.runs import DAGSTER_RUN_TAG, RunStore
from mlops_assets.stores.tracking.trained_model import TrainedModel


class TrackingStore(RunStore):
    """MLflow at a tracking URI: runs, logged models and the registry."""

    @cached_property
    def registry(self) -> Registry:
        """The model registry of the same store."""
        return Registry(self.uri, self.client)

    @translate_mlflow_errors
    def log_model(self, folder: Path, spec: ModelSpec, *, name: str = "model") -> str:
        """Log a saved model to the active run; return its URI."""
        return log_model(folder, spec, name)

    @translate_mlflow_errors
    def trained_model(
        self, project: str, *, dagster_run_id: str | None = None, cutoff: str | None = None
    ) -> TrainedModel:
        """Return the model of a Dagster run, else the newest model of the project.

        Parameters
        ----------
        cutoff
            Restrict the search to models of this cut-off.

        Raises
        ------
        TrackingError
            When no model has been trained.
        """
        has_model = f"tags.`{TAG}model_uri` LIKE 'models:/%'"
        if cutoff is not None:
            has_model += f" and tags.`{TAG}cutoff` = '{cutoff}'"
        of_this_run = f" and tags.{DAGSTER_RUN_TAG} = '{dagster_run_id}'" if dagster_run_id else ""
        for condition in dict.fromkeys((has_model + of_this_run, has_model)):
            runs: Sequence[Run] = self.client.search_runs(
                [self.experiment(project)],
                condition,
                order_by=["attributes.start_time DESC"],
                max_results=1,
            )
            for run in runs:
                return _trained(run)
        raise TrackingError(
            f"{project}: no model has been trained yet{f' for cut-off {cutoff}' if cutoff else ''}",
            hint=f"materialize {project}/tuned_model first",
        )

    @translate_mlflow_errors
    def model_of_run(self, run_id: str) -> TrainedModel:
        """Return the model that an MLflow run has logged."""
        return _trained(self.client.get_run(run_id))

    @contextmanager
    def files(self, uri: str) -> Iterator[Path]:
        """Yield the folder with a logged model's files; a downloaded copy is deleted on exit."""
        with downloaded(uri, self.uri) as path:
            yield data_folder(path, uri)

    @translate_mlflow_errors
    def load_pyfunc(self, uri: str) -> PyFuncModel:
        """Load a model with MLflow, after its MLmodel was verified to name only our loader."""
        with downloaded(uri, self.uri) as path:
            data_folder(path, uri)
            return mlflow.pyfunc.load_model(str(path))

    @translate_mlflow_errors
    def load(self, model: TrainedModel | Version) -> TabularModel:
        """Load a model after its files were verified against the digests in the tracking store."""
        with self.files(model.uri) as folder:
            verify_model_files(folder, model)
            return load_model(folder)


def _trained(run: Run) -> TrainedModel:
    facts = own_tags(run.data.tags)
    return TrainedModel(run.info.run_id, facts["model_uri"], facts, run.data.metrics)
