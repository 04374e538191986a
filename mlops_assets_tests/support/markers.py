"""Unique values in sensitive columns, and the files of a state directory that contain them."""

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pandas as pd

from mlops_assets.core.sql_quoting import quoted
from mlops_assets.core.text.compact_text import expanded

MARKER = re.compile(rb"zqmail\w*|zqtown\w*|4915170\d{5}|07:53:1\d")
"""Parts of the e-mail addresses, towns, telephone numbers and times of birth that `with_markers` adds."""
SCHEMA_FIELDS = """    email: str = pa.Field(str_contains="@", metadata={"sensitive": True})
    phone: int = pa.Field(gt=0)
    town: str = pa.Field(isin=["zqtown0", "zqtown1", "zqtown2"])
    born: pa.DateTime
"""
DECLARED = ["phone", "town", "born"]
"""The columns that are declared in defs.yaml; the e-mail address is declared in schema.py."""


def with_markers(rows: pd.DataFrame, start: int = 0) -> pd.DataFrame:
    """Rows with four sensitive columns."""
    numbers = range(start, start + len(rows))
    return rows.assign(
        email=[f"zqmail{number}@x.org" for number in numbers],
        phone=[491517000000 + number for number in numbers],
        town=[f"zqtown{number % 3}" for number in numbers],
        born=[f"19{number % 70 + 20}-05-17 07:53:1{number % 10}" for number in numbers],
    )


def marked_files(state: Path) -> dict[str, set[str]]:
    """Files of a state directory with markers, but those of Delta tables, and the markers.

    Archives, compressed files and compressed texts of databases are opened.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(state.rglob("*")):
        if path.is_file() and not path.is_relative_to(state / "warehouse"):
            marks = {mark.decode() for part in _contents(path) for mark in MARKER.findall(part)}
            if marks:
                found[str(path.relative_to(state))] = marks
    return found


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".db":
        yield from _long_texts(path)


def _long_texts(path: Path) -> Iterator[bytes]:
    """The texts that Dagster's event log keeps compressed."""
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in connection.execute(f"select * from {quoted(table)}"):
                for value in row:
                    with suppress(ValueError):  # other bytes
                        yield expanded(value).encode() if isinstance(value, bytes) else b""
