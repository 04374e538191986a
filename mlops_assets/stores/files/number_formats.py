"""Number formats that a table declares, beside files whose numbers have a decimal point."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.stores.files.readers.json_reader import columns_with_fractions

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

_TEXTS = ("csv", "excel")
"""Formats in which numbers are text with the declared marks."""


def reject_mixed_number_formats(
    connection: duckdb.DuckDBPyConnection,
    scans: Mapping["SourceFile", duckdb.DuckDBPyRelation],
    subject: str,
) -> None:
    """Check that no number of a file would be read by a number format that is declared for text.

    Numbers of JSON lines become text, and so does a column that is a number in one file and text in another;
    the contract would misread them by the declared format.

    Raises
    ------
    DataError
        If a table declares a number format, and a column has numbers in JSON, or is a number in one file
        and text in another.
    """
    texts = {name: file for file, scan in scans.items() if file.format in _TEXTS for name in scan.columns}
    for file, scan in scans.items():
        if file.format in _TEXTS or not file.dialect.has_number_marks:
            continue
        if file.format == "jsonl":
            if found := columns_with_fractions(connection, file, scan.columns):
                raise DataError(
                    f"{subject}: column {found[0]} has numbers with a decimal point in {file.path}, and the "
                    "table declares another number format",
                    hint="write such numbers as texts in the declared format, or use CSV for all files of "
                    f"the table. {TABLE_UNCHANGED}",
                )
            continue
        for name, kind in zip(scan.columns, map(str, scan.types), strict=True):
            if name in texts and kind != "VARCHAR":
                raise DataError(
                    f"{subject}: column {name} is {kind} in {file.path}, and text in {texts[name].path} "
                    "with a declared number format",
                    hint=f"use CSV for all files of the table, or for none. {TABLE_UNCHANGED}",
                )
