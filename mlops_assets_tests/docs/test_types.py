"""docs/types.md: every tested type is in the table, with the type that the test finds."""

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from mlops_assets_tests.stores.delta.writing.test_stored_types import STORED
from mlops_assets_tests.stores.files.readers.test_parquet_reader import RAW

PAGE = Path(__file__).parents[2] / "docs" / "types.md"
ROWS = [
    [cell.strip() for cell in line[1:-1].split("|")]
    for line in PAGE.read_text("utf-8").split("## JSON lines")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
][1:]


def row_of(column: int, names: list[str]) -> list[str]:
    """The row that has one of these types in a column."""
    found = [row for row in ROWS if {*re.findall(r"`([^`]+)`", row[column]), row[column]} & set(names)]
    assert found, f"{names} is not in the table"
    return found[0]


@pytest.mark.parametrize(("kind", "value", "stored", "_"), RAW)
def test_a_type_of_arrow_is_documented(kind: pa.DataType, value: object, stored: str, _: object):
    name = str(kind)
    if name.startswith("timestamp"):
        row = next(
            row for row in ROWS if row[0].startswith("`timestamp`") and ("zone" in row[0]) == bool(kind.tz)
        )
    else:
        row = row_of(0, [name, re.split(r"[\[<(]", name)[0]])
    assert f"`{stored}`" in row[2] or f"`{stored.split('(')[0]}`" in row[2]


@pytest.mark.parametrize(("value", "stored", "_"), STORED)
def test_a_type_of_duckdb_is_documented(value: str, stored: str, _: object):
    name = str(duckdb.sql(f"select {value} as a").types[0])
    if name.endswith("]"):
        name = "list, array"
    row = row_of(1, [name, name.split("(")[0]]) if name != "list, array" else row_of(1, [name])
    assert f"`{stored}`" in row[3] or f"`{stored.split('(')[0]}`" in row[3]
