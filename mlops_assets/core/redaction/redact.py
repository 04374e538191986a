"""Redaction of texts: by the values of known secrets, and by parsing.

Known are the secrets in the environment, found by the names of variables and in addresses with a password,
and those that were read from variables of any name with `keep_secret`.
"""

import os
from collections.abc import Iterator
from functools import lru_cache

from mlops_assets.core.redaction.addresses import MASK, secrets_in, without_named_secrets
from mlops_assets.core.redaction.patterns import is_replaceable, without_values
from mlops_assets.core.redaction.secret_forms import without_api_keys
from mlops_assets.core.redaction.secret_names import may_name_secret

_SWITCHES = ("", "true", "false", "none", "null", "auto", "default")
_kept: set[str] = set()


def redact(text: str) -> str:
    """Return a text without secrets: known values are `***`, and addresses have no user and password."""
    return without_named_secrets(redact_values(text))


def redact_values(text: str) -> str:
    """Return a text without the values of known secrets; addresses, as in examples, stay."""
    return without_api_keys(without_values(text, known_secrets(), MASK), MASK)


def keep_secret(value: str) -> None:
    """Redact a value, and the secrets in it, from now on in this process."""
    _kept.update(_parts(value))


def known_secrets() -> frozenset[str]:
    """Return the secrets that are redacted by value, those of the current environment included."""
    return _secrets_of(tuple(os.environ.items()), frozenset(_kept))


def short_secrets() -> list[str]:
    """Return the names of environment variables whose secret is too short to be redacted by value."""
    return sorted(
        name
        for name, value in os.environ.items()
        if any(secret and not is_replaceable(secret) for secret in _declared(name, value))
    )


@lru_cache(maxsize=4)
def _secrets_of(environment: tuple[tuple[str, str], ...], kept: frozenset[str]) -> frozenset[str]:
    found = {
        part for name, value in environment for secret in _declared(name, value) for part in _parts(secret)
    }
    return frozenset(found | kept)


def _declared(name: str, value: str) -> Iterator[str]:
    """Yield the secrets of an environment variable. The path of a file, as of a key, is none."""
    if may_name_secret(name) and value.lower() not in _SWITCHES and not _is_path(value):
        yield value
    yield from secrets_in(value)


def _is_path(value: str) -> bool:
    return value.startswith("/") and os.path.exists(value)  # noqa: PTH110 - Path refuses some values


def _parts(value: str) -> Iterator[str]:
    """Yield a secret, and each line of a secret of several lines, which messages may show alone."""
    yield value.strip()
    yield from secrets_in(value)
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if not line.startswith("-----"))
