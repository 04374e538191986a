"""Metadata of materializations: schema, version and inputs of a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.core.digests import text_digest
from mlops_assets.core.text.visible_text import markdown_line

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import WriteResult


def table_metadata(
    result: "WriteResult",
    *,
    descriptions: Mapping[str, str] = {},
    inputs: Mapping[tuple[dg.AssetKey, str | None], str] | None = None,
) -> dict[str, Any]:
    """Metadata of every materialization of a table.

    Parameters
    ----------
    inputs
        As for `inputs_digest`; None for a table that is read from files.
    """
    columns = [
        dg.TableColumn(name, kind, description=descriptions.get(name) or None)
        for name, kind in result.columns.items()
    ]
    return {
        "dagster/row_count": result.rows,
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": result.table,
        "dagster/uri": result.uri,
        "table_version": result.version,
        "written": result.changed,
        **({INPUTS: inputs_digest(inputs)} if inputs is not None else {}),
    }


def materialized(
    context: dg.AssetExecutionContext, key: dg.AssetKey, digest: str, metadata: Mapping[str, Any]
) -> "dg.MaterializeResult[None]":
    """The result of a step for an asset, whose event of the materialization has the metadata.

    The metadata of a `MaterializeResult` would be stored twice: in the event of the step's output, too.
    """
    context.add_asset_metadata(metadata, asset_key=key)
    return dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(digest))


def inputs_digest(parts: Mapping[tuple[dg.AssetKey, str | None], str]) -> str:
    """One digest of all inputs of an asset.

    Parameters
    ----------
    parts
        Data versions of the assets that were read, by key and partition (None without partitions).
    """
    lines = sorted(f"{key.to_user_string()}|{part or ''}|{version}" for (key, part), version in parts.items())
    return text_digest(*lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A small Markdown table for Dagster's UI."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join("| " + " | ".join(map(markdown_line, line)) + " |" for line in lines)
    return dg.MetadataValue.md(text)
