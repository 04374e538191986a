"""`mlops serve` with two workers: changes of the champion, crashes and the end, under requests."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets_tests.support.prometheus import promtool
from mlops_assets_tests.support.served_samples import HOUSING, Samples
from mlops_assets_tests.support.served_state import RunningService, ServedState, is_alive, wait_until

_PAUSE_SECONDS = 0.05


@pytest.fixture(scope="module")
def state(
    samples: Samples, empty_tracking_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> ServedState:
    """Version 1 is the champion; version 3 reads a column that the contract does not have."""
    found = ServedState(tmp_path_factory.mktemp("served") / "state", samples, empty_tracking_store)
    for change in (_unchanged, _unchanged, _with_unknown_column):
        found.add_version(change)
    found.promote(1)
    return found


@pytest.fixture(scope="module")
def service(state: ServedState, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    found = RunningService(state, tmp_path_factory.mktemp("service"))
    yield found
    found.stop()


def test_the_service_is_ready_with_the_champion_and_shows_valid_metrics(service: RunningService) -> None:
    assert service.get("/readyz") == (200, '{"ready":true}')
    status, answer = service.predict()
    assert (status, answer["version"]) == (200, 1)
    wait_until(lambda: service.status.ready == 2)

    assert service.status.versions["champion"].workers == 2
    assert service.status.address == service.address
    labels = f'project="{HOUSING}",route="/v1/projects/{{project}}/predict",version="1"'
    assert service.metric(f'mlops_serving_request_duration_seconds_count{{outcome="answered",{labels}') == 1
    assert service.metric(f'mlops_serving_champion_version{{project="{HOUSING}"') == 1
    found = promtool("check", "metrics", text=service.get("/metrics")[1])
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_no_request_fails_while_the_champion_changes(service: RunningService, state: ServedState) -> None:
    with _Clients(service) as clients:
        for version in (2, 1):
            state.promote(version)
            before = clients.answers[200, version]
            wait_until(lambda: clients.answers[200, version] > before + 4)  # noqa: B023

    assert {status for status, _ in clients.answers} == {200}
    wait_until(lambda: service.status.versions["champion"].version == 1)
    assert service.status.state == "serving"
    assert service.metric("mlops_serving_champion_changes_total") == 2


def test_a_version_that_does_not_load_stays_out_until_another_one_is_promoted(
    service: RunningService, state: ServedState
) -> None:
    state.promote(3)
    wait_until(lambda: service.status.error is not None)

    error = service.status.error
    assert error is not None
    assert (error.kind, error.version) == ("load", 3)
    assert "version 3 does not load, and version 1 answers" in error.message
    assert "requires the column ocean_view, which schema.py does not declare" in error.message
    assert service.predict()[1]["version"] == 1
    # More than once if the watch sees the ledger before the alias.
    assert service.metric('mlops_serving_deployment_failures_total{kind="load"') >= 1
    assert error.message in service.log.read_text()

    state.promote(2)
    wait_until(lambda: service.status.error is None and service.status.versions["champion"].version == 2)
    assert service.predict()[1]["version"] == 2


def test_a_project_whose_champion_was_retired_is_refused_until_it_has_another(
    service: RunningService, state: ServedState
) -> None:
    state.promote(None)
    wait_until(lambda: service.status.state == "refusing")
    wait_until(lambda: service.predict()[0] == 503)

    assert "has no champion: its last one was retired" in service.predict()[1]["error"]
    assert service.get("/readyz")[0] == 200

    state.promote(2)
    wait_until(lambda: service.predict()[0] == 200)


def test_a_killed_worker_is_replaced_and_counters_do_not_fall(service: RunningService) -> None:
    wait_until(lambda: [one.workers for one in service.status.versions.values()] == [2])
    requests = service.metric("mlops_serving_request_duration_seconds_count")
    killed, other = service.workers
    with _Clients(service) as clients:
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: service.status.restarts == 1 and service.status.ready == 2)

    lost = clients.answers[0, 0]
    assert lost <= _Clients.COUNT
    assert {status for status, _ in clients.answers} <= {200, 0}
    assert other in service.workers
    assert killed not in service.workers
    answered = sum(clients.answers.values()) - lost
    assert service.metric("mlops_serving_request_duration_seconds_count") >= requests + answered
    assert service.metric("mlops_serving_worker_restarts_total") == 1


def test_at_the_end_what_was_accepted_is_answered_and_nothing_is_left(
    service: RunningService, state: ServedState
) -> None:
    workers = service.workers
    with _Clients(service) as clients:
        wait_until(lambda: clients.answers[200, 2] > 20)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.get("/readyz")[0] == 503)
        assert service.predict()[0] == 200
        assert service.process.wait(60) == 0

    assert {status for status, _ in clients.answers} <= {200, -1}
    assert [path.name for path in (state.root / "serving").glob("run-*")] == []
    assert list((state.root / "serving" / "status").rglob("*.json")) == []
    assert not any(map(is_alive, workers))


class _Clients:
    """Clients that request predictions until the block ends.

    Attributes
    ----------
    answers
        Number of answers by status and version; status 0 for a connection that was lost, and -1 for one that
        was refused.
    """

    COUNT = 2

    def __init__(self, service: RunningService) -> None:
        self._service, self._stop = service, threading.Event()
        self.answers: Counter[tuple[int, int]] = Counter()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self.COUNT)]

    def __enter__(self) -> "_Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                status, answer = self._service.predict()
            except OSError as error:
                is_refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
                self.answers[(-1, 0) if is_refused else (0, 0)] += 1
                if is_refused:
                    return
            else:
                self.answers[status, answer.get("version", 0)] += 1
                time.sleep(_PAUSE_SECONDS)


def _unchanged(model: TabularModel) -> TabularModel:
    return model


def _with_unknown_column(model: TabularModel) -> TabularModel:
    first, *others = model.spec.columns
    columns = (replace(first, name="ocean_view"), first, *others)
    return replace(model, spec=replace(model.spec, columns=columns))
