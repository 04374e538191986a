"""The secret key of row IDs: where the key of a table is sensitive, its row IDs do not reveal it."""

import json
import os
from pathlib import Path

from mlops_assets.core.digests import keyed_digest
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.system.secret_file import create_secret

KEY_VARIABLE = "MLOPS_ROW_ID_KEY"
LEAST_LENGTH = 32
_MARK = ".row_id_key.json"
"""File of the warehouse with the fingerprint of the key that its row IDs were computed with."""


def row_id_key(warehouse: Path) -> bytes:
    """The key: that of the environment, else that of the state directory, which is created if missing.

    Parameters
    ----------
    warehouse
        The folder of the tables. The key lies beside it, so that a copy of the tables does not contain it.

    Raises
    ------
    StoreError
        When the key is too short, readable by other users, lost, or not the one of the tables.
    """
    mark, file = warehouse / _MARK, key_file(warehouse)
    with translated_disk_errors("the key of row IDs", file.parent):
        known = _fingerprint_in(mark)
        given = os.environ.get(KEY_VARIABLE, "").strip() or _read(file)
        if given is None:
            if known is not None:
                raise _not_the_key(warehouse, f"{file} does not exist, and {KEY_VARIABLE} is not set")
            given = create_secret(file)
        if len(given) < LEAST_LENGTH:
            raise StoreError(
                f"the key of row IDs has {len(given)} characters; at least {LEAST_LENGTH} are required",
                hint=f'set {KEY_VARIABLE} to the output of `python -c "import secrets; '
                'print(secrets.token_hex(32))"`',
            )
        key = given.encode()
        found = keyed_digest(key, "row_id key of mlops_assets")[:16]
        if known is None:
            write_atomically(mark, json.dumps({"fingerprint": found}))
        elif known != found:
            raise _not_the_key(warehouse, "it is not the key that the row IDs were computed with")
    return key


def known_key(warehouse: Path) -> bytes | None:
    """The key as `row_id_key`; None if no row ID or value was hashed yet, and nothing is created."""
    if not (warehouse / _MARK).is_file():
        return None
    return row_id_key(warehouse)


def key_file(warehouse: Path) -> Path:
    """The file of the key of a state directory, by the folder of its tables."""
    return warehouse.parent / "keys" / "row_id.key"


def _fingerprint_in(mark: Path) -> str | None:
    try:
        return str(json.loads(mark.read_text("utf-8"))["fingerprint"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{mark} is damaged: it has no fingerprint of the key of row IDs",
            hint="restore it from a backup; or delete it if the key is certainly the one of the tables",
        ) from error


def _read(file: Path) -> str | None:
    try:
        mode = file.stat().st_mode & 0o077
    except FileNotFoundError:
        return None
    if mode:
        raise StoreError(
            f"{file} can be read by other users, so row IDs would reveal the keys of rows to them",
            hint=f"run chmod 600 {file}",
        )
    return file.read_text("ascii").strip()


def _not_the_key(warehouse: Path, problem: str) -> StoreError:
    return StoreError(
        f"the key of the row IDs in {warehouse}: {problem}",
        hint=f"copy {key_file(warehouse)} from the machine that wrote the tables, with mode 0600, or set "
        f"{KEY_VARIABLE} to its content. To continue with a new key, with which rows change the sides of "
        f"splits, delete {warehouse / _MARK} and run `mlops run PROJECT --force`",
    )
