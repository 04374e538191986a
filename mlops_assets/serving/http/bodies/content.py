"""Bodies by their content type."""

from typing import NamedTuple

from starlette.datastructures import Headers

from mlops_assets.serving.http.bodies.arrow_body import FILE, STREAM, rows_of_arrow
from mlops_assets.serving.http.bodies.csv_body import rows_of_csv
from mlops_assets.serving.http.bodies.json_body import rows_of_json
from mlops_assets.serving.http.bodies.request_rows import RequestRows
from mlops_assets.serving.http.errors import JSON, RequestError
from mlops_assets.stores.files.csv_dialect import Dialect

CSV = "text/csv"
_TYPES = (JSON, CSV, STREAM, FILE)


class BodyFormat(NamedTuple):
    """What rows are read with.

    Attributes
    ----------
    dialect
        The dialect of CSV.
    columns
        The columns that an Arrow body is read for.
    most_rows
        Maximum number of rows.
    """

    dialect: Dialect
    columns: frozenset[str]
    most_rows: int


def media_type(headers: Headers) -> tuple[str, str | None]:
    """The content type of a body and its charset; JSON by default."""
    kind, _, parameters = headers.get("content-type", JSON).partition(";")
    found = (one.strip().partition("=") for one in parameters.split(";"))
    charset = next((value.strip("\"' ") for name, _, value in found if name.lower() == "charset"), None)
    return kind.strip().lower(), charset


def rows_of_body(body: bytes, headers: Headers, form: BodyFormat) -> RequestRows:
    """The rows of a body.

    Raises
    ------
    RequestError
        When its type is unknown, or its content does not have it.
    """
    kind, charset = media_type(headers)
    if kind == JSON:
        return rows_of_json(body)
    if kind == CSV:
        return rows_of_csv(body, form.dialect, charset)
    if kind in (STREAM, FILE):
        return rows_of_arrow(body, known=form.columns, limit=form.most_rows)
    raise RequestError(
        f"bodies with Content-Type: {kind[:80]} are not read",
        hint=f"declare one of {', '.join(_TYPES)}, as in curl -H 'Content-Type: {JSON}'",
        status=415,
    )
