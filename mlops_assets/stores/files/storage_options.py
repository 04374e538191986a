"""Options of a store's driver, with secrets from environment variables."""

import os
from collections.abc import Mapping
from typing import Any

from mlops_assets.core.errors import DataError
from mlops_assets.core.redaction.redact import keep_secret


class StorageOptions:
    """The resolved `storage_options` of a source.

    Parameters
    ----------
    declared
        Arguments of the driver. A mapping `{env: NAME}` is replaced by the value of that variable, which is
        redacted from now on.
    subject
        Project and table for error messages.

    Raises
    ------
    DataError
        If an environment variable is not set.
    """

    def __init__(self, declared: Mapping[str, Any], *, subject: str) -> None:
        self._subject = subject
        self.values: dict[str, Any] = {name: self._resolved(value) for name, value in declared.items()}

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
        keep_secret(found)
        return found
