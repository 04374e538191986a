"""How many rows were kept out of what a model was trained on, and why."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.evaluation import TableQuality
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_MOST_RULES = 5


def tables_quality(
    project: Project, warehouse: "Warehouse", facts: Mapping[str, str]
) -> "list[TableQuality]":
    """What became of the rows of each table.

    Of a static project those of the versions that the model was made of; of an event project those of the
    partitions up to its cut-off, as they are now.
    """
    from mlops_assets.ml.evaluation.evaluation import TableQuality

    found = []
    for table in project.settings.tables:
        valid, quarantine = (
            project.table_key(layer, table).path for layer in (names.VALIDATED, names.QUARANTINE)
        )
        if not (warehouse.exists(valid) and warehouse.exists(quarantine)):
            continue
        partitions = _partitions(project, warehouse, table, facts)
        versions: tuple[int | None, int | None] = (None, None)
        if project.timeline is None:
            versions = _versions(warehouse, valid, quarantine, json.loads(facts["inputs"]))
        counts = [
            sum(
                rows
                for partition, rows in warehouse.row_counts(path, version=version).items()
                if partitions is None or partition in partitions
            )
            for path, version in zip((valid, quarantine), versions, strict=True)
        ]
        rules = _rules(warehouse, quarantine, versions[1], partitions) if counts[1] else []
        found.append(TableQuality(table, counts[0], counts[1], rules))
    return found


def _partitions(
    project: Project, warehouse: "Warehouse", table: str, facts: Mapping[str, str]
) -> list[str] | None:
    """The partitions of a table that had arrived at the cut-off; None for a table without any."""
    if table not in project.event_tables:
        return None
    known = warehouse.partitions(project.table_key(names.VALIDATED, table).path)
    return [partition for partition in known if partition <= facts["cutoff"]]


def _versions(
    warehouse: "Warehouse", valid: Sequence[str], quarantine: Sequence[str], inputs: Mapping[str, int]
) -> tuple[int | None, int | None]:
    """The version of the valid rows, and that of the quarantine which was written beside it."""
    version = inputs.get("/".join(valid))
    if version is None:
        return None, None
    made_of = warehouse.inputs(valid, version)
    # A quarantine that did not change was not written anew.
    beside = (
        each.version
        for each in warehouse.versions(quarantine)
        if all(each.inputs.get(table, 0) <= made for table, made in made_of.items())
    )
    return version, next(beside, None)


def _rules(
    warehouse: "Warehouse", quarantine: Sequence[str], version: int | None, partitions: Collection[str] | None
) -> list[tuple[str, int]]:
    with warehouse.connect() as connection:
        rows = warehouse.relation(connection, quarantine, partitions=partitions, version=version)
        rules = rows.project(f"unnest({names.BROKEN_RULES}) as rule")
        counted = rules.aggregate("rule, count(*) as n", "rule").order("n desc, rule").limit(_MOST_RULES)
        return [(str(rule), int(count)) for rule, count in counted.fetchall()]
