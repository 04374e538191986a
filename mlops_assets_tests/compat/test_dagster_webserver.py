"""If one of these fails, Dagster moved or changed a symbol of `mlops_assets.compat.dagster_webserver`."""

import logging

from mlops_assets.compat import dagster_webserver as compat


def test_the_web_server_is_extended_by_middleware_and_rules_of_graphql():
    assert callable(compat.DagsterWebserver.build_middleware)
    assert callable(compat.DagsterWebserver.build_graphql_validation_rules)
    assert callable(compat.DagsterWebserver.create_asgi_app)


def test_a_workspace_file_names_the_socket_of_a_code_server(tmp_path):
    file = tmp_path / "workspace.yaml"
    file.write_text("load_from: [{grpc_server: {socket: /tmp/code.sock, location_name: models}}]")
    (origin,) = compat.WorkspaceFileTarget([str(file)]).create_origins()
    assert (origin.location_name, origin.socket) == ("models", "/tmp/code.sock")


def test_the_loggers_of_dagster_write_in_a_format():
    before = logging.getLogger("dagster").level
    compat.configure_loggers(formatter="colored", log_level="WARNING")
    assert logging.getLogger("dagster-webserver").level == logging.WARNING
    compat.configure_loggers(
        formatter="colored", log_level=logging.getLevelName(before) if before else "INFO"
    )


def test_interrupts_are_handled_by_a_function_without_arguments():
    assert callable(compat.setup_interrupt_handlers)
