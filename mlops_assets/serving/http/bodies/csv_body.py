"""CSV bodies, in the dialect that the project declares for its table."""

import csv
import io
from collections.abc import Iterator

from mlops_assets.serving.http.bodies.request_rows import Columns
from mlops_assets.serving.http.errors import RequestError
from mlops_assets.stores.files.csv_dialect import Dialect, encoding_from_mark


def rows_of_csv(body: bytes, dialect: Dialect, charset: str | None = None) -> Columns:
    """The rows of CSV with a header; every value is a text, and the contract casts it, as in files.

    Parameters
    ----------
    charset
        The encoding that the request declares; by default that of the dialect. A byte order mark takes
        precedence.

    Raises
    ------
    RequestError
        When the text can't be decoded, a quote is not closed, or a row has another number of fields.
    """
    encoding = encoding_from_mark(body[:4]) or charset or dialect.encoding
    try:
        text = body.decode(encoding)
    except (UnicodeError, LookupError):
        raise RequestError(
            f"the body is not text in {encoding[:40]}",
            hint="send the encoding of the table, or name it: Content-Type: text/csv; charset=utf-8",
        ) from None
    lines = io.StringIO(text, newline="")
    for _ in range(dialect.skip_lines):
        lines.readline()
    reader = csv.reader(lines, **dialect.csv_options())
    try:
        header = [field.strip() for field in next(reader, [])]
        _check_header(header)
        rows = list(_rows(reader, len(header)))
    except csv.Error as error:
        raise RequestError(
            f"line {dialect.skip_lines + reader.line_num} of the body is not valid CSV: {error}",
            hint="close each quote, and double quotes inside a quoted field",
        ) from None
    nulls = {"", *dialect.nulls}
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    values = {
        name: [None if value in nulls else value for value in column]
        for name, column in zip(header, columns, strict=True)
        if name
    }
    return Columns(values, len(rows))


def _check_header(header: list[str]) -> None:
    named = [name for name in header if name]
    if not named:
        raise RequestError(
            "the body has no header", hint="write the names of the columns into its first line"
        )
    repeated = next((name for name in named if named.count(name) > 1), None)
    if repeated is not None:
        raise RequestError(f"the header has the column {repeated[:60]!r} twice", hint="remove one of them")


def _rows(reader: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    for number, row in enumerate(reader):
        if not row and width > 1:  # an empty line
            continue
        if len(row) != width and (row or [""]) != [""] * width:
            fields = f"{len(row)} {'field' if len(row) == 1 else 'fields'}"
            raise RequestError(
                f"row {number} of the body has {fields}, the header {width}",
                hint="write one field for each column, and quote a field that contains the delimiter",
            )
        yield row or [""]
