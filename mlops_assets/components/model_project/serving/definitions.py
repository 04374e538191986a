"""The definitions about the HTTP service of a project."""

from collections.abc import Sequence

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.serving.endpoint_status import champion_served_check
from mlops_assets.components.model_project.serving.external_assets import external_assets
from mlops_assets.components.model_project.serving.serving_sensor import serving_sensor
from mlops_assets.core import names

_READ_LOG = (names.DRIFT_REPORT, names.PERFORMANCE_REPORT)


def serving_definitions(project: Project, reports: Sequence[dg.AssetsDefinition]) -> dg.Definitions:
    """External assets, their check and their sensor; nothing if the project declares neither.

    Parameters
    ----------
    reports
        The reports of the project, of which some read the log.
    """
    serving = project.settings.serving
    if not (serving.observe or serving.log.enabled):
        return dg.Definitions()
    keys = [key for report in reports for key in report.keys if key.path[1] in _READ_LOG]
    return dg.Definitions(
        assets=external_assets(project),
        asset_checks=[champion_served_check(project)] if serving.observe else [],
        sensors=[serving_sensor(project, keys if serving.log.enabled else [])],
    )
