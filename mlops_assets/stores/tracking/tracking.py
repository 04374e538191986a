"""The tracking store: the runs, models and registry of MLflow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.entities import Run
from mlflow.pyfunc import PyFuncModel

from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.tracking.client import TAG, own_tags, translate_mlflow_errors
from mlops_assets.stores.tracking.model_files import data_folder, downloaded, log_model, verify_model_files
from mlops_assets.stores.tracking.registry import RecordedVersion, Registry
from mlops_assets.stores.tracking.runs import DAGSTER_RUN_TAG, NEWEST_MODEL_FIRST, RunStore
from mlops_assets.stores.tracking.trained_model import TrainedModel

if TYPE_CHECKING:  # which import the families; many uses of the store load no model
    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.model.tabular_model import TabularModel

_BACKTEST = f"{TAG}backtest"
"""Tag of the models of backtests."""
_PAGE = 20


class TrackingStore(RunStore):
    """MLflow at a tracking URI: runs, logged models and the registry."""

    @cached_property
    def registry(self) -> Registry:
        """The model registry of the same store."""
        return Registry(self.uri, self.client)

    @translate_mlflow_errors
    def log_model(self, folder: Path, spec: "ModelSpec", *, name: str = "model") -> str:
        """Log a saved model to the active run; return its URI."""
        info = log_model(folder, spec, name)
        self._limit_files(info.artifact_path)
        return str(info.model_uri)

    @translate_mlflow_errors
    def trained_model(
        self,
        project: str,
        *,
        dagster_run_id: str | None = None,
        cutoff: str | None = None,
        backtests: bool = False,
    ) -> TrainedModel:
        """Return the model of a Dagster run, else the newest model of the project.

        Parameters
        ----------
        cutoff
            Restrict the search to models of this cut-off.
        backtests
            Include models of other runs that were trained in a backtest, which are not to be registered.

        Raises
        ------
        TrackingError
            When no model has been trained.
        """
        has_model = f"tags.`{TAG}model_uri` LIKE 'models:/%'"
        if cutoff is not None:
            has_model += f" and tags.`{TAG}cutoff` = '{cutoff}'"
        if dagster_run_id:
            for run in self._newest_runs(
                project, f"{has_model} and tags.{DAGSTER_RUN_TAG} = '{dagster_run_id}'"
            ):
                return _trained(run)
        skipped = 0
        for run in self._newest_runs(project, has_model):
            if backtests or _BACKTEST not in run.data.tags:
                return _trained(run)
            skipped += 1
        at = f" for cut-off {cutoff}" if cutoff else ""
        raise TrackingError(
            f"{project}: no model has been trained yet{at}"
            + (f", except in {skipped} backtest{'' if skipped == 1 else 's'}" if skipped else ""),
            hint=f"materialize {project}/tuned_model first",
        )

    def _newest_runs(self, project: str, condition: str) -> Iterator[Run]:
        """Yield the runs of a project that satisfy a condition, newest first."""
        experiment, token = self.experiment(project), None
        while True:
            page = self.client.search_runs(
                [experiment],
                condition,
                order_by=[*NEWEST_MODEL_FIRST],
                max_results=_PAGE,
                page_token=token,
            )
            yield from page
            if not (token := page.token):
                return

    @translate_mlflow_errors
    def model_of_run(self, run_id: str) -> TrainedModel:
        """Return the model that an MLflow run has logged.

        Raises
        ------
        TrackingError
            When it has logged none, or does not exist.
        """
        run = self.client.get_run(run_id)
        if f"{TAG}model_uri" not in run.data.tags:
            raise TrackingError(
                f"the MLflow run {run_id} has no tag {TAG}model_uri, which names its model",
                hint="set the tag again, or train a new version",
            )
        return _trained(run)

    @translate_mlflow_errors
    def metrics_of_run(self, run_id: str) -> Mapping[str, float]:
        """Return the metrics that an MLflow run has logged."""
        metrics: Mapping[str, float] = self.client.get_run(run_id).data.metrics
        return metrics

    @contextmanager
    def files(self, uri: str) -> Iterator[Path]:
        """Yield the folder with a logged model's files; a downloaded copy is deleted on exit."""
        with downloaded(uri, self.uri) as path:
            yield data_folder(path, uri)

    @translate_mlflow_errors
    def load_pyfunc(self, uri: str, version: RecordedVersion | None = None) -> PyFuncModel:
        """Load a model with MLflow, after its MLmodel was verified to name only our loader.

        Parameters
        ----------
        version
            Verify the files against the digests of this version, too.
        """
        with downloaded(uri, self.uri) as path:
            folder = data_folder(path, uri)
            if version is not None:
                verify_model_files(folder, version)
            return mlflow.pyfunc.load_model(str(path))

    @translate_mlflow_errors
    def load(self, model: TrainedModel | RecordedVersion) -> "TabularModel":
        """Load a model after its files were verified: of a version, against the digests in the ledger.

        The ledger does not have the model of a run, which is verified against the digests in the run's tags.
        """
        from mlops_assets.ml.model.artifact import load_model

        with self.files(model.uri) as folder:
            verify_model_files(folder, model)
            return load_model(folder)


def _trained(run: Run) -> TrainedModel:
    facts = own_tags(run.data.tags)
    return TrainedModel(run.info.run_id, facts["model_uri"], facts, run.data.metrics)
