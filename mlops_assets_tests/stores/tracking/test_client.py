"""The connection to a tracking store: down, silent, not MLflow, damaged, or of another MLflow version."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.search.search import SearchResult, SearchSettings, tune
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.stores.tracking.tracking import TrackingStore


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One retry after at most 1 s, and a timeout of 1 s."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server with one answer to everything: a status and a text; None for no answer."""
    ended = Event()

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if request.param is None:
                ended.wait(60)
                return
            status, text = request.param
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as listening:
        thread = Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        ended.set()
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (None, "timed out|timeout"),
        ((500, "oops"), "500"),
        ((503, ""), "503"),
        ((200, "<html>welcome</html>"), "html|JSON|json|Expecting"),
        ((404, "<html>nothing here</html>"), "404"),
    ],
    indirect=["server"],
    ids=["silent", "500", "503", "garbage", "another server"],
)
@pytest.mark.usefixtures("impatient")
def test_a_server_that_does_not_answer_as_mlflow_is_an_error_within_seconds(server, reason, record_property):
    started = time.monotonic()
    with pytest.raises(TrackingError, match=rf"the tracking store at {server} can't be used: .*") as caught:
        TrackingStore(server).experiment("garage")
    record_property("message", str(caught.value))
    assert any(word in str(caught.value) for word in reason.split("|")), str(caught.value)
    assert "hint: check the URL and that the server runs, then run again" in str(caught.value)
    assert time.monotonic() - started < 15


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_down_is_an_error_within_seconds(record_property):
    started = time.monotonic()
    with pytest.raises(
        TrackingError, match=r"the tracking store at http://127.0.0.1:9 can't be used: .*\n  hint:"
    ) as caught:
        TrackingStore("http://127.0.0.1:9").experiment("garage")
    record_property("message", str(caught.value))
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("impatient")
def test_a_search_whose_server_is_down_keeps_its_trials_and_resumes_later(tmp_path: Path, tracking):
    features = pd.DataFrame({"a": np.arange(40.0), "b": np.ones(40)})
    target = features["a"].to_numpy()
    logged: list[TrialSummary] = []

    def search(store: TrackingStore, run_id: str) -> SearchResult:
        def log(trial: TrialSummary) -> None:
            logged.append(trial)
            store.log_facts(run_id, metrics={f"score{trial.number}": trial.score})

        return tune(
            features,
            target,
            make_folds("regression", target, folds=2, seed=0),
            default_pipeline,
            SearchSettings(("linear",), "rmse", 3),
            Settings("regression", 1, seed=0, threads=1),
            journal=tmp_path / "search.journal",
            on_trial=log,
        )

    with pytest.raises(TrackingError, match="can't be used"):
        search(TrackingStore("http://127.0.0.1:9"), "run")
    [first] = logged
    logged.clear()
    found = search(tracking, tracking.start("garage", "dagster"))
    assert logged[0] == first  # its seconds, too: it was not run again
    assert [trial.number for trial in found.trials] == [1, 2, 3]


def test_a_database_that_cannot_be_opened_is_an_error(tmp_path: Path, record_property):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 1_000)
    with pytest.raises(
        TrackingError, match=r"the tracking store at sqlite:.*mlflow.db can't be used"
    ) as caught:
        TrackingStore(f"sqlite:///{tmp_path / 'mlflow.db'}").experiment("garage")
    record_property("message", str(caught.value))


@pytest.mark.parametrize(
    ("revision", "message", "hint"),
    [
        (
            "451aebb31d03",
            "created by an older MLflow: its schema is 451aebb31d03",
            "mlflow db upgrade sqlite:",
        ),
        (
            "feedfacecafe",
            "created by a newer MLflow: its schema, feedfacecafe, is unknown",
            "install the MLflow",
        ),
    ],
)
def test_a_database_of_another_mlflow_version_is_an_error_with_a_hint(
    tracking: TrackingStore, record_property, revision, message, hint
):
    with closing(sqlite3.connect(tracking.uri.removeprefix("sqlite:///"))) as database, database:
        database.execute("update alembic_version set version_num = ?", [revision])
    with pytest.raises(TrackingError, match=f"{message}.*(.|\n)*hint: .*{hint}") as caught:
        tracking.experiment("garage")
    record_property("message", str(caught.value))
