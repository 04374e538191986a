"""Files of an object store or another file system that fsspec knows.

A file is known by what the store tells of it (an etag, a checksum, a generation or a time), so that listing
opens none. One that is read is copied to a scratch folder, and hashed meanwhile.
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
from mlops_assets.core.errors import DataError
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect
from mlops_assets.stores.files.source_file import SUFFIXES, FoundFile, SourceFile, format_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSIONS = (
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
"""What stores call a file's version, those that follow from its content first."""
_UNVERSIONED = -1
_CHUNK = 8 * 1024 * 1024


class RemoteFiles:
    """A file, a glob or a folder behind a URL.

    Parameters
    ----------
    options
        What the store's driver is given; a mapping `{env: NAME}` stands for the variable's value.
    scratch
        A folder for copies.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        scratch: Path,
        *,
        subject: str,
        dialect: Dialect = USUAL,
    ) -> None:
        self.shown, self.dialect = url, dialect
        self._scratch, self._subject = scratch, subject
        self._secrets: list[str] = []
        self._options = self._resolved(options)
        self._fs, self._path = self._connected(url)
        self._remote: dict[str, str] = {}
        self._brought: dict[str, SourceFile] = {}

    def listing(self, *, deep: bool = False) -> list[FoundFile]:
        with self._plain_failures("can't be listed"):
            self._fs.invalidate_cache()
            try:
                folder, found = self._found(deep)
            except FileNotFoundError:  # such as a bucket that nobody has made yet
                return []
        cut = len(folder) + 1 if folder else 0
        listed = sorted(
            FoundFile(path[cut:], path, int(info.get("size") or 0), _stamp(info))
            for path, info in found.items()
            if info.get("type", "file") == "file"
        )
        self._remote.update((file.name, file.path) for file in listed)
        return listed

    def some(self, *, deep: bool = False, subject: str) -> list[FoundFile]:
        found = self.listing(deep=deep)
        if not found:
            raise DataError(
                f"{subject}: no file at {self.shown}",
                hint="look whether the bucket and the path are there, and whether what runs this may list "
                f"them; readable are {', '.join(SUFFIXES)}",
            )
        return found

    def digest(self, file: FoundFile) -> str:
        if file.mtime_ns == _UNVERSIONED:
            with self._plain_failures("can't be read"):
                return self._copied(file.path, Path(os.devnull))
        return text_digest("remote", file.name, str(file.size), str(file.mtime_ns))

    def is_as_listed(self, file: FoundFile) -> bool:  # noqa: ARG002
        """Always: its digest follows from the listing itself, and a copy is checked while it is made."""
        return True

    def open(self, found: Iterable[FoundFile], *, subject: str) -> list[SourceFile]:
        opened = []
        for file in found:
            kind = format_of(file.name)
            if kind is None:
                raise DataError(
                    f"{subject}: {self._url(file.path)} has a format that is not known by its name",
                    hint=f"rename it to one of {', '.join(SUFFIXES)}",
                )
            opened.append(SourceFile(Path(file.path), file.name, kind, self.digest(file), self.dialect))
        return opened

    def bring(self, file: SourceFile, *, subject: str) -> SourceFile:
        """A copy; what was copied before is not copied again."""
        if file in self._brought.values():
            return file
        known = self._brought.get(file.name)
        if known is None:
            folder = self._scratch / uuid4().hex
            folder.mkdir()
            copy = folder / Path(file.name).name
            remote = self._remote[file.name]
            with self._plain_failures("can't be read", self._url(remote)):
                before = self._fs.info(remote)
                sha256 = self._copied(remote, copy)
                self._fs.invalidate_cache()
                after = self._fs.info(remote)
            if (before.get("size"), _stamp(before)) != (after.get("size"), _stamp(after)):
                raise DataError(
                    f"{subject}: {self._url(remote)} changed while it was read",
                    hint="run again when it is written",
                )
            known = self._brought[file.name] = SourceFile(copy, file.name, file.format, sha256, self.dialect)
        return known

    def told(self, error: DataError) -> DataError:
        copies = {str(copy.path): self._url(f"…/{copy.name}") for copy in self._brought.values()}
        message = error.message
        for path, url in copies.items():
            message = message.replace(path, url)
        return DataError(message, hint=error.hint)

    def _found(self, deep: bool) -> tuple[str, dict[str, Any]]:
        """The fixed folder, and the files below it by their paths."""
        if has_magic(self._path):
            fixed = self._path
            while has_magic(fixed):
                fixed = fixed.rpartition("/")[0]
            return fixed, self._fs.glob(self._path, detail=True)
        if self._fs.isfile(self._path):
            return self._path.rpartition("/")[0], {self._path: self._fs.info(self._path)}
        found = self._fs.find(self._path, maxdepth=None if deep else 1, detail=True)
        hidden = f"{self._path}/"
        return self._path, {
            path: info
            for path, info in found.items()
            if format_of(path)
            and not any(part.startswith(".") for part in path.removeprefix(hidden).split("/")[:-1])
        }

    def _copied(self, remote: str, target: Path) -> str:
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
            # An instance of its own: fsspec would keep one with its secrets for as long as the process lives.
            fs, path = fsspec.core.url_to_fs(url, skip_instance_cache=True, **self._options)
        except ImportError:
            raise DataError(
                f"{self._subject}: the driver of {protocol}:// is not installed, and {url} needs it",
                hint=_install(protocol),
            ) from None
        except Exception as error:  # each driver refuses its options in its own way
            raise DataError(
                f"{self._subject}: {url} can't be opened: {self._plain(error)}",
                hint="look at the URL and at storage_options; what they may say is in the driver's "
                "documentation",
            ) from None
        return fs, str(path).rstrip("/")

    @contextmanager
    def _plain_failures(self, what: str, url: str | None = None) -> Iterator[None]:
        """Drivers raise what they like: their own words, without secrets, and none of their traceback."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"{self._subject}: {url or self.shown} {what}: {self._plain(error)}",
                hint="look whether the store can be reached, and at the credentials; the table keeps the "
                "content that it had",
            ) from None

    def _plain(self, error: Exception) -> str:
        text = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _resolved(self, value: Any) -> Any:
        """Options with the values of the environment variables that they name."""
        if not isinstance(value, Mapping):
            return value
        if set(value) != {"env"}:
            return {name: self._resolved(inner) for name, inner in value.items()}
        found = os.environ.get(str(value["env"]))
        if not found:
            raise DataError(
                f"{self._subject}: the environment variable {value['env']} is not set, and storage_options "
                "name it",
                hint=f"export {value['env']}=…",
            )
        self._secrets.append(found)
        return found


def _stamp(info: Mapping[str, Any]) -> int:
    """A number that is another when the file is: it stands where local files have their time."""
    version = next((info[name] for name in _VERSIONS if info.get(name)), None)
    if version is None:
        return _UNVERSIONED
    # Some drivers write it in one way when they list, and in another when they tell of one file.
    told = version.timestamp() if isinstance(version, datetime) else version
    return int(text_digest(str(told).strip('"'))[:15], 16)


def _install(protocol: str) -> str:
    """How to get a driver, in fsspec's own words where they name a package."""
    from fsspec.registry import known_implementations

    told = str(known_implementations.get(protocol, {}).get("err", ""))
    packages = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
    return f"pip install {packages[protocol]}" if protocol in packages else told or "install it"
