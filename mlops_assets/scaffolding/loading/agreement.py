"""Where several files of a source differ: columns that some lack, and types."""

from collections.abc import Iterator, Sequence
from itertools import islice

import duckdb

from mlops_assets.core.names import SOURCE_FILE
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.stores.files.reader import scan_file
from mlops_assets.stores.files.source_file import SourceFile

_LISTED = 3
_MOST_COLUMNS = 50


def column_doubts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], *, subject: str
) -> Iterator[str]:
    """A doubt about each column that some files lack."""
    if len(files) < 2:
        return
    columns = {file.name: set(scan_file(connection, file, subject=subject).columns) for file in files}
    for name in sorted(set().union(*columns.values())):
        lacking = [file for file, found in columns.items() if name not in found]
        if lacking:
            yield (
                f"{len(lacking)} of {len(files)} files have no column {name}, for example "
                f"{_listed(lacking)}; their rows have no value"
            )


def type_doubts(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]
) -> Iterator[str]:
    """A doubt about each column of text that is a number in some files and not in others."""
    texts = [column.name for column in columns if column.sql_type == "VARCHAR"][:_MOST_COLUMNS]
    if not texts:
        return
    counts = ", ".join(
        f"count({quoted(name)}), count({number}), min(case when {number} is null then {quoted(name)} end)"
        for name in texts
        for number in (f"try_cast({quoted(name)}::varchar as double)",)
    )
    query = f"select {SOURCE_FILE}, {counts} from {table} group by {SOURCE_FILE} order by {SOURCE_FILE}"
    found = connection.execute(query).fetchall()
    for place, name in enumerate(texts):
        parts = [(file, *row[3 * place : 3 * place + 3]) for file, *row in found]
        numbers = [file for file, filled, read, _ in parts if filled and read == filled]
        others = [(file, example) for file, filled, read, example in parts if read < filled]
        if numbers and others:
            example = others[0][1]
            yield (
                f"{name} is a number in {_listed(numbers)}, and text such as {example!r} in "
                f"{_listed([file for file, _ in others])}; it is drafted as text"
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(islice(names, _LISTED)) + more
