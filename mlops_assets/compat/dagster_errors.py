"""Dagster's serialized errors: the form in which an exception reaches the event log, ticks and pages."""

from collections.abc import Callable
from traceback import TracebackException
from typing import Any

from dagster_shared.error import SerializableErrorInfo


def filter_serialized_errors(redact: Callable[[str], str]) -> None:
    """Apply a function to the messages and stacks of all errors that this process serializes from now on.

    Dagster stores an exception with all its causes, those of user code and libraries included, and has no
    hook for their texts: `DAGSTER_REDACT_USER_CODE_ERRORS` replaces them altogether.
    """
    if "from_traceback" in SerializableErrorInfo.__dict__:  # Dagster's own is that of a base class
        return
    original: Any = SerializableErrorInfo.from_traceback.__func__  # type: ignore[attr-defined]

    def from_traceback(cls: type[SerializableErrorInfo], tb: TracebackException) -> SerializableErrorInfo:
        found = original(cls, tb)  # calls this function for its causes
        return cls(
            message=redact(found.message),
            stack=[redact(frame) for frame in found.stack],
            cls_name=found.cls_name,
            cause=found.cause,
            context=found.context,
        )

    SerializableErrorInfo.from_traceback = classmethod(from_traceback)  # type: ignore[assignment,method-assign]
