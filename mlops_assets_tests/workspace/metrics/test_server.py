"""The endpoint: what it answers, and what a real Prometheus makes of it."""

import gzip
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest
import uvicorn
import yaml
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from prometheus_client import Metric

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.core.errors import ProjectError, StoreError
from mlops_assets.stores.system.host_addresses import allowed_addresses
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.dagster_run import PROJECT_TAG
from mlops_assets.workspace.metrics import server as metrics_server
from mlops_assets.workspace.metrics.catalogue import BUILD, COLLECTOR_DURATION, COLLECTOR_SUCCESS
from mlops_assets.workspace.metrics.exposition import CachedCollector
from mlops_assets.workspace.metrics.figures import Figures
from mlops_assets.workspace.metrics.finished_runs import Job
from mlops_assets.workspace.metrics.run_figures import add_runs
from mlops_assets.workspace.metrics.server import Endpoint, application, serve
from mlops_assets.workspace.metrics.status_figures import add_status
from mlops_assets_tests.support.prometheus import promtool, running_prometheus
from mlops_assets_tests.support.statuses import full_status

REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("mlops_assets"), "__repository__")
ORIGIN = RemoteJobOrigin(REPOSITORY, "shop_train")
"""A run in the queue has one."""
DEPLOYED = Path(__file__).parents[3] / "deploy" / "monitoring"


def families() -> Iterable[Metric]:
    figures = Figures()
    figures.add(BUILD, 1, version="1", dagster="1")
    return figures.families()


@contextmanager
def served(collect: Callable[[], Iterable[Metric]], seconds: float = 0.0) -> Iterator[int]:
    app = application(
        CachedCollector(collect, seconds), allowed_addresses("127.0.0.1", ["mlops.example.com"])
    )
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = Thread(target=running.run, daemon=True)
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        thread.join(10)


def get(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return connection.getresponse()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(families) as found:
        yield found


def test_the_text_is_answered_in_the_format_that_is_asked_for(port):
    answer = get(port)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b'mlops_build_info{dagster="1",version="1"} 1.0\n' in answer.read()
    prometheus = get(port, accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert prometheus.headers["content-type"].startswith("application/openmetrics-text")
    assert prometheus.read().endswith(b"# EOF\n")


def test_a_long_text_is_compressed():
    def many() -> Iterable[Metric]:
        figures = Figures()
        for number in range(200):
            figures.add(COLLECTOR_SUCCESS, True, collector=f"part {number}")
        return figures.families()

    with served(many) as at:
        answer = get(at, accept_encoding="gzip")
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.read()).count(b"\n") == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "mlops.example.com"}, 200),
        ({"host": "evil.example"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors", "origin": "http://evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
    ],
)
def test_a_page_of_another_site_reads_nothing(port, headers, status):
    answer = get(port, **headers)
    assert answer.status == status
    assert (b"mlops_build_info" in answer.read()) == (status == 200)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/metrics", 415), ("DELETE", "/metrics", 405), ("GET", "/other", 404), ("GET", "/", 307)],
)
def test_the_endpoint_only_reads(port, method, path, status):
    assert get(port, path, method).status == status
    assert get(port, "/metrics", "POST", content_type="application/json").status == 405


def test_requests_at_once_and_within_the_time_of_the_cache_share_one_collection():
    collections = []

    def slow() -> Iterable[Metric]:
        collections.append(time.monotonic())
        time.sleep(0.2)
        return families()

    with served(slow, seconds=0.5) as at:
        answers: list[int] = []
        threads = [Thread(target=lambda: answers.append(get(at).status)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 8
        assert len(collections) == 1
        time.sleep(0.6)
        get(at)
    assert len(collections) == 2


def test_changed_declarations_start_the_process_again(monkeypatch):
    started: list[list[str]] = []
    echoed: list[str] = []
    monkeypatch.setattr(metrics_server.os, "execv", lambda program, words: started.append([program, *words]))

    def ask() -> None:
        while not echoed:
            time.sleep(0.02)
        answers.append(get(int(echoed[0].split(":")[2].split("/")[0])).status)

    answers: list[int] = []
    asking = Thread(target=ask)
    asking.start()
    serve(Endpoint(port=0), families, is_outdated=lambda: True, echo=echoed.append)
    asking.join()
    assert answers == [200]
    assert started == [[sys.executable, *sys.orig_argv]]
    assert echoed[1] == "the declarations have changed; they are loaded again"


def test_an_address_that_cannot_be_used_is_an_error(port):
    with pytest.raises(StoreError, match=f"port {port} of 127.0.0.1 can't be used"):
        serve(Endpoint(port=port), families, is_outdated=lambda: False, echo=print)
    with pytest.raises(ProjectError, match="listens on every interface"):
        serve(Endpoint(host="0.0.0.0"), families, is_outdated=lambda: False, echo=print)


@dg.asset(key=["shop", "raw"])
def raw() -> None:
    raise dg.Failure


def _queries() -> list[tuple[str, str]]:
    dashboard = json.loads((DEPLOYED / "grafana_dashboard.json").read_text("utf-8"))
    return [
        (panel["title"], target["expr"].replace("$project", ".*"))
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]


def test_a_prometheus_that_scrapes_the_endpoint_answers_every_query_of_the_dashboard(tmp_path):
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        dg.materialize([raw], instance=instance, raise_on_error=False, tags={PROJECT_TAG: "shop"})
        for status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED):
            run_id = make_new_run_id()
            unfinished = dg.DagsterRun(
                "shop_train", run_id, status=status, tags={PROJECT_TAG: "shop"}, remote_job_origin=ORIGIN
            )
            instance.run_storage.add_run(unfinished)

        def collect() -> Iterable[Metric]:
            figures = Figures()
            add_status(figures, full_status(datetime.now(UTC)))
            add_runs(figures, StateDirectory(tmp_path), instance, [Job("shop", "shop_train")])
            figures.add(COLLECTOR_SUCCESS, True, collector="dagster")
            figures.add(COLLECTOR_DURATION, 0.5, collector="dagster")
            return figures.families()

        with served(collect) as at:
            text = get(at).read().decode()
            checked = promtool("check", "metrics", text=text)
            assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
            configuration = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text("utf-8"))
            configuration["global"] = {"scrape_interval": "200ms", "scrape_timeout": "200ms"}
            configuration["rule_files"] = [str(DEPLOYED / "alerts.yml")]
            configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{at}"]
            with running_prometheus(tmp_path, configuration) as prometheus:
                failed = 'increase(mlops_runs_finished_total{state="failure"}[1h])'
                prometheus.wait(lambda found: bool(found.query(failed)))
                empty = [query for query in _queries() if not prometheus.query(query[1])]
                assert empty == []
                counted = {
                    (sample["metric"]["job_name"], sample["metric"]["state"]): sample["value"][1]
                    for sample in prometheus.query('mlops_runs_finished_total{project="shop"}')
                }
                assert counted["shop_train", "success"] == "0"
                assert counted["__ephemeral_asset_job__", "failure"] == "1"
                [queue] = prometheus.query("mlops_run_queue_length")
                assert queue["value"][1] == "1"
                assert {one["metric"]["state"] for one in prometheus.query("mlops_runs_in_progress")} == {
                    "queued",
                    "started",
                }
