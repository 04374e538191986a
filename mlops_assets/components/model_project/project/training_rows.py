"""The rows that a model was trained and evaluated on, read back by the versions that its run recorded."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.stores.warehouse.warehouse import Warehouse


def inputs_of(warehouse: "Warehouse", table: Sequence[str], cutoff: str | None) -> dict[str, int]:
    """The versions of the tables that a training set, or that of a cut-off, was last written from."""
    written = (found for found in warehouse.versions(table) if found.partition == cutoff)
    return next((found.inputs for found in written), {})


def training_set(project: Project, warehouse: "Warehouse", facts: Mapping[str, str]) -> "pd.DataFrame":
    """The very rows that a model was trained and judged on, as its facts name them.

    Raises
    ------
    DataError
        When that version of the table is gone, or was written anew with other rows.
    """
    table, version = project.key(names.TRAINING_SET).path, int(facts["training_set_version"])
    cutoff = facts.get("cutoff")
    gone = not warehouse.exists(table) or version > warehouse.version(table)
    if gone or warehouse.digest(table, partition=cutoff, version=version) != facts["training_set_digest"]:
        raise DataError(
            f"{project.name}: the training set, version {version}, of model {facts['model_digest'][:12]} is "
            f"not in {warehouse.root} any more",
            hint=f"bring the warehouse back; or to start over: mlops retire {project.name} --reason …, and "
            "train again",
        )
    return warehouse.frame(table, partition=cutoff, version=version)
