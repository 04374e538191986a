"""The file of API keys: JSON with digests, readable by its owner, replaced as a whole."""

import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.keys.api_key import ApiKey
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.process_lock import process_lock

_FORMAT = 1
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def default_key_file(state: Path) -> Path:
    """The file of keys of a state directory."""
    return state / "keys" / "serving.json"


def read_keys(file: Path) -> tuple[ApiKey, ...]:
    """Return the keys of a file.

    Raises
    ------
    StoreError
        When there is no such file, it can't be read, or other users can write it.
    """
    with translated_disk_errors("the file of API keys", file.parent):
        try:
            mode, text = file.stat().st_mode, file.read_text("utf-8")
        except FileNotFoundError as error:
            raise StoreError(
                f"there is no file of API keys {file}",
                hint=f"create a key: mlops keys create NAME --project PROJECT --file {file}",
            ) from error
        except (IsADirectoryError, UnicodeDecodeError) as error:
            raise StoreError(
                f"the file of API keys {file} can't be read: {type(error).__name__}",
                hint=f"create a key: mlops keys create NAME --project PROJECT --file {file}",
            ) from error
    if mode & _WRITABLE:
        raise StoreError(
            f"{file} can be written by other users, who could add keys of their own",
            hint=f"run chmod go-w {file}",
        )
    try:
        values = json.loads(text)
        if values["format"] != _FORMAT:
            raise ValueError(f"the format is {values['format']!r}")
        return tuple(map(_key, values["keys"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{file} is not a file of API keys: {type(error).__name__}: {error}",
            hint="restore it from a backup, or delete it and create the keys again: mlops keys create",
        ) from error


@contextmanager
def changed_keys(file: Path, on_wait: Callable[[str], None]) -> Iterator[list[ApiKey]]:
    """Yield the keys of a file, none if it does not exist, and write the list as it was changed."""
    lock = file.with_name(f".{file.name}.lock")
    with process_lock(lock, subject=f"the file of API keys {file}", holder="mlops keys", on_wait=on_wait):
        keys = list(read_keys(file)) if file.exists() else []
        yield keys
        with translated_disk_errors("the file of API keys", file.parent):
            _write(file, keys)


def _write(file: Path, keys: Iterable[ApiKey]) -> None:
    document = {"format": _FORMAT, "keys": list(map(key_values, keys))}
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def key_values(key: ApiKey) -> dict[str, Any]:
    """Return what is kept of a key, as it stands in the file."""
    return {
        "id": key.key_id,
        "name": key.name,
        "sha256": key.digest,
        "projects": list(key.projects),
        "scopes": list(key.scopes),
        "created": _text(key.created),
        "expires": _text(key.expires),
        "revoked": _text(key.revoked),
    }


def _key(values: dict[str, Any]) -> ApiKey:
    return ApiKey(
        key_id=str(values["id"]),
        name=str(values["name"]),
        digest=str(values["sha256"]),
        projects=_names(values["projects"]),
        scopes=_names(values.get("scopes", [])),
        created=_time(values.get("created")),
        expires=_time(values.get("expires")),
        revoked=_time(values.get("revoked")),
    )


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} is not a list of names")
    return tuple(values)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at
