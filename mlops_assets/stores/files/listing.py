"""Listing and hashing the source files of a path, a glob or a folder."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.readers.read_errors import unreadable
from mlops_assets.stores.files.source_file import (
    LOCK_PREFIX,
    SUFFIXES,
    FoundFile,
    SourceFile,
    Stamp,
    format_of,
    is_source_name,
)


def find_files(source: Path, *, dialect: Dialect = DEFAULT_DIALECT, subject: str) -> list[SourceFile]:
    """The hashed files of a path, sorted by name.

    Parameters
    ----------
    source
        A file, a glob such as `data/raw/churn/*.csv.gz`, or the folder that contains the files.
    subject
        Project and table for error messages, such as `california_housing: table districts`.

    Raises
    ------
    DataError
        If there is no file, or a file has an unknown format.
    """
    return hash_files(require_files(source, subject=subject), dialect=dialect, subject=subject)


def require_files(source: Path, *, deep: bool = False, subject: str) -> list[FoundFile]:
    """The same as `list_files`, but at least one file.

    Raises
    ------
    DataError
        If there is no file, or a folder can't be read.
    """
    try:
        found = list_files(source, deep=deep)
    except OSError as error:
        raise unreadable(source, subject, error) from error
    if not found:
        raise DataError(
            f"{subject}: no file at {source}",
            hint="put a file there, name another place with --data, or run `mlops fetch` if the project has "
            f"a fetch.py. Supported formats: {', '.join(SUFFIXES)}.",
        )
    return found


def list_files(source: Path, *, deep: bool = False) -> list[FoundFile]:
    """The files of a path with size and modification time, sorted by name; no file is opened.

    For a folder, only files with a supported suffix are listed; for a glob, all matching files. A file that
    is deleted meanwhile is omitted. A folder without read permission is an error, because its files would
    be missing silently.

    Parameters
    ----------
    deep
        Include subfolders, except hidden ones and symbolic links.

    Raises
    ------
    OSError
        If a folder can't be read.
    """
    if source.is_dir():
        found = _walk(os.fspath(source), "", deep)
    elif has_magic(str(source)) and not source.exists():
        folder = source_folder(source)
        cut = 0 if folder == Path() else len(os.path.join(folder, ""))  # noqa: PTH118 - ends in a slash
        _require_readable_folders(source)
        paths = [
            path
            for path in glob(str(source), recursive=True)  # noqa: PTH207 - a pattern may be absolute
            if not os.path.basename(path).startswith(LOCK_PREFIX)  # noqa: PTH119
        ]
        found = _regular((path, path[cut:].replace(os.sep, "/")) for path in paths)
    else:
        found = _regular([(str(source), source.name)])
    return sorted(found)


def hash_files(
    found: Iterable[FoundFile], *, dialect: Dialect = DEFAULT_DIALECT, subject: str
) -> list[SourceFile]:
    """Hash listed files.

    Raises
    ------
    DataError
        If a file has an unknown format, or can't be read.
    """
    files = []
    for name, path, *_ in found:
        kind = format_of(name)
        if kind is None:
            raise DataError(
                f"{subject}: {path} has an unknown format",
                hint=f"use one of the suffixes {', '.join(SUFFIXES)}",
            )
        try:
            stamp = Stamp.of(Path(path))
            files.append(SourceFile(Path(path), name, kind, file_digest(Path(path)), dialect, stamp))
        except OSError as error:
            raise unreadable(path, subject, error) from error
    return files


def source_folder(source: Path) -> Path:
    """The folder of the files, for a source that is a file, a glob or a folder."""
    fixed = list(source.parts)
    while has_magic(str(Path(*fixed))):
        fixed.pop()
    folder = Path(*fixed)
    return folder.parent if len(fixed) == len(source.parts) and format_of(source.name) else folder


def _require_readable_folders(pattern: Path) -> None:
    """Raise for a folder without read permission on the path of a pattern: `glob` skips it silently."""
    for parent in pattern.parents:
        for path in glob(str(parent), recursive=True):  # noqa: PTH207
            if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        if not has_magic(str(parent)):
            return


def _walk(folder: str, prefix: str, deep: bool) -> Iterator[FoundFile]:
    # No pathlib here: a sensor lists the folder every few seconds, and it may contain ten thousand files.
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if is_source_name(entry.name):
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
