"""Files in an object store or another remote file system, accessed with fsspec.

A file is identified by the store's version metadata (ETag, checksum, generation or modification time), so
listing opens no file. A file that is read is copied to a scratch folder and hashed while it is copied.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.redaction.addresses import may_contain_credentials
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.files.source_file import SUFFIXES, FoundFile, SourceFile, format_of, is_source_name
from mlops_assets.stores.files.storage_options import StorageOptions

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSION_FIELDS = (
    "ETag",
    "etag",
    "md5Hash",
    "md5",
    "content_md5",
    "crc32c",
    "generation",
    "VersionId",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
)
"""The names of a file's version in the metadata of stores; names of content digests come first."""
_UNVERSIONED = -1
_CHUNK = 8 * 1024 * 1024
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class RemoteFiles:
    """A file, a glob or a folder at a URL.

    Parameters
    ----------
    options
        Arguments of the store's driver, see `StorageOptions`.
    scratch
        A folder for local copies.

    Raises
    ------
    DataError
        If the URL contains a secret, which would be shown and stored with it.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        scratch: Path,
        *,
        subject: str,
        dialect: Dialect = DEFAULT_DIALECT,
    ) -> None:
        if may_contain_credentials(url):
            raise DataError(
                f"{subject}: the URL of the source, {urlsplit(url).scheme}://…, contains a user name, a "
                "password or a token",
                hint="declare them in storage_options, as {env: NAME}. Write @ in a path as %40",
            )
        self.display_name, self.dialect = url, dialect
        self._scratch, self._subject = scratch, subject
        self._options = StorageOptions(options, subject=subject)
        self._fs, self._path = self._connected(url)
        self._remote_paths: dict[str, str] = {}
        self._copies: dict[str, SourceFile] = {}

    def list_files(self, *, deep: bool = False) -> list[FoundFile]:
        with self._translated_errors("can't be listed"):
            self._fs.invalidate_cache()
            try:
                folder, found = self._found(deep)
            except FileNotFoundError:  # for example, the bucket does not exist yet
                return []
        prefix = len(folder) + 1 if folder else 0
        listed = sorted(
            FoundFile(path[prefix:], path, int(info.get("size") or 0), _version_number(info))
            for path, info in found.items()
            if info.get("type", "file") == "file"
        )
        self._remote_paths.update((file.name, file.path) for file in listed)
        return listed

    def require_files(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        found = self.list_files(deep=deep)
        if not found:
            raise DataError(
                f"{subject}: no file at {self.display_name}",
                hint="check the bucket and the path, and the permission to list them. Supported formats: "
                f"{', '.join(SUFFIXES)}.",
            )
        return found

    def digest(self, file: FoundFile) -> str:
        if file.mtime_ns == _UNVERSIONED:
            with self._translated_errors("can't be read"):
                return self._copy(file.path, Path(os.devnull))
        return text_digest("remote", file.name, str(file.size), str(file.mtime_ns))

    def is_unchanged(self, file: FoundFile) -> bool:  # noqa: ARG002
        """Always true: the digest depends on the listing alone, and `local_copy` detects later changes."""
        return True

    def hash_files(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        hashed = []
        for file in found:
            kind = format_of(file.name)
            if kind is None:
                raise DataError(
                    f"{subject}: {self._url(file.path)} has an unknown format",
                    hint=f"use one of the suffixes {', '.join(SUFFIXES)}",
                )
            hashed.append(SourceFile(Path(file.path), file.name, kind, self.digest(file), self.dialect))
        return hashed

    def local_copy(self, file: SourceFile, *, subject: str) -> SourceFile:
        """A copy in the scratch folder; each file is copied once."""
        if file in self._copies.values():
            return file
        known = self._copies.get(file.name)
        if known is None:
            folder = self._scratch / uuid4().hex
            folder.mkdir()
            copy = folder / Path(file.name).name
            remote = self._remote_paths[file.name]
            with self._translated_errors("can't be read", self._url(remote)):
                before = self._fs.info(remote)
                sha256 = self._copy(remote, copy)
                self._fs.invalidate_cache()
                after = self._fs.info(remote)
            if (before.get("size"), _version_number(before)) != (after.get("size"), _version_number(after)):
                raise DataError(
                    f"{subject}: {self._url(remote)} changed while it was read",
                    hint=f"run again when the file is complete. {TABLE_UNCHANGED}",
                )
            known = self._copies[file.name] = SourceFile(copy, file.name, file.format, sha256, self.dialect)
        return known

    def with_source_path(self, error: DataError) -> DataError:
        message = error.message
        for copy in self._copies.values():
            message = message.replace(str(copy.path), self._url(f"…/{copy.name}"))
        return DataError(message, hint=error.hint)

    def _found(self, deep: bool) -> tuple[str, dict[str, Any]]:
        """The folder that names are relative to, and the metadata of the files by path."""
        if has_magic(self._path):
            fixed = self._path
            while has_magic(fixed):
                fixed = fixed.rpartition("/")[0]
            return fixed, self._fs.glob(self._path, detail=True)
        if self._fs.isfile(self._path):
            return self._path.rpartition("/")[0], {self._path: self._fs.info(self._path)}
        found = self._fs.find(self._path, maxdepth=None if deep else 1, detail=True)
        folder = f"{self._path}/"
        return self._path, {
            path: info
            for path, info in found.items()
            if is_source_name(path.rpartition("/")[2])
            and not any(part.startswith(".") for part in path.removeprefix(folder).split("/")[:-1])
        }

    def _copy(self, remote: str, target: Path) -> str:
        digest = hashlib.sha256()
        with self._fs.open(remote, "rb") as stream, target.open("wb") as copy:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        return digest.hexdigest()

    def _url(self, path: str) -> str:
        return str(self._fs.unstrip_protocol(path))

    def _connected(self, url: str) -> "tuple[AbstractFileSystem, str]":
        import fsspec

        protocol = urlsplit(url).scheme
        try:
            # Not from fsspec's cache, which would keep the secrets as long as the process lives.
            fs, path = fsspec.core.url_to_fs(url, skip_instance_cache=True, **self._options.values)
        except ImportError:
            raise DataError(
                f"{self._subject}: {url} requires the driver of {protocol}://, which is not installed",
                hint=_install_hint(protocol),
            ) from None
        except Exception as error:  # each driver raises its own errors for invalid options
            raise DataError(
                f"{self._subject}: {url} can't be opened: {_first_line(error)}",
                hint="check the URL and storage_options against the documentation of the driver",
            ) from None
        return fs, str(path).rstrip("/")

    @contextmanager
    def _translated_errors(self, problem: str, url: str | None = None) -> Iterator[None]:
        """Raise the errors of drivers as a DataError, without secrets and without their traceback."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"{self._subject}: {url or self.display_name} {problem}: {_first_line(error)}",
                hint=f"check the connection to the store, and the credentials. {TABLE_UNCHANGED}",
            ) from None


def _first_line(error: Exception) -> str:
    return next(iter(redact(str(error)).strip().splitlines()), "") or type(error).__name__


def _version_number(info: Mapping[str, Any]) -> int:
    """A number that identifies a file's version; it takes the place of a local file's modification time."""
    version = next((info[name] for name in _VERSION_FIELDS if info.get(name)), None)
    if version is None:
        return _UNVERSIONED
    # Some drivers write the version of a listed file and that of a single file differently.
    text = str(version.timestamp() if isinstance(version, datetime) else version)
    return int(text_digest(text.strip('"'))[:15], 16)


def _install_hint(protocol: str) -> str:
    """How to install a driver; for drivers of others, the text that fsspec registers."""
    from fsspec.registry import known_implementations

    if protocol in _DRIVERS:
        return f"pip install {_DRIVERS[protocol]}"
    return str(known_implementations.get(protocol, {}).get("err", "")) or "install the driver"
