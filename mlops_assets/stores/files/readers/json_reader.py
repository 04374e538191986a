"""JSON objects as text columns: one row per object, one column per key, and each value as it is spelled.

DuckDB's `read_json` types each file by its values: an identifier becomes a date or a number in one file and
stays text in the next. Here the contract decides, as it does for CSV.
"""

import codecs
import json
from collections.abc import Sequence
from secrets import token_hex
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.sql_quoting import literal, path_literal, quoted
from mlops_assets.stores.files.readers.csv_reader import open_bytes
from mlops_assets.stores.files.readers.read_errors import read_error
from mlops_assets.stores.files.source_file import is_json_lines

if TYPE_CHECKING:
    from mlops_assets.stores.files.source_file import SourceFile

_STRING = r'"(?:[^"\\]|\\.)*"'
_NUMBER = r"-?[0-9][-+.0-9eE]*"


def json_scan(file: "SourceFile", keys: Sequence[str]) -> str:
    """The SQL query of the rows of a file of JSON lines, with one text column per key.

    A string is its text, a number as it is spelled, a boolean `true` or `false`, and an object or an array
    its JSON; `null` and a missing key are null.
    """
    mark = token_hex(8)  # drawn at random, so that no file can contain it
    structure = literal(json.dumps(dict.fromkeys(keys, "VARCHAR")))
    values = ", ".join(f"{_unmarked(f'fields.{quoted(key)}', mark)} as {quoted(key)}" for key in keys)
    parsed = f"from_json({_exact_line(mark)}, {structure}) as fields"
    return f"(select {values} from (select {parsed} from {_lines(file)}))"


def _lines(file: "SourceFile") -> str:
    if is_json_lines(file.path):
        return f"read_ndjson_objects({path_literal(file.path)}, hive_partitioning = false)"
    return f"read_json_objects({path_literal(file.path)}, format = 'auto', hive_partitioning = false)"


def _exact_line(mark: str) -> str:
    """The line; if DuckDB would spell one of its numbers in another way, all are strings with a mark.

    DuckDB reads 1.50 as 1.5 and 9007199254740993.0 as 9007199254740992.0.
    """
    unchanged = "replace(json::varchar, ' ', '') = replace(json_extract(json, '$')::varchar, ' ', '')"
    # One pattern consumes strings and numbers alike, so that digits in a string stay. Control characters
    # can't occur in a line: JSON requires that they are escaped.
    pattern, pair = literal(f"({_STRING})|({_NUMBER})"), "'\\1' || chr(1) || '\\2' || chr(2)"
    strings = f"replace(regexp_replace(json::varchar, {pattern}, {pair}, 'g'), chr(1) || chr(2), '')"
    numbers = f"replace(replace({strings}, chr(1), {literal(chr(34) + mark)}), chr(2), {literal(chr(34))})"
    return f"(case when {unchanged} then json::varchar else {numbers} end)"


def _unmarked(value: str, mark: str) -> str:
    """A value without marks, and the numbers inside of a nested value without quotes."""
    marked = literal(f'"{mark}([^"]*)"')
    nested = f"regexp_replace({value}, {marked}, '\\1', 'g')"
    return (
        f"case when starts_with({value}, {literal(mark)}) then substring({value}, {len(mark) + 1}) "
        f"when contains({value}, {literal(mark)}) then {nested} else {value} end"
    )


def require_whole_array(file: "SourceFile", subject: str) -> None:
    """Check that an array ends: DuckDB reads an array that lacks its end.

    Raises
    ------
    DataError
        If the file begins with `[` and does not end with `]`.
    """
    if is_json_lines(file.path):
        return
    first = last = b""
    with open_bytes(file.path) as stream:
        while chunk := stream.read(1 << 20):
            text = chunk.removeprefix(codecs.BOM_UTF8).strip() if not first else chunk.rstrip()
            first, last = first or text[:1], text[-1:] or last
    if first == b"[" and last != b"]":
        raise DataError(
            f"{subject}: {file.path} is truncated: the array has no end",
            hint=f"write the complete file again. {TABLE_UNCHANGED}",
        )


def keys_of(connection: duckdb.DuckDBPyConnection, file: "SourceFile", *, subject: str) -> list[str]:
    """The keys of all objects of a file, in the order of their first occurrence.

    Raises
    ------
    DataError
        If a line is not an object, an object has a key twice, or two keys differ in case only.
    duckdb.Error
        If a line is not valid JSON.
    """
    found = connection.sql(
        "select json_keys(json) as keys, min(row) as row, bool_and(json_type(json) = 'OBJECT') as objects "
        f"from (select json, row_number() over () as row from {_lines(file)}) group by keys order by row"
    ).fetchall()
    if not found:
        raise DataError(f"{subject}: {file.path} has no rows", hint="remove the file, or write it again")
    if not all(objects for _, _, objects in found):
        raise read_error(file, subject, DataError("it contains lines that are not JSON objects"))
    first: dict[str, tuple[str, int]] = {}
    for keys, row, _ in found:
        for key in keys:
            spelled, before = first.setdefault(key.lower(), (key, row))
            if spelled != key or keys.count(key) > 1:
                raise _ambiguous(f"{subject}: {file.path}", (spelled, before), (key, row))
    if not first:
        raise DataError(
            f"{subject}: {file.path} has no keys", hint=f"write the file again. {TABLE_UNCHANGED}"
        )
    return [key for key, _ in first.values()]


def columns_with_fractions(
    connection: duckdb.DuckDBPyConnection, file: "SourceFile", keys: Sequence[str]
) -> list[str]:
    """The keys of a file that have a number with a decimal point; a string is no number."""
    pointers = [f"/{key.replace('~', '~0').replace('/', '~1')}" for key in keys]
    found = (f"bool_or(coalesce(json_type(json, {literal(path)}) = 'DOUBLE', false))" for path in pointers)
    [flags] = connection.sql(f"select {', '.join(found)} from {_lines(file)}").fetchall()
    return [key for key, flag in zip(keys, flags, strict=True) if flag]


def _ambiguous(subject: str, one: tuple[str, int], other: tuple[str, int]) -> DataError:
    if one[0] == other[0]:
        problem = f"row {other[1]} has the key {other[0]!r} twice"
    else:
        problem = (
            f"duplicate column {one[0].lower()} (names are not case-sensitive): the key is {one[0]!r} in row "
            f"{one[1]} and {other[0]!r} in row {other[1]}"
        )
    return DataError(f"{subject}: {problem}", hint=f"rename one of the keys. {TABLE_UNCHANGED}")
