"""Dagster's web server behind the gate, as a program: `python -m mlops_assets.workspace.ui.webserver`.

`mlops ui` starts it instead of `dagster-webserver`, with the same pages and the same API.
"""

import argparse
from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import uvicorn
from dagster import DagsterInstance
from graphql import ASTValidationRule, GraphQLError, OperationDefinitionNode, OperationType
from starlette.middleware import Middleware

from mlops_assets.compat.dagster_webserver import (
    DagsterWebserver,
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    configure_loggers,
    setup_interrupt_handlers,
)
from mlops_assets.stores.system.host_addresses import Allowed, allowed_addresses
from mlops_assets.workspace.ui.gate import Gate

_LOG_LEVEL = "warning"
_GRACE_SECONDS = 5
"""How long open connections may last after SIGTERM."""
_POLL_MILLISECONDS = 2_000
"""How often the pages ask for new data, as with `dagster dev`."""
_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _MAX_OVERFLOW = 15_000, 3_600, 20
"""Limits of the database connections of the instance, as with `dagster-webserver`."""


class NoMutations(ASTValidationRule):
    """Rule of GraphQL documents: no operation is a mutation."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        if node.operation == OperationType.MUTATION:
            self.report_error(GraphQLError("this UI is read-only: `mlops ui --read-only`", node))


class GatedWebserver(DagsterWebserver):
    """Dagster's web server behind the gate.

    Parameters
    ----------
    context
        The workspace that it shows; its `read_only` also disables the buttons of the pages.
    allowed
        Addresses under which it may be opened.
    """

    def __init__(self, context: WorkspaceProcessContext, allowed: Allowed, *, read_only: bool) -> None:
        self._allowed, self._read_only = allowed, read_only
        super().__init__(context, live_data_poll_rate=_POLL_MILLISECONDS)

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(Gate, self._allowed), *super().build_middleware()]

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        rules = super().build_graphql_validation_rules()
        return [*rules, NoMutations] if self._read_only else rules


def main() -> None:
    """Serve the code locations of a workspace file until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--read-only", action="store_true")
    options = parser.parse_args()
    allowed = allowed_addresses(options.host, options.allow_host)
    setup_interrupt_handlers()
    configure_loggers(formatter="colored", log_level=_LOG_LEVEL.upper())
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _MAX_OVERFLOW)
        with WorkspaceProcessContext(
            instance,
            WorkspaceFileTarget([options.workspace]),
            version("dagster"),
            read_only=options.read_only,
        ) as context:
            app = GatedWebserver(context, allowed, read_only=options.read_only).create_asgi_app()
            uvicorn.run(
                app,
                host=options.host,
                port=options.port,
                log_level=_LOG_LEVEL,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )


if __name__ == "__main__":
    main()
