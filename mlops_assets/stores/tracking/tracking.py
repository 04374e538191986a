"""The tracking store: MLflow behind the few calls that we need."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import mlflow
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel

from mlops_assets.core.errors import MlopsError, TrackingError
from mlops_assets.ml.model.artifact import load_model
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.stores.tracking.client import (
    TAG,
    connect,
    facts_of,
    make_current,
    translate_mlflow_errors,
    translated_mlflow_errors,
    waiting_briefly,
)
from mlops_assets.stores.tracking.model_files import data_folder, downloaded, log_model, verify_model_files
from mlops_assets.stores.tracking.registry import Registry, Version
from mlops_assets.stores.tracking.trained_model import TrainedModel

DAGSTER_RUN_TAG = "dagster_run_id"
"""dagster-mlflow's tag."""


class TrackingStore:
    """MLflow at an address.

    Parameters
    ----------
    uri
        A tracking URI: `sqlite:///…/mlflow.db`, or a server's address.
    artifacts
        Where artifacts go when there is no server that knows: a folder. None with a server.
    """

    def __init__(self, uri: str, artifacts: Path | None = None) -> None:
        self.uri = uri
        self.artifacts = artifacts

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, after the store was found to be there."""
        return connect(self.uri)

    @cached_property
    def registry(self) -> Registry:
        """The registry of the same store."""
        return Registry(self.uri, self.client)

    @translate_mlflow_errors
    def experiment(self, project: str) -> str:
        """Id of the project's experiment, which is made when there is none."""
        found = self.client.get_experiment_by_name(project)
        if found:
            return str(found.experiment_id)
        location = (self.artifacts / project).as_uri() if self.artifacts else None
        try:
            return str(self.client.create_experiment(project, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self.experiment(project)  # another process was faster

    # ---------------------------------------------------------------- runs

    @translate_mlflow_errors
    def start(self, project: str, dagster_run_id: str) -> str:
        """The MLflow run of a Dagster run, which is made when there is none; returns its id."""
        experiment, tag = self.experiment(project), f"tags.{DAGSTER_RUN_TAG} = '{dagster_run_id}'"
        for found in self.client.search_runs([experiment], tag, max_results=1):
            return str(found.info.run_id)
        tags = {DAGSTER_RUN_TAG: dagster_run_id}
        name = f"{project} {dagster_run_id[:8]}"
        return str(self.client.create_run(experiment, run_name=name, tags=tags).info.run_id)

    def translated_errors(self) -> AbstractContextManager[None]:
        """Translate errors of MLflow calls outside this class; see `translated_mlflow_errors`."""
        return translated_mlflow_errors(self.uri)

    def end_run(self, status: str, *, after: BaseException | None = None) -> None:
        """End MLflow's active run; after an error, only if that is not another one.

        A run that stays open, because its server is down or its disk full, is ended by `close_left`.
        """
        if after is None:
            with self.translated_errors():
                mlflow.end_run(status)
            return
        with waiting_briefly(), suppress(MlopsError), self.translated_errors():
            mlflow.end_run(status)

    @translate_mlflow_errors
    def close_left(self, project: str, is_over: Callable[[str], bool]) -> list[str]:
        """End, as killed, the runs that nobody goes on with; returns their ids.

        Parameters
        ----------
        is_over
            Tells of a Dagster run whether it has ended. What it does not know, another instance's, has not.
        """
        running = self.client.search_runs([self.experiment(project)], "attributes.status = 'RUNNING'")
        parents = [run for run in running if "mlflow.parentRunId" not in run.data.tags]
        left = [run.info.run_id for run in parents if is_over(run.data.tags.get(DAGSTER_RUN_TAG, ""))]
        for run in running:  # a trial of which the process was killed while it was logged
            parent = run.data.tags.get("mlflow.parentRunId")
            if parent and (parent in left or self.client.get_run(parent).info.status != "RUNNING"):
                left.append(run.info.run_id)
        for run_id in left:
            self.client.set_terminated(run_id, "KILLED")
        return left

    @translate_mlflow_errors
    def log_trial(self, project: str, parent_run_id: str, trial: TrialSummary, metric: str) -> None:
        """A finished trial as a nested run."""
        run = self.client.create_run(
            self.experiment(project),
            run_name=f"trial {trial.number}: {trial.family}",
            tags={
                "mlflow.parentRunId": parent_run_id,
                f"{TAG}state": trial.state,
                f"{TAG}number": str(trial.number),
            },
        )
        params = [Param("family", trial.family), *_params(trial.params)]
        metrics = [_metric(f"cv_{metric}", trial.score), _metric("seconds", trial.seconds)]
        self.client.log_batch(run.info.run_id, metrics=metrics, params=params)
        self.client.set_terminated(run.info.run_id)

    @translate_mlflow_errors
    def log_facts(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Parameters, metrics and facts of a run; undefined metrics are left out."""
        self.client.log_batch(
            run_id,
            params=_params(params or {}),
            metrics=[_metric(name, value) for name, value in (metrics or {}).items() if value == value],
            tags=[RunTag(f"{TAG}{name}", value) for name, value in (facts or {}).items()],
        )

    @translate_mlflow_errors
    def log_dataset(
        self, run_id: str, *, name: str, digest: str, source: Mapping[str, Any], profile: Mapping[str, Any]
    ) -> None:
        """The training set as a dataset of the run; `source` tells the versions of its tables."""
        dataset = Dataset(
            name=name,
            digest=digest,
            source_type="delta",
            source=json.dumps(source),
            profile=json.dumps(profile),
        )
        self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    @translate_mlflow_errors
    def log_model(self, folder: Path, spec: ModelSpec, *, name: str = "model") -> str:
        """Log a saved model to the active run; returns its URI."""
        return log_model(folder, spec, name)

    @translate_mlflow_errors
    def trials(self, project: str, run_id: str, metric: str) -> list[TrialSummary]:
        """The trials that were logged under a run, by their numbers."""
        runs = self.client.search_runs(
            [self.experiment(project)],
            f"tags.`mlflow.parentRunId` = '{run_id}'",
            max_results=10_000,
        )
        trials = [
            TrialSummary(
                number=int(run.data.tags[f"{TAG}number"]),
                family=run.data.params["family"],
                params={name: _parsed(text) for name, text in run.data.params.items() if name != "family"},
                score=run.data.metrics[f"cv_{metric}"],
                state=run.data.tags[f"{TAG}state"],
                seconds=run.data.metrics["seconds"],
            )
            for run in runs
        ]
        return sorted(trials, key=lambda trial: trial.number)

    @translate_mlflow_errors
    def log_files(self, run_id: str, folder: Path, artifact_path: str) -> None:
        """All files of a folder as artifacts of a run."""
        self.client.log_artifacts(run_id, str(folder), artifact_path)

    @translate_mlflow_errors
    def file_text(self, run_id: str, name: str) -> str | None:
        """The text of a run's artifact; None when the run has no such file."""
        if name not in {file.path for file in self.client.list_artifacts(run_id, str(Path(name).parent))}:
            return None
        make_current(self.uri)
        return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))

    @translate_mlflow_errors
    def log_figures(self, run_id: str, figures: Mapping[str, Figure]) -> None:
        """Matplotlib figures as pictures of a run, by their file names."""
        for name, figure in figures.items():
            self.client.log_figure(run_id, figure, f"plots/{name}")

    @translate_mlflow_errors
    def trained_model(
        self, project: str, *, dagster_run_id: str | None = None, cutoff: str | None = None
    ) -> TrainedModel:
        """The model of this Dagster run, else the newest that the project has trained.

        Parameters
        ----------
        cutoff
            Of this cut-off alone.

        Raises
        ------
        TrackingError
            When nothing has been trained yet.
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
    def trained_by(self, run_id: str) -> TrainedModel:
        """The model of an MLflow run that has one."""
        return _trained(self.client.get_run(run_id))

    @contextmanager
    def files(self, uri: str) -> Iterator[Path]:
        """The files of a logged model, in a folder that is gone afterwards when it is a copy."""
        with downloaded(uri, self.uri) as path:
            yield data_folder(path, uri)

    @translate_mlflow_errors
    def load_pyfunc(self, uri: str) -> PyFuncModel:
        """Load a model as any user of MLflow does, once what MLflow would import was found to be ours."""
        with downloaded(uri, self.uri) as path:
            data_folder(path, uri)
            return mlflow.pyfunc.load_model(str(path))

    @translate_mlflow_errors
    def load(self, model: TrainedModel | Version) -> TabularModel:
        """Load a model after its files were verified, and found to be those that the store was told of."""
        with self.files(model.uri) as folder:
            verify_model_files(folder, model)
            return load_model(folder)


def _trained(run: Run) -> TrainedModel:
    facts = facts_of(run.data.tags)
    return TrainedModel(run.info.run_id, facts["model_uri"], facts, run.data.metrics)


def _params(values: Mapping[str, Any]) -> list[Param]:
    return [Param(name, str(value)) for name, value in values.items()]


def _parsed(text: str) -> Any:
    """A parameter's value; MLflow keeps its text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _metric(name: str, value: float) -> Metric:
    return Metric(name, float(value), timestamp=0, step=0)
