"""The metrics of requests: labels that clients can't choose, and the end of connections before a stop."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.metrics.definitions import RequestMetrics
from mlops_assets.serving.metrics.request_metrics import MeasuredApp
from mlops_assets_tests.support.asgi import request
from mlops_assets_tests.support.serving_configs import config_of

_ROUTE = "/v1/projects/{project}/predict"


def _measured(status: int, *, version: int | None = None, has_route: bool = True, draining: bool = False):
    registry = CollectorRegistry()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if has_route:
            scope["route"] = SimpleNamespace(path=_ROUTE)
        if version is not None:
            request_facts(scope).mark_scored("shop", version, 1)
        if status:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            raise RuntimeError

    return registry, MeasuredApp(app, config_of("shop"), RequestMetrics(registry), lambda: draining)


def _labels(registry: CollectorRegistry) -> list[dict[str, str]]:
    name = "mlops_serving_request_duration_seconds_count"
    return [one.labels for metric in registry.collect() for one in metric.samples if one.name == name]


def test_a_prediction_is_counted_by_project_route_version_and_outcome() -> None:
    registry, app = _measured(200, version=3)
    assert "connection" not in request(app, "/v1/projects/shop/predict").headers

    expected = {"project": "shop", "route": _ROUTE, "version": "3", "outcome": "answered"}
    assert _labels(registry) == [expected]


def test_names_of_paths_that_are_no_route_or_project_are_no_labels() -> None:
    registry, app = _measured(404, has_route=False)
    for path in ("/v1/projects/unknown/predict", "/anything", "/healthz", "/metrics"):
        request(app, path)

    assert _labels(registry) == [{"project": "", "route": "other", "version": "", "outcome": "refused"}]


def test_an_error_of_a_served_project_is_counted_for_it() -> None:
    registry, app = _measured(503)
    request(app, "/v1/projects/shop/predict")

    [found] = _labels(registry)
    assert (found["project"], found["outcome"], found["version"]) == ("shop", "failed", "")
    labels = {"project": "shop", "route": _ROUTE, "status": "503"}
    assert registry.get_sample_value("mlops_serving_errors_total", labels) == 1


def test_connections_end_after_an_answer_while_the_service_is_being_stopped() -> None:
    _, app = _measured(200, version=1, draining=True)

    assert request(app, "/v1/projects/shop/predict").headers["connection"] == "close"
