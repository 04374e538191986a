"""Redaction of everything that a Dagster process logs and stores about errors."""

from mlops_assets.compat.dagster_errors import filter_serialized_errors
from mlops_assets.core.redaction.logs import redact_log_records
from mlops_assets.core.redaction.redact import redact


def redact_process() -> None:
    """Redact log records and serialized errors of this process from now on."""
    redact_log_records()
    filter_serialized_errors(redact)
