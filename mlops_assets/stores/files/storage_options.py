"""Options of a store's driver, with secrets from environment variables that never appear in messages."""

import os
from collections.abc import Mapping
from typing import Any

from mlops_assets.core.errors import DataError


class StorageOptions:
    """The resolved `storage_options` of a source.

    Parameters
    ----------
    declared
        Arguments of the driver. A mapping `{env: NAME}` is replaced by the value of that variable.
    subject
        Project and table for error messages.

    Raises
    ------
    DataError
        If an environment variable is not set.
    """

    def __init__(self, declared: Mapping[str, Any], *, subject: str) -> None:
        self._subject = subject
        self._secrets: list[str] = []
        self.values: dict[str, Any] = {name: self._resolved(value) for name, value in declared.items()}

    def masked(self, text: str) -> str:
        """A text with the values of environment variables replaced by `***`."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _resolved(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if set(value) != {"env"}:
            return {name: self._resolved(inner) for name, inner in value.items()}
        found = os.environ.get(str(value["env"]))
        if not found:
            raise DataError(
                f"{self._subject}: storage_options refer to the environment variable {value['env']}, which "
                "is not set",
                hint=f"export {value['env']}=…",
            )
        self._secrets.append(found)
        return found
