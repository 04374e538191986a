"""Detection of the dialect of CSV files: encoding, delimiter, quote and lines before the header."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect, encoding_from_mark, guess_utf16
from mlops_assets.stores.files.readers.csv_reader import open_bytes

_DELIMITERS = (",", ";", "\t", "|")
_QUOTES = ('"', "'", "")
"""In the order of preference, for files that are rectangular with several of them."""
_SAMPLE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 22
_MOST_LINES_BEFORE_HEADER = 50
_LEAST_REGULAR_SHARE = 0.9
"""A few broken rows do not hide the dialect; the reader names them."""
_WESTERN = "cp1252"
_CODE_PAGES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
"""Encodings in use: a short text fits many others by chance."""
_UTF8 = "utf-8"
_LAYOUT: dict[str, Any] = {
    name: getattr(DEFAULT_DIALECT, name) for name in ("delimiter", "quote", "skip_lines")
}
"""The settings of a file's layout, and their defaults."""


def detect_dialect(paths: Sequence[Path], base: Dialect = DEFAULT_DIALECT) -> Dialect:
    """The dialect under which the files are most regular: nearly every row has as many fields as the header.

    The encoding is detected from all files, the other settings from the start of the first one. Settings for
    which there is no evidence keep their value.

    Parameters
    ----------
    paths
        CSV files, compressed or not.
    base
        The dialect to change; settings that differ from the default are kept.
    """
    changes: dict[str, object] = {}
    if base.encoding == DEFAULT_DIALECT.encoding:
        changes["encoding"] = _encoding_of_all(paths)
    dialect = replace(base, **changes)  # type: ignore[arg-type]
    return _with_best_layout(dialect, _first_lines(paths[0], dialect))


def reject_other_dialects(paths: Sequence[Path], dialect: Dialect, *, subject: str) -> None:
    """Check that all files have the dialect that was detected in the first one.

    Raises
    ------
    DataError
        If a file has another delimiter, quote or number of lines before the header, or if files with letters
        such as é have different encodings.
    """
    for path in paths[1:]:
        layout = _layout(_first_lines(path, dialect), dialect)
        if layout is not None and layout[1] == dialect.skip_lines:
            continue
        found = detect_dialect([path], replace(dialect, **_LAYOUT))
        if _layout_of(found) != _layout_of(dialect) and _layout(_first_lines(path, found), found):
            raise _disagreement(subject, paths[0], _layout_of(dialect), path, _layout_of(found))
    if len(paths) > 1 and dialect.encoding != _UTF8:
        encodings = {path: _encoding_of(path) for path in paths}
        other = next((path for path in paths if encodings[path] == dialect.encoding), paths[0])
        for path, encoding in encodings.items():
            if encoding == _UTF8 and _has_letters(path):
                one, two = {"encoding": dialect.encoding}, {"encoding": encoding}
                raise _disagreement(subject, other, one, path, two)


def _layout_of(dialect: Dialect) -> dict[str, Any]:
    return {name: getattr(dialect, name) for name in _LAYOUT}


def _disagreement(
    subject: str, one: Path, settings: Mapping[str, Any], other: Path, others: Mapping[str, Any]
) -> DataError:
    differ = [name for name in settings if settings[name] != others[name]]
    spelled = [", ".join(f"{name} {each[name]!r}" for name in differ) for each in (settings, others)]
    return DataError(
        f"{subject}: files differ in their format: {one.name} has {spelled[0]}, and {other.name} "
        f"{spelled[1]}",
        hint="write all files in one format, or draft a table for each",
    )


def _has_letters(path: Path) -> bool:
    """Whether a file without a byte order mark has letters that are not ASCII."""
    with open_bytes(path) as stream:
        chunk = stream.read(_CHUNK_BYTES)
        if encoding_from_mark(chunk):
            return False
        while chunk and chunk.isascii():
            chunk = stream.read(_CHUNK_BYTES)
    return bool(chunk)


def _first_lines(path: Path, dialect: Dialect) -> list[str]:
    """The complete lines at the start of a file."""
    with open_bytes(path) as stream:
        start = stream.read(_SAMPLE_BYTES)
    encoding = encoding_from_mark(start) or dialect.encoding
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(start)
    complete = text if len(start) < _SAMPLE_BYTES else text[: text.rfind("\n") + 1]
    return complete.splitlines(keepends=True)


def _encoding_of_all(paths: Iterable[Path]) -> str:
    """The encoding of the first file that is not UTF-8; UTF-8 if all are, or have a byte order mark."""
    return next((found for found in map(_encoding_of, paths) if found != _UTF8), _UTF8)


def _encoding_of(path: Path) -> str:
    decoder = codecs.getincrementaldecoder(_UTF8)()
    with open_bytes(path) as stream:
        start = stream.read(_SAMPLE_BYTES)
        if encoding_from_mark(start):
            return _UTF8
        if start and (wide := guess_utf16(start[:1024])):
            return wide
        chunk = start
        while True:
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                return _likely_encoding(chunk)
            if not chunk:
                return _UTF8
            chunk = stream.read(_CHUNK_BYTES)


def _likely_encoding(chunk: bytes) -> str:
    """The most likely encoding of text that is not UTF-8, from its lines with non-ASCII bytes.

    Western European text fits several code pages; `cp1252` is preferred where it fits.
    """
    import charset_normalizer

    lines = b"\n".join(islice((line for line in chunk.splitlines() if not line.isascii()), 2000))
    best = charset_normalizer.from_bytes(lines, cp_isolation=list(_CODE_PAGES)).best()
    if best is None or _WESTERN in best.could_be_from_charset:
        return _WESTERN
    return best.encoding


def _with_best_layout(dialect: Dialect, lines: Sequence[str]) -> Dialect:
    """The dialect with the delimiter, quote and skipped lines under which the rows are most regular."""
    default = DEFAULT_DIALECT
    delimiters = _DELIMITERS if dialect.delimiter == default.delimiter else (dialect.delimiter,)
    quotes = _QUOTES if dialect.quote == default.quote else (dialect.quote,)
    below_lines: Dialect | None = None
    for quote in quotes:
        found = []
        for delimiter in delimiters:
            candidate = replace(dialect, delimiter=delimiter, quote=quote)
            if (layout := _layout(lines, candidate)) is not None:
                fields, skipped = layout
                # Decimal commas divide the rows below a header without commas, too.
                found.append(((not skipped, fields), replace(candidate, skip_lines=skipped)))
        if found:
            (at_start, _), best = max(found, key=lambda scored: scored[0])
            if at_start:
                return best
            # With the wrong quote, delimiters inside of fields make the rows longer than the header.
            below_lines = below_lines or best
    return below_lines or dialect


def _layout(lines: Sequence[str], dialect: Dialect) -> tuple[int, int] | None:
    """The number of fields, and of lines before the header; None if the rows are not regular.

    The header is the first row with as many fields as most rows have.
    """
    skipped = dialect.skip_lines
    reader = csv.reader(lines[skipped:], **dialect.csv_options())
    ends, lengths = [skipped], []
    try:
        for row in reader:
            ends.append(skipped + reader.line_num)
            lengths.append(len(row))
    except csv.Error:
        return None
    counts = Counter(length for length in lengths if length)
    if not counts:
        return None
    [(fields, _)] = counts.most_common(1)
    header = lengths.index(fields)
    below = [length for length in lengths[header:] if length]
    regular = below.count(fields) >= _LEAST_REGULAR_SHARE * len(below)
    if fields < 2 or len(below) < 2 or not regular or ends[header] > _MOST_LINES_BEFORE_HEADER:
        return None
    return fields, ends[header]
