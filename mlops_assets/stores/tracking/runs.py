"""The runs of a tracking store: experiments, trials, parameters, metrics, tags and artifacts."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.system.permissions import limit_files
from mlops_assets.stores.tracking.client import (
    TAG,
    connect,
    make_current,
    short_timeouts,
    translate_mlflow_errors,
    translated_mlflow_errors,
)

if TYPE_CHECKING:  # most uses of the store read no trial and draw nothing
    from matplotlib.figure import Figure

    from mlops_assets.ml.search.trials import TrialSummary

DAGSTER_RUN_TAG = "dagster_run_id"
"""Tag of dagster-mlflow with the Dagster run of an MLflow run."""
TRAINING_SEQUENCE = f"{TAG}training_sequence"
"""Tag of the run of a model: its position among the models of the project, with leading zeros.

MLflow orders runs by their start, and a clock may be set back.
"""
NEWEST_MODEL_FIRST = (f"tags.`{TRAINING_SEQUENCE}` DESC", "attributes.start_time DESC")
"""Order of runs; those of earlier versions of mlops_assets have no sequence and follow the others."""
PRUNED = "pruned_"
"""Prefix of the metric of a pruned trial."""


class RunStore:
    """Writes and reads MLflow runs; the base of `TrackingStore`.

    Parameters
    ----------
    uri
        A tracking URI: `sqlite:///…/mlflow.db` or the URL of a server.
    artifacts
        Folder of the artifacts; None with a server, which has its own.
    """

    def __init__(self, uri: str, artifacts: Path | None = None) -> None:
        self.uri = uri
        self.artifacts = artifacts

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client; it is connected on first use."""
        return connect(self.uri, self.artifacts)

    @translate_mlflow_errors
    def experiment(self, project: str) -> str:
        """Return the id of the project's experiment, which is created if missing."""
        found = self.client.get_experiment_by_name(project)
        if found:
            return str(found.experiment_id)
        location = (self.artifacts / project).as_uri() if self.artifacts else None
        try:
            return str(self.client.create_experiment(project, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self.experiment(project)  # another process has created it meanwhile

    @translate_mlflow_errors
    def start(self, project: str, dagster_run_id: str) -> str:
        """Return the id of the MLflow run of a Dagster run, which is created if missing."""
        experiment, tag = self.experiment(project), f"tags.{DAGSTER_RUN_TAG} = '{dagster_run_id}'"
        for found in self.client.search_runs([experiment], tag, max_results=1):
            return str(found.info.run_id)
        tags = {DAGSTER_RUN_TAG: dagster_run_id}
        name = f"{project} {dagster_run_id[:8]}"
        return str(self.client.create_run(experiment, run_name=name, tags=tags).info.run_id)

    @translate_mlflow_errors
    def next_training_sequence(self, project: str) -> str:
        """Return the position of the next model among those of a project."""
        experiment, known = self.experiment(project), f"tags.`{TRAINING_SEQUENCE}` LIKE '%'"
        runs = self.client.search_runs([experiment], known, 1, 1, [*NEWEST_MODEL_FIRST])
        last = int(runs[0].data.tags[TRAINING_SEQUENCE]) if runs else 0
        return f"{last + 1:012}"

    def translated_errors(self) -> AbstractContextManager[None]:
        """Translate errors of MLflow calls outside this class; see `translated_mlflow_errors`."""
        return translated_mlflow_errors(self.uri)

    def end_run(self, status: str, *, after: BaseException | None = None) -> None:
        """End MLflow's active run.

        Parameters
        ----------
        after
            The error that ended the Dagster run. A second error, while the MLflow run is ended, is then
            suppressed; a run that stays open is ended later by `close_orphaned_runs`.
        """
        if after is None:
            with self.translated_errors():
                mlflow.end_run(status)
            return
        with short_timeouts(), suppress(MlopsError), self.translated_errors():
            mlflow.end_run(status)

    @translate_mlflow_errors
    def close_orphaned_runs(self, project: str, is_over: Callable[[str], bool]) -> list[str]:
        """End the open runs whose Dagster run has ended, as killed; return their ids.

        Parameters
        ----------
        is_over
            Returns whether a Dagster run has ended; False for an unknown run, which may belong to another
            instance.
        """
        running = self.client.search_runs([self.experiment(project)], "attributes.status = 'RUNNING'")
        parents = [run for run in running if "mlflow.parentRunId" not in run.data.tags]
        orphaned = [run.info.run_id for run in parents if is_over(run.data.tags.get(DAGSTER_RUN_TAG, ""))]
        for run in running:  # a trial whose process was killed while it was logged
            parent = run.data.tags.get("mlflow.parentRunId")
            if parent and (parent in orphaned or self.client.get_run(parent).info.status != "RUNNING"):
                orphaned.append(run.info.run_id)
        for run_id in orphaned:
            self.client.set_terminated(run_id, "KILLED")
        return orphaned

    @translate_mlflow_errors
    def log_trial(self, project: str, parent_run_id: str, trial: "TrialSummary", metric: str) -> None:
        """Log a finished trial as a nested run; the score of a pruned one has a name of its own.

        It is a mean over fewer folds, so it may be better than the best.
        """
        pruned = trial.state == "pruned"
        run = self.client.create_run(
            self.experiment(project),
            run_name=f"trial {trial.number}: {trial.family}{' (pruned)' if pruned else ''}",
            tags={
                "mlflow.parentRunId": parent_run_id,
                f"{TAG}state": trial.state,
                f"{TAG}number": str(trial.number),
            },
        )
        params = [Param("family", trial.family), *_params(trial.params)]
        name = f"{PRUNED if pruned else ''}cv_{metric}"
        metrics = [_metric(name, trial.score), _metric("seconds", trial.seconds)]
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
        """Log parameters, metrics and tags of a run; NaN metrics are skipped."""
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
        """Log the training set as a dataset of the run; `source` has the versions of its tables."""
        dataset = Dataset(
            name=name,
            digest=digest,
            source_type="delta",
            source=json.dumps(source),
            profile=json.dumps(profile),
        )
        self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    @translate_mlflow_errors
    def trials(self, project: str, run_id: str, metric: str) -> "list[TrialSummary]":
        """Return the trials of a run, in the order of their numbers."""
        from mlops_assets.ml.search.trials import TrialSummary

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
                score=_score(run.data.metrics, metric),
                state=run.data.tags[f"{TAG}state"],
                seconds=run.data.metrics["seconds"],
            )
            for run in runs
        ]
        return sorted(trials, key=lambda trial: trial.number)

    @translate_mlflow_errors
    def log_files(self, run_id: str, folder: Path, artifact_path: str) -> None:
        """Log all files of a folder as artifacts of a run."""
        self.client.log_artifacts(run_id, str(folder), artifact_path)
        self._limit_files(self.client.get_run(run_id).info.artifact_uri, artifact_path)

    @translate_mlflow_errors
    def file_text(self, run_id: str, name: str) -> str | None:
        """Return the text of a run's artifact; None if the run has no such file."""
        if name not in {file.path for file in self.client.list_artifacts(run_id, str(Path(name).parent))}:
            return None
        make_current(self.uri)
        return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))

    @translate_mlflow_errors
    def log_figures(self, run_id: str, figures: "Mapping[str, Figure]") -> None:
        """Log Matplotlib figures as artifacts of a run, by file name."""
        for name, figure in figures.items():
            self.client.log_figure(run_id, figure, f"plots/{name}")
        self._limit_files(self.client.get_run(run_id).info.artifact_uri, "plots")

    def _limit_files(self, location: str, folder: str = "") -> None:
        """Limit the permissions of artifacts in the state directory; other stores have their own."""
        scheme, _, path = location.rpartition("://")
        own = Path(unquote(path))
        if scheme in ("", "file") and self.artifacts and own.is_relative_to(self.artifacts):
            limit_files(own / folder)


def _score(metrics: Mapping[str, float], metric: str) -> float:
    """Return the score of a trial, complete or pruned."""
    return metrics[name] if (name := f"cv_{metric}") in metrics else metrics[f"{PRUNED}{name}"]


def _params(values: Mapping[str, Any]) -> list[Param]:
    return [Param(name, str(value)) for name, value in values.items()]


def _parsed(text: str) -> Any:
    """Return a parameter's value from its text, which is all that MLflow stores."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _metric(name: str, value: float) -> Metric:
    return Metric(name, float(value), timestamp=0, step=0)
