"""User and password of a URL: passed to the server, and shown, logged and stored nowhere."""

import logging
import os
import traceback
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from mlops_assets.cli.output.console import plain_errors
from mlops_assets.components.stores_component import Stores
from mlops_assets.core.errors import ProjectError, StoreError, TrackingError
from mlops_assets.core.redaction.addresses import credentials_of, without_credentials
from mlops_assets.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.client import full_address
from mlops_assets.stores.tracking.tracking import TrackingStore

PASSWORD = "s3cr:t/@ä"
ENCODED = "s3cr%3At%2F%40%C3%A4"
VARIABLES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@pytest.fixture(autouse=True)
def _removed_variables() -> Iterator[None]:
    yield
    for name in VARIABLES:
        os.environ.pop(name, None)


@pytest.fixture
def server() -> Iterator[SimpleNamespace]:
    """A server without experiments that records the credentials of its clients."""
    requests = SimpleNamespace(authorizations=[], port=0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.authorizations.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        requests.port = listening.server_port
        Thread(target=listening.serve_forever, daemon=True).start()
        yield requests
        listening.shutdown()


@pytest.mark.parametrize(
    ("url", "shown", "found"),
    [
        ("http://ada:pw@host:5000/a", "http://host:5000/a", ("ada", "pw")),
        ("https://ada@host", "https://host", ("ada", "")),
        (f"postgresql://ada:{ENCODED}@host/db", "postgresql://host/db", ("ada", PASSWORD)),
        ("http://ada:p@w@host", "http://host", ("ada", "p@w")),
        ("http://host/a@b", "http://host/a@b", None),
        ("sqlite:////tmp/a@b.db", "sqlite:////tmp/a@b.db", None),
        ("mail ada@host", "mail ada@host", None),
    ],
)
def test_a_url_is_shown_without_user_and_password(url, shown, found):
    assert without_credentials(url) == shown
    assert without_credentials(f"GET '{url}' failed") == f"GET '{shown}' failed"
    assert credentials_of(url) == found


def test_a_password_with_an_unencoded_slash_is_not_shown_and_an_ambiguous_address_is_an_error(
    tmp_path: Path, monkeypatch, record_property
):
    state = StateDirectory(tmp_path)
    monkeypatch.setenv("MLOPS_TRACKING_URI", "http://ada:s3/cr3t@host:5000")
    assert state.tracking_uri == "http://host:5000"
    assert credentials_of(os.environ["MLOPS_TRACKING_URI"]) == ("ada", "s3/cr3t")
    monkeypatch.setenv("MLOPS_TRACKING_URI", "postgresql://host/db?user=ada&password=s3cr3t")
    assert state.tracking_uri == "postgresql://host/db?user=ada&password=***"
    assert full_address(state.tracking_uri) == os.environ["MLOPS_TRACKING_URI"]
    monkeypatch.setenv("MLOPS_TRACKING_URI", "http://ada:1/s3cr3t@host")
    with pytest.raises(
        StoreError, match=r"MLOPS_TRACKING_URI has a colon before .*\n  hint: .* %2F"
    ) as caught:
        _ = state.tracking_uri
    assert "s3cr3t" not in str(caught.value)
    record_property("message", str(caught.value))


def test_the_server_receives_the_credentials_and_dagster_does_not(server, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MLOPS_TRACKING_URI", f"http://ada:{ENCODED}@127.0.0.1:{server.port}")
    state = StateDirectory(tmp_path)
    assert state.tracking_uri == f"http://127.0.0.1:{server.port}"
    assert state.artifacts is None
    assert "s3cr" not in str({name: resource.model_dump() for name, resource in resources(state).items()})
    _ = TrackingStore(state.tracking_uri).client
    assert set(server.authorizations) == {"Basic " + b64encode(f"ada:{PASSWORD}".encode()).decode()}


def test_a_database_is_opened_with_its_password_and_dagster_does_not_store_it(
    postgres, tmp_path: Path, monkeypatch
):
    postgres.execute("create database mlflow")
    declared = postgres.url(database="mlflow").replace("postgresql:", "postgresql+psycopg:")
    monkeypatch.setenv("MLOPS_TRACKING_URI", declared)
    state = StateDirectory(tmp_path)
    assert state.tracking_uri == f"postgresql+psycopg://127.0.0.1:{postgres.port}/mlflow"
    assert state.artifacts == tmp_path / "mlflow" / "artifacts"
    kept = str({name: resource.model_dump() for name, resource in resources(state).items()})
    assert "of-the-tests" not in kept
    tracking = TrackingStore(state.tracking_uri, state.artifacts)
    run_id = tracking.start("shop", "a-dagster-run")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "note.txt").write_text("read back", "utf-8")
    tracking.log_files(run_id, tmp_path / "files", "files")
    assert tracking.file_text(run_id, "files/note.txt") == "read back"


def test_credentials_of_one_server_are_not_sent_to_another(server, monkeypatch):
    monkeypatch.setenv("MLOPS_TRACKING_URI", f"http://ada:{ENCODED}@127.0.0.1:1")
    _ = TrackingStore(f"http://127.0.0.1:{server.port}").client
    assert set(server.authorizations) == {None}


def test_the_error_of_a_server_that_is_down_has_no_credentials_down_to_its_cause(
    tmp_path: Path, monkeypatch, record_property
):
    monkeypatch.setenv("MLOPS_TRACKING_URI", f"http://ada:{ENCODED}@127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(
        TrackingError, match=r"the tracking store at http://127.0.0.1:1 can't be used"
    ) as caught:
        _ = TrackingStore(StateDirectory(tmp_path).tracking_uri).client
    assert "s3cr" not in "".join(traceback.format_exception(caught.value))
    record_property("message", str(caught.value))


def test_database_errors_and_unexpected_errors_have_no_credentials():
    before = logging.getLogRecordFactory()
    with pytest.raises(TrackingError) as caught:
        _ = TrackingStore(f"nosuchbase://ada:{ENCODED}@host/db").client
    assert "s3cr" not in str(caught.value)
    program = typer.Typer()

    @program.command()
    def fail() -> None:
        with plain_errors(debug=False):
            raise ZeroDivisionError(f"GET http://ada:{ENCODED}@host/a")

    assert "GET http://host/a" in CliRunner().invoke(program, []).stderr
    logging.setLogRecordFactory(before)


def _fail(value: str) -> None:
    try:
        raise KeyError(value)
    except KeyError as error:
        raise ZeroDivisionError(f"as {value!r}") from error


def test_a_traceback_that_is_asked_for_has_no_secrets(capsys, monkeypatch):
    before = logging.getLogRecordFactory()
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    monkeypatch.setattr("mlops_assets.cli.output.console.err", Console(stderr=True, width=200))
    with pytest.raises(typer.Exit), plain_errors(debug=True):
        _fail(PASSWORD)
    logging.setLogRecordFactory(before)
    printed = capsys.readouterr().err
    assert PASSWORD not in printed
    assert "KeyError: '***'" in printed
    assert "error: unexpected ZeroDivisionError: as '***'" in printed


def test_a_declared_url_with_a_password_is_an_error(tmp_path: Path, record_property):
    declared = Stores(mlflow_tracking_uri="http://ada:s3cr@host")
    with pytest.raises(ProjectError, match=r"http://host, contains a user name or password") as caught:
        declared.build_defs(SimpleNamespace(path=tmp_path / "defs.yaml", project_root=tmp_path))
    assert "s3cr" not in str(caught.value)
    record_property("message", str(caught.value))
