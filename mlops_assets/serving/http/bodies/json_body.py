"""JSON bodies: `{"rows": [{…}, …]}` or `{"columns": {"name": […], …}}`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.serving.http.bodies.request_rows import Columns, Records, RequestRows
from mlops_assets.serving.http.errors import RequestError

_EXAMPLE = 'send {"rows": [{"column": value, …}, …]} or {"columns": {"column": [value, …], …}}'
_NOT_STANDARD = (b"NaN", b"Infinity")


def parse_json(body: bytes) -> Any:
    """Parse JSON; `NaN` is null as in pandas, and a number beyond the doubles is infinite.

    Raises
    ------
    RequestError
        When it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = _parse_lenient(body, str(error))
        if found is not None:
            return found
        raise RequestError(
            f"the body is not valid JSON: {error}", hint="send JSON in UTF-8; check quotes and commas"
        ) from None


def _parse_lenient(body: bytes, problem: str) -> Any:
    """JSON with the constants that Python's json module writes; None if it is not that either."""
    extended = any(constant in body for constant in _NOT_STANDARD) or "number is infinity" in problem
    if not extended or rb"\ud" in body.lower():  # Python would accept half of a surrogate pair
        return None
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=lambda name: None if name == "NaN" else float(name)
        )
    except (ValueError, RecursionError):
        return None


def rows_of_json(body: bytes) -> RequestRows:
    """The rows of a JSON body.

    Raises
    ------
    RequestError
        When it has another structure.
    """
    found = parse_json(body)
    if not isinstance(found, dict):
        raise RequestError(f"the body is {kind_of(found)}, not an object", hint=_EXAMPLE)
    unknown = [name for name in found if name not in ("rows", "columns")]
    if unknown or len(found) != 1:
        given = ", ".join(repr(name[:60]) for name in list(found)[:5]) or "no member"
        raise RequestError(f"the body has {given}, not either rows or columns", hint=_EXAMPLE)
    if "rows" in found:
        return Records(records_of(found["rows"], "rows"))
    return columns_of(found["columns"], "columns")


def records_of(rows: object, name: str, hint: str = _EXAMPLE) -> Sequence[Mapping[str, object]]:
    """The member of a body that lists objects.

    Raises
    ------
    RequestError
        When it is something else.
    """
    if not isinstance(rows, list):
        raise RequestError(f"{name} is {kind_of(rows)}, not an array of objects", hint=hint)
    for position, row in enumerate(rows):
        if type(row) is not dict:
            raise RequestError(f"row {position} is {kind_of(row)}, not an object", hint=hint)
    return rows


def columns_of(columns: object, name: str, hint: str = _EXAMPLE) -> RequestRows:
    """The member of a body that has an array for each column.

    Raises
    ------
    RequestError
        When it is something else, or the arrays differ in length.
    """
    if not isinstance(columns, dict):
        raise RequestError(f"{name} is {kind_of(columns)}, not an object of arrays", hint=hint)
    for column, values in columns.items():
        if not isinstance(values, list):
            raise RequestError(f"column {column[:60]!r} is {kind_of(values)}, not an array", hint=hint)
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shortest, longest = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        least, most = lengths[shortest], lengths[longest]
        raise RequestError(
            f"column {shortest[:60]!r} has {least:,} values, {longest[:60]!r} {most:,}",
            hint="send one value a row in each column, and null for a missing value",
        )
    return Columns(columns, next(iter(lengths.values()), 0))


def kind_of(value: object) -> str:
    """The kind of a JSON value."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "an array"}
    return kinds.get(type(value), "an object")


def reject_unknown(names: Sequence[str], known: Sequence[str], what: str) -> None:
    """Refuse names that are not known.

    Raises
    ------
    RequestError
        With a suggestion for the first one.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RequestError(f"unknown {what} {unknown[0][:60]!r}", hint=suggest_name(unknown[0][:60], known))
