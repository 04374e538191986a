"""The days of a prediction log, without the libraries that write it."""

from pathlib import Path

from mlops_assets.core.names import PREDICTION_LOG, project_asset
from mlops_assets.stores.delta.current_files import current_files
from mlops_assets.stores.delta.data_files import rows_by_partition


def rows_by_day(warehouse: Path, project: str) -> dict[str, int]:
    """The number of rows of each day (UTC), from the log of the table alone; empty without a table."""
    current = current_files(warehouse, project_asset(project, PREDICTION_LOG))
    counted = rows_by_partition(current.files) if current else {}
    return {str(day): count for day, count in sorted(counted.items(), key=str)}
