"""Redaction of Python's log records, whatever logger or handler they belong to."""

import logging
from typing import Any

from mlops_assets.core.redaction.redact import redact

_TRACEBACKS = logging.Formatter()


def redact_log_records() -> None:
    """Redact the messages and tracebacks of all log records of this process from now on."""
    previous = logging.getLogRecordFactory()
    if getattr(previous, "redacts", False):
        return

    def create(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = previous(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit, which the handler reports
            record.msg, record.args = redact(f"{record.msg} {record.args}"), ()
            return record
        if (redacted := redact(message)) != message:
            record.msg, record.args = redacted, ()
        if record.exc_info and record.exc_info[0]:
            text = _TRACEBACKS.formatException(record.exc_info)
            if (redacted := redact(text)) != text:
                record.exc_text = redacted  # which formatters use instead of the exception
        return record

    create.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(create)
