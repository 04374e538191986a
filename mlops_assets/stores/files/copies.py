"""Copies among the source files of one table, whose rows would be counted twice."""

import re
from collections.abc import Sequence

import duckdb

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.source_file import ALL_SUFFIXES, SourceFile

_COPY = re.compile(
    r"copy of (?P<copied>.+)|(?P<saved>.+?)(?: ?\(\d+\)| - copy(?: \(\d+\))?| copy(?: \d+)?)", re.IGNORECASE
)
"""Names that browsers and file managers give to a copy: `visits (1)`, `visits - Copy`, `visits copy 2`."""


def reject_copies(
    files: Sequence[SourceFile], relations: Sequence[duckdb.DuckDBPyRelation], *, subject: str
) -> None:
    """Check that no file is a copy of another one: by equal content, or by its name.

    Files without rows may be equal.

    Parameters
    ----------
    relations
        The rows of each file.
    subject
        Project and table for error messages, such as `customer_churn: table transactions`.

    Raises
    ------
    DataError
        If a file has the bytes of another one, is named like a copy of another one, or is the compressed form
        of another one.
    """
    contents: dict[str, SourceFile] = {}
    names = {file.name.lower(): file.name for file in files}
    for file, rows in zip(files, relations, strict=True):
        other = contents.setdefault(file.sha256, file)
        if other is not file and rows.limit(1).fetchall():
            raise _copy_error(subject, file.name, f"has the same content as {other.name}")
        if original := next((names[name] for name in _originals(file.name) if name in names), None):
            raise _copy_error(subject, file.name, f"is named like a copy of {original}")


def _originals(name: str) -> list[str]:
    """Names, in lower case, of the files that a file with this name may be a copy of."""
    folder, slash, base = name.lower().rpartition("/")
    suffix = max((suffix for suffix in ALL_SUFFIXES if base.endswith(suffix)), key=len, default="")
    stem = base.removesuffix(suffix)
    found = [stem + suffix.removesuffix(".gz")] if suffix.endswith(".gz") else []
    if match := _COPY.fullmatch(stem):
        found.append((match["copied"] or match["saved"]) + suffix)
    return [folder + slash + original for original in found]


def _copy_error(subject: str, name: str, reason: str) -> DataError:
    return DataError(
        f"{subject}: {name} {reason}: its rows would be counted twice",
        hint="delete one of the two files; rename the file if it contains other rows",
    )
