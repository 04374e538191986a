"""Rows that a model was trained and evaluated on, read at the versions that its run recorded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.project.materializations import (
    DATA_VERSION,
    latest_materializations,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.stores.warehouse.warehouse import Warehouse


MADE_OF = "made_of"
"""Materialization metadata of a training set: the versions of its input tables, by key path."""


def inputs_of(
    instance: DagsterInstance, warehouse: "Warehouse", key: AssetKey, cutoff: str | None
) -> dict[str, int]:
    """Versions of the input tables of a training set, or of that of a cut-off.

    Those of its latest materialization: the table does not record them if its rows have not changed, such as
    after a change of the type of a column that is no feature. Without a materialization, those of its latest
    write.
    """
    record = latest_materializations(instance, key, None if cutoff is None else {cutoff}).get(cutoff)
    made = record.asset_materialization if record else None
    digest = warehouse.digest(key.path, partition=cutoff)
    if made is not None and MADE_OF in made.metadata and (made.tags or {}).get(DATA_VERSION) == digest:
        versions: Any = made.metadata[MADE_OF].value
        return dict(versions)
    written = (found for found in warehouse.versions(key.path) if found.partition == cutoff)
    return next((found.inputs for found in written), {})


def training_set(project: Project, warehouse: "Warehouse", facts: Mapping[str, str]) -> "pd.DataFrame":
    """The exact rows that a model was trained and evaluated on, by the versions in its facts.

    Rows of entities that were forgotten since are missing, see `forgotten_rows`.

    Raises
    ------
    DataError
        When that version of the table no longer exists or has other rows.
    """
    table, version = project.key(names.TRAINING_SET).path, int(facts["training_set_version"])
    cutoff = facts.get("cutoff")
    gone = not warehouse.exists(table) or version > warehouse.version(table)
    if gone or not warehouse.has_content(
        table, facts["training_set_digest"], version=version, partition=cutoff
    ):
        raise DataError(
            f"{project.name}: version {version} of the training set, of model {facts['model_digest'][:12]}, "
            f"no longer exists in {warehouse.root}",
            hint=f"restore the warehouse from a backup, or start over: mlops retire {project.name} --reason "
            "…, and train again",
        )
    return warehouse.frame(table, partition=cutoff, version=version)


def forgotten_rows(warehouse: "Warehouse", project: str, facts: Mapping[str, str]) -> tuple[int, str]:
    """The number of rows of forgotten entities that a training set lacks, and the date of the removal."""
    table, version = names.project_asset(project, names.TRAINING_SET), int(facts["training_set_version"])
    if not warehouse.exists(table) or version > warehouse.version(table):
        return 0, ""
    removals = warehouse.forgotten(table, version, partition=facts.get("cutoff"))
    return sum(each["rows"] for each in removals), max((each["at"] for each in removals), default="")[:10]
