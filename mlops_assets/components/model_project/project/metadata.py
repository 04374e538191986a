"""Metadata of materializations: schema, version and inputs of a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.core.digests import text_digest

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import WriteResult


def table_metadata(
    result: "WriteResult",
    *,
    descriptions: Mapping[str, str] = {},
    made_of: Mapping[tuple[dg.AssetKey, str | None], str] | None = None,
) -> dict[str, Any]:
    """What every table's materialization tells.

    Parameters
    ----------
    made_of
        As `inputs_digest` wants it; None for what is read from files.
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
        **({INPUTS: inputs_digest(made_of)} if made_of is not None else {}),
    }


def inputs_digest(parts: Mapping[tuple[dg.AssetKey, str | None], str]) -> str:
    """One digest for what an asset was made of.

    Parameters
    ----------
    parts
        The data version of each asset, and where it has partitions of each partition, that was read.
    """
    lines = sorted(f"{key.to_user_string()}|{part or ''}|{version}" for (key, part), version in parts.items())
    return text_digest(*lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A small table to look at in the UI."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
    return dg.MetadataValue.md(text)
