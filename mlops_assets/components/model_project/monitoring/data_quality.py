"""data_quality: figures of the rows of each partition."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.monitoring_asset import ReportInputs, monitoring_asset
from mlops_assets.components.model_project.monitoring.report import Report, ReportRun
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.monitoring_asset import MakeReport

COLUMNS = {
    "table_name": "VARCHAR",
    "measure": "VARCHAR",
    "column_name": "VARCHAR",
    "value": "DOUBLE",
    "expected": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "in_line": "BOOLEAN",
    "note": "VARCHAR",
}


def data_quality_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that measures the rows of each partition."""
    tables = monitored_tables(project)
    return monitoring_asset(
        project,
        names.DATA_QUALITY,
        description="Figures of the rows of each partition: valid and rejected rows of each table.",
        inputs=ReportInputs(
            required=[project.table_key(names.QUARANTINE, table) for table in tables],
            optional=[project.table_key(names.VALIDATED, table) for table in tables],
            reads_blocked=True,
        ),
        columns=COLUMNS,
        checks={},
        code=["data_quality 1"],
        prepare=_prepare,
    )


def monitored_tables(project: Project) -> list[str]:
    """The tables whose rows arrive by partition, or the rows of `scoring`."""
    return project.event_tables if project.timeline else [names.SCORING]


def _prepare(run: ReportRun) -> "MakeReport":
    project = run.project

    def make(partition: str | None) -> Report:
        rows: list[dict[str, object]] = []
        kept = 0
        for table in monitored_tables(project):
            for layer, measure in ((names.VALIDATED, "rows"), (names.QUARANTINE, "rejected_rows")):
                count = len(run.rows(project.table_key(layer, table), partition))
                rows.append({"table_name": table, "measure": measure, "value": count})
                kept += count if layer == names.VALIDATED else 0
        return Report(rows, {}, {"rows": kept})

    return make
