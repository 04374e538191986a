"""Texts for missing values in columns with a format, which value detection takes for text."""

from dataclasses import replace

import duckdb

from mlops_assets.scaffolding.formats.text_formats import DetectedFormats
from mlops_assets.scaffolding.values.null_texts import ambiguous_nulls, present_nulls, without_nulls
from mlops_assets.scaffolding.values.value_detection import DetectedValues


def with_formats(
    connection: duckdb.DuckDBPyConnection, detected: DetectedValues, formats: DetectedFormats
) -> DetectedValues:
    """The columns with their formats, and the texts for missing values of these columns in the dialect."""
    typed = {found.name: found.column for found in formats.found}
    detected = detected.retyped([typed.get(column.name, column) for column in detected.columns])
    added = tuple(text for text in formats.nulls if text not in detected.dialect.nulls)
    if not added:
        return detected
    others = [column.name for column in detected.columns if column.sql_type == "VARCHAR"]
    doubts = ambiguous_nulls(present_nulls(connection, detected.rows, others), added)
    return replace(
        detected,
        dialect=replace(detected.dialect, nulls=(*detected.dialect.nulls, *added)),
        rows=without_nulls(detected.rows, [*typed, *others], added),
        doubts=(*detected.doubts, *doubts),
        plain={name: seen for name, seen in detected.plain.items() if name not in others},
    )
