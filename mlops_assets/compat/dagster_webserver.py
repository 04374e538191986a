"""Symbols of Dagster and its web server that have no public import path."""

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers
from dagster_webserver.webserver import DagsterWebserver

__all__ = [
    "DagsterWebserver",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "configure_loggers",
    "setup_interrupt_handlers",
]
