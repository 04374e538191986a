"""An entity that is forgotten: its columns, a keyed digest of its values, and its rows in SQL."""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mlops_assets.core.digests import keyed_digest, keyed_digest_sql
from mlops_assets.core.errors import StoreError
from mlops_assets.core.sql_quoting import UTC_SESSION, literal, quoted
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.secret_file import create_secret

KEY_VARIABLE = "MLOPS_FORGET_KEY"
FOLDER = ".forgotten"
"""Folder of the key and of the lists of forgotten entities, in the warehouse."""
_LEAST_BYTES = 16
_SEPARATOR = "chr(31)"


@dataclass(frozen=True)
class Key:
    """The secret key of the digests, so that a list of forgotten entities names none of them."""

    secret: bytes

    @classmethod
    def of(cls, warehouse: Path, *, create: bool) -> "Key | None":
        """The key of `MLOPS_FORGET_KEY`, else of the file in the warehouse; None if there is none.

        Parameters
        ----------
        create
            Create the file if it does not exist. Only its owner can read it.
        """
        if named := os.environ.get(KEY_VARIABLE):
            if len(named.encode()) < _LEAST_BYTES:
                raise StoreError(
                    f"{KEY_VARIABLE} has less than {_LEAST_BYTES} bytes, so its digests could be guessed",
                    hint="generate one: openssl rand -hex 32",
                )
            return cls(named.encode())
        file = warehouse / FOLDER / "key"
        with translated_disk_errors("the key of forgotten entities", file.parent):
            if not file.is_file():
                return cls(create_secret(file).encode()) if create else None
            return cls(file.read_text("utf-8").strip().encode())

    @property
    def fingerprint(self) -> str:
        """Identifies the key without revealing it."""
        return self.digest("key of forgotten entities")[:16]

    def digest(self, text: str) -> str:
        """HMAC-SHA256 of a text, as 64 hexadecimal digits."""
        return keyed_digest(self.secret, text)

    def sql(self, text: str) -> str:
        """The SQL expression of `digest` for the expression of a text."""
        return keyed_digest_sql(self.secret, text)


@dataclass(frozen=True)
class Entity:
    """One entity.

    Attributes
    ----------
    columns
        The columns whose values identify it.
    types
        The SQL type of each column in validated rows: in a text, `007` is the number 7 if the type is BIGINT.
    digest
        The keyed digest of its values.
    values
        The values in the form that is compared; empty if only the digest is known.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    digest: str
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: Key, columns: Sequence[str], types: Sequence[str], values: Sequence[str]) -> "Entity":
        """The entity with the given values, each as a text.

        Raises
        ------
        StoreError
            If a value is empty, or the number of values is not that of the columns.
        """
        if len(values) != len(columns):
            raise StoreError(
                f"an entity is identified by {', '.join(columns)}, and {len(values)} values were given",
                hint="give one --entity for each of these columns, in this order",
            )
        with duckdb.connect() as connection:
            connection.execute(UTC_SESSION)  # as connections of the warehouse
            same = ", ".join(
                _same_form(literal(value), kind) for value, kind in zip(values, types, strict=True)
            )
            [found] = connection.execute(f"select {same}").fetchall()
        if empty := [name for name, value in zip(columns, found, strict=True) if not value]:
            raise StoreError(
                f"the value of {', '.join(empty)} is empty", hint="give the ID as the source has it"
            )
        return cls(tuple(columns), tuple(types), key.digest("\x1f".join(found)), tuple(found))

    @property
    def label(self) -> str:
        """The first digits of the keyed digest, for messages."""
        return self.digest[:12]

    def condition(self, key: Key, existing: Collection[str]) -> str | None:
        """The SQL condition of its rows; None if a column is missing.

        Parameters
        ----------
        existing
            The columns of the rows.
        """
        return conditions(key, [self], existing)


def conditions(key: Key, entities: Iterable[Entity], existing: Collection[str]) -> str | None:
    """The SQL condition of the rows of any of several entities; None if no row can be one of theirs."""
    names = {name.lower() for name in existing}
    known: list[str] = []
    digests: dict[str, list[str]] = {}
    for entity in entities:
        if not {name.lower() for name in entity.columns} <= names:
            continue
        forms = [
            _same_form(f"{quoted(name)}::varchar", kind)
            for name, kind in zip(entity.columns, entity.types, strict=True)
        ]
        if entity.values:
            known.append(
                " and ".join(
                    f"{form} = {literal(value)}" for form, value in zip(forms, entity.values, strict=True)
                )
            )
        else:
            digests.setdefault(f" || {_SEPARATOR} || ".join(forms), []).append(entity.digest)
    terms = [
        *known,
        *(f"{key.sql(text)} in ({', '.join(map(literal, found))})" for text, found in digests.items()),
    ]
    return f"coalesce({' or '.join(f'({term})' for term in terms)}, false)" if terms else None


def _same_form(text: str, kind: str) -> str:
    """The form of a value in which its spellings in raw and in typed rows are equal."""
    trimmed = f"nfc_normalize(trim({text}, chr(32) || chr(9) || chr(10) || chr(13) || chr(160)))"
    return trimmed if kind == "VARCHAR" else f"coalesce(try_cast({trimmed} as {kind})::varchar, {trimmed})"
