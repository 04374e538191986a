"""Evidently's page beside the drift report, if the project asks for it."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.errors import DataError, ProjectError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "evidently"
EVIDENTLY = "evidently_report"
"""Name of the metadata: the path of the page, or why there is none."""


def require_evidently(project: Project) -> None:
    """Raise an error if the project asks for Evidently's page, and Evidently is not installed.

    Raises
    ------
    ProjectError
        When it is not.
    """
    if project.settings.monitoring.drift.evidently and find_spec("evidently") is None:
        raise ProjectError(
            f"{project.name}: monitoring.drift.evidently is true, but Evidently is not installed",
            hint="pip install 'mlops-assets[evidently]', or remove the setting",
        )


def evidently_metadata(
    run: ReportRun,
    reference: "pd.DataFrame | None",
    current: "pd.DataFrame",
    features: list[str],
    partition: str | None,
) -> dict[str, Any]:
    """Write Evidently's page about a partition, and return the metadata that links it; empty if not wanted.

    The drift report does not depend on it: if it can't be made, the metadata and the log have the reason.

    Parameters
    ----------
    reference, current
        Samples of the training rows, None if they are gone, and of the partition.
    features
        Columns to compare; sensitive ones are left out.
    """
    if not run.project.settings.monitoring.drift.evidently:
        return {}
    from mlops_assets.ml.monitoring.evidently.html_report import write_html_report

    if reference is None:
        return {EVIDENTLY: "not made: the training rows no longer exist"}
    file = run.reports / FOLDER / f"{partition or 'all'}.html"
    shown = [name for name in features if name not in run.project.sensitive]
    try:
        write_html_report(reference, current, shown, file)
    except DataError as error:
        run.context.log.warning(error.message)
        return {EVIDENTLY: f"not made: {error.message}"}
    return {EVIDENTLY: dg.MetadataValue.path(file)}
