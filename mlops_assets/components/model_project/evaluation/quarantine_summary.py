"""Quarantined rows of the tables that a model was trained on, and the rules that they violate."""

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
    """Numbers of valid and quarantined rows of each table.

    In a static project at the table versions of the model's inputs; in an event project of the current
    partitions up to the cut-off.
    """
    from mlops_assets.ml.contracts.shown_rules import shown_rule
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
        rules = [(shown_rule(rule, project.sensitive), count) for rule, count in rules]
        found.append(TableQuality(table, counts[0], counts[1], rules))
    return found


def _partitions(
    project: Project, warehouse: "Warehouse", table: str, facts: Mapping[str, str]
) -> list[str] | None:
    """The partitions of a table up to the cut-off; None for a table without partitions."""
    if table not in project.event_tables:
        return None
    known = warehouse.partitions(project.table_key(names.VALIDATED, table).path)
    return [partition for partition in known if partition <= facts["cutoff"]]


def _versions(
    warehouse: "Warehouse", valid: Sequence[str], quarantine: Sequence[str], inputs: Mapping[str, int]
) -> tuple[int | None, int | None]:
    """The versions of the valid rows and of the quarantine that was written with them."""
    version = inputs.get("/".join(valid))
    if version is None:
        return None, None
    valid_inputs = warehouse.inputs(valid, version)
    # An unchanged quarantine is not written again, so that its inputs may be older.
    beside = (
        each.version
        for each in warehouse.versions(quarantine)
        if all(each.inputs.get(table, 0) <= number for table, number in valid_inputs.items())
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
