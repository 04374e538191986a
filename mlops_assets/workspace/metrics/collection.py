"""One collection of all metrics, in parts that fail on their own."""

import logging
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import version

from prometheus_client import Metric

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.workspace.metrics import catalogue
from mlops_assets.workspace.metrics.figures import Figures
from mlops_assets.workspace.metrics.finished_runs import Job
from mlops_assets.workspace.metrics.run_figures import add_runs
from mlops_assets.workspace.metrics.status_figures import add_status
from mlops_assets.workspace.status.collect import collect_status
from mlops_assets.workspace.status.read_only_instance import read_only_instance
from mlops_assets.workspace.status.valid_projects import LoadedProjects, load_projects
from mlops_assets.workspace.workspace import Workspace

DAGSTER = "dagster"
ASSET_JOB = "__ASSET_JOB"
"""Dagster's name for the job of runs that select assets: of automation, of `mlops run` and of the UI."""
_log = logging.getLogger(__name__)


class MetricsCollection:
    """The metrics of a workspace; its definitions are loaded once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect(self) -> Iterator[Metric]:
        """Collect all parts; one that fails is logged, and has success 0 instead of figures."""
        own = Figures()
        own.add(catalogue.BUILD, 1, version=version("mlops-assets"), dagster=version("dagster"))
        failed: set[str] = set()
        parts: dict[str, Callable[[Figures], None]] = {
            DAGSTER: self._dagster,
            "projects": lambda figures: self._projects(figures, with_dagster=DAGSTER not in failed),
        }
        for name, add in parts.items():
            figures, started = Figures(), time.monotonic()
            try:
                add(figures)
            except Exception as error:  # a store that dagster.yaml names may raise anything
                _log.error("metrics of %s can't be collected: %s", name, _reason(error))
                failed.add(name)
                own.add(catalogue.COLLECTOR_SUCCESS, False, collector=name)
            else:
                own.add(catalogue.COLLECTOR_SUCCESS, True, collector=name)
                yield from figures.families()
            own.add(catalogue.COLLECTOR_DURATION, time.monotonic() - started, collector=name)
        yield from own.families()

    @cached_property
    def _loaded(self) -> LoadedProjects:
        return load_projects(self._workspace)

    def _projects(self, figures: Figures, *, with_dagster: bool) -> None:
        status = collect_status(self._workspace, loaded=self._loaded)
        add_status(figures, status, with_dagster=with_dagster)
        for error in status.errors:
            _log.error("%s", error)
        figures.add(catalogue.WORKSPACE_ERRORS, len(status.errors))

    def _dagster(self, figures: Figures) -> None:
        with read_only_instance(self._workspace) as instance:
            add_runs(figures, self._workspace.state, instance, self._jobs())

    def _jobs(self) -> Iterator[Job]:
        """The jobs of projects that are loaded; none if another project is invalid, which hides them."""
        for project in self._loaded.declared:
            yield Job(project, ASSET_JOB)
        if self._loaded.invalid or self._loaded.errors:
            return
        for job in self._workspace.definitions.jobs or ():
            owners = [project for project in self._loaded.declared if job.name.startswith(f"{project}_")]
            if owners:
                yield Job(max(owners, key=len), job.name)


def _reason(error: Exception) -> str:
    if isinstance(error, MlopsError):
        return f"{error.message}{f' ({error.hint})' if error.hint else ''}"
    return f"{type(error).__name__}: {redact(' '.join(str(error).split()))}"
