"""Dagster's manager of compute logs; apart from `compat.dagster`, because it imports watchdog."""

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

__all__ = [
    "IO_TYPE_EXTENSION",
    "CapturedLogContext",
    "ConfigurableClassData",
    "LocalComputeLogManager",
    "redirect_to_file",
]
