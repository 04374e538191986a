"""Which source files there are behind a path, a glob or a folder."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect
from mlops_assets.stores.files.read_errors import unreadable
from mlops_assets.stores.files.source_file import (
    _ALL_SUFFIXES,
    SUFFIXES,
    FoundFile,
    SourceFile,
    Stamp,
    format_of,
)


def find_files(source: Path, *, dialect: Dialect = USUAL, subject: str) -> list[SourceFile]:
    """The files behind a path, sorted by name.

    Parameters
    ----------
    source
        A file, a glob such as `data/raw/churn/*.csv.gz`, or a folder that directly holds the files.
    subject
        What is read, for error messages: `california_housing: table districts`.

    Raises
    ------
    DataError
        When there is no file, or one of an unknown format.
    """
    return open_files(some_files(source, subject=subject), dialect=dialect, subject=subject)


def some_files(source: Path, *, deep: bool = False, subject: str) -> list[FoundFile]:
    """What `list_files` lists, when there is anything.

    Raises
    ------
    DataError
        When there is no file, or a folder can't be read.
    """
    try:
        found = list_files(source, deep=deep)
    except OSError as error:
        raise unreadable(source, subject, error) from error
    if not found:
        raise DataError(
            f"{subject}: no file at {source}",
            hint="put one there, or read from elsewhere with --data, or bring it with `mlops fetch` if the "
            f"project has a fetch.py; readable are {', '.join(SUFFIXES)}",
        )
    return found


def list_files(source: Path, *, deep: bool = False) -> list[FoundFile]:
    """The files behind a path with size and time, sorted by name; none of them is opened.

    A folder lists what is readable by its name, a glob lists all that match. A file that vanishes meanwhile
    is left out; a folder that may not be read is an error, for its files would be missing unseen.

    Parameters
    ----------
    deep
        Whether a folder's subfolders belong to it, but for hidden and linked ones.
    """
    if source.is_dir():
        found = _walk(os.fspath(source), "", deep)
    elif has_magic(str(source)) and not source.exists():
        folder = source_folder(source)
        cut = 0 if folder == Path() else len(os.path.join(folder, ""))  # noqa: PTH118 - ends in a slash
        _refuse_closed(source)
        paths = glob(str(source), recursive=True)  # noqa: PTH207 - a pattern may be absolute
        found = _regular((path, path[cut:].replace(os.sep, "/")) for path in paths)
    else:
        found = _regular([(str(source), source.name)])
    return sorted(found)


def open_files(found: Iterable[FoundFile], *, dialect: Dialect = USUAL, subject: str) -> list[SourceFile]:
    """Hash listed files.

    Raises
    ------
    DataError
        When one has an unknown format, or can't be read.
    """
    files = []
    for name, path, *_ in found:
        kind = format_of(name)
        if kind is None:
            raise DataError(
                f"{subject}: {path} has a format that is not known by its name",
                hint=f"rename it to one of {', '.join(SUFFIXES)}",
            )
        try:
            stamp = Stamp.of(Path(path))
            files.append(SourceFile(Path(path), name, kind, file_digest(Path(path)), dialect, stamp))
        except OSError as error:
            raise unreadable(path, subject, error) from error
    return files


def source_folder(source: Path) -> Path:
    """The folder that holds a source's files, whether it names a file, a glob or the folder itself."""
    fixed = list(source.parts)
    while has_magic(str(Path(*fixed))):
        fixed.pop()
    folder = Path(*fixed)
    return folder.parent if len(fixed) == len(source.parts) and format_of(source.name) else folder


def _refuse_closed(pattern: Path) -> None:
    """See that every folder that a pattern leads through may be read: `glob` passes over those silently."""
    for parent in pattern.parents:
        for path in glob(str(parent), recursive=True):  # noqa: PTH207
            if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        if not has_magic(str(parent)):
            return


def _walk(folder: str, prefix: str, deep: bool) -> Iterator[FoundFile]:
    # No pathlib here: a sensor comes by every few seconds, and there may be ten thousand files.
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.name.lower().endswith(_ALL_SUFFIXES):
                yield from _regular([(entry.path, prefix + entry.name)])
            if deep and not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/", deep)


def _regular(candidates: Iterable[tuple[str, str]]) -> Iterator[FoundFile]:
    for path, name in candidates:
        try:
            status = os.stat(path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.S_ISREG(status.st_mode):
            yield FoundFile(name, path, status.st_size, status.st_mtime_ns)
