"""features_online: the newest features of each entity, in a store that is read by key."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.automation.conditions import follows_updates, freshness
from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.components.model_project.project.metadata_names import (
    INPUTS,
    ONLINE,
    ONLINE_CONTENT,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.components.model_project.settings.serving.online import OnlineSettings
from mlops_assets.components.resources import WarehouseResource, WorkFolders
from mlops_assets.core import names
from mlops_assets.core.byte_size import format_bytes
from mlops_assets.core.digests import text_digest

if TYPE_CHECKING:
    from mlops_assets.stores.online.base import OnlineStore
    from mlops_assets.stores.online.newest_features import NewestFeatures

ONLINE_EQUALS_OFFLINE = "online_equals_offline"
_SAMPLE_ROWS = 500


def features_online_asset(project: Project, settings: OnlineSettings) -> dg.AssetsDefinition:
    """The asset that replaces the content of the online store."""
    features_key = project.key(names.FEATURES)
    spec = project.spec(
        project.key(names.FEATURES_ONLINE),
        description="The newest features of each entity, for requests that send its columns alone: of the "
        "newest partition that contains it and passed its checks. A recomputed older partition does not "
        "replace newer features.",
        kinds=["duckdb", settings.store],
        deps=[features_key],
        code=["features_online 1", public_settings(settings)],
        automation=follows_updates(project),
        freshness=freshness(project.settings.freshness.online_hours),
        metadata={ONLINE: dg.MetadataValue.json(settings.model_dump(mode="json"))},
    )
    check = dg.AssetCheckSpec(
        ONLINE_EQUALS_OFFLINE,
        asset=spec.key,
        description=f"Read by key, the features of {_SAMPLE_ROWS} entities equal those of the table, bit for "
        "bit.",
    )

    @dg.multi_asset(specs=[spec], check_specs=[check], name=names.op_name(*spec.key.path))
    def features_online(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, folders: WorkFolders
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from mlops_assets.stores.online.newest_features import NewestFeatures
        from mlops_assets.stores.online.open import open_store

        started, store = time.monotonic(), warehouse.store
        with as_dagster_failures(project.name, project.sensitive):
            online = open_store(project.name, settings.model_dump(), Path(folders.online))
            with store.turn(spec.key.path):
                staleness = Staleness(context.job_def.asset_layer.asset_graph, context.instance, store)
                inputs = staleness.inputs(spec.key, None)
                newest = NewestFeatures.of(
                    store,
                    project.name,
                    project.settings.entity,
                    project.time.periods,
                    succeeded=staleness.usable_partitions(features_key),
                    # Those that are answered are kept.
                    ttl_hours=settings.ttl_hours if settings.stale == "refuse" else None,
                )
                written = _write(newest, online)
                result = _compare(newest, online)
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(newest.content),
                metadata={
                    **written,
                    **_partition_metadata(newest),
                    # A partition whose checks failed may pass them without a change of its content.
                    INPUTS: text_digest(inputs, *newest.failed) if newest.failed else inputs,
                    ONLINE_CONTENT: newest.content,
                    "store": online.display_name,
                    "seconds": round(time.monotonic() - started, 3),
                },
            )
            yield result

    return features_online


def _write(newest: "NewestFeatures", online: "OnlineStore") -> dict[str, Any]:
    """Write the rows, unless the store already holds them; return metadata about the content."""
    from mlops_assets.stores.online.encoding import encoded_batches

    before = online.snapshot()
    if before is not None and before.content == newest.content:
        return {"written": False, "dagster/row_count": before.rows}
    with newest.warehouse.connect() as connection:
        snapshot = newest.snapshot(len(newest.relation(connection)), now=datetime.now(UTC))
        batches = encoded_batches(newest.batches(connection), len(snapshot.entity))
        size = online.write(snapshot, batches)
    columns = [dg.TableColumn(name, kind) for name, kind in (*snapshot.entity, *snapshot.features)]
    return {
        "written": True,
        "dagster/row_count": snapshot.rows,
        "dagster/column_schema": dg.TableSchema(columns),
        "bytes": size,
        "size": format_bytes(size),
    }


def _partition_metadata(newest: "NewestFeatures") -> dict[str, Any]:
    left_out = newest.left_out
    return {
        "as_of": newest.periods.end_of(max(newest.partitions)).isoformat(sep=" "),
        "partitions": len(newest.partitions),
        **({"left_out": markdown_table(("partition", "reason"), list(left_out.items()))} if left_out else {}),
    }


def _compare(newest: "NewestFeatures", online: "OnlineStore") -> dg.AssetCheckResult:
    """Read entities by key, and compare them with the rows of the table."""
    from mlops_assets.stores.online.comparison import different_rows

    with newest.warehouse.connect() as connection:
        rows = newest.sample(connection, _SAMPLE_ROWS)
    differing = different_rows(online, rows)
    places = [column for row in differing for column in row]
    named = f", in {', '.join(sorted(set(places)))}" if places else ""
    return dg.AssetCheckResult(
        check_name=ONLINE_EQUALS_OFFLINE,
        passed=not differing,
        description=f"of {len(rows):,} entities, {len(differing):,} differ{named}",
        metadata={"entities": len(rows)},
    )
