"""The repair of damaged tables: their partitions with damaged data files are computed again."""

from collections.abc import Iterator

from dagster import AssetKey

from mlops_assets.core.names import view_name
from mlops_assets.workspace.plan_context import Batch
from mlops_assets.workspace.run_plan import RunPlan


def repairs(plan: RunPlan) -> Iterator[Batch]:
    """Yield a batch for each partition of a table with a damaged data file, inputs first.

    The sizes of all files are compared with the log. The rows are computed again from their inputs; if they
    are the same, everything downstream stays up to date. Each damage is a note of the plan.
    """
    graph = plan.workspace.definitions.resolve_asset_graph()
    for level in graph.toposorted_asset_keys_by_level:
        for key in sorted(set(level) & plan.keys):
            for partition in _damaged_partitions(plan, key):
                yield Batch(frozenset(graph.get(key).execution_set_asset_keys & plan.keys), partition)


def _damaged_partitions(plan: RunPlan, key: AssetKey) -> list[str | None]:
    if not plan.tables.exists(key.path):
        return []
    scope = plan.periods.parse_range(plan.scope) if plan.periods and plan.scope else None
    found = {
        damage.file.partition: damage
        for damage in reversed(plan.tables.damage(key.path))
        if damage.file.partition is None or scope is None or damage.file.partition in scope
    }
    plan.notes.extend(
        f"{view_name(tuple(key.path))}: {damage}; its rows are computed again" for damage in found.values()
    )
    return sorted(found, key=str)
