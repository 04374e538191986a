"""Secrets of channels, from environment variables."""

import os

from mlops_assets.core.redaction.redact import keep_secret
from mlops_assets.stores.alerts.delivery import DeliveryError


def secret_of(variable: str) -> str:
    """Return the value of an environment variable, which is redacted from now on.

    Raises
    ------
    DeliveryError
        When it is not set.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise DeliveryError(
            f"the environment variable {variable} is not set: set it for Dagster's daemon and its code server"
        )
    keep_secret(value)
    return value
