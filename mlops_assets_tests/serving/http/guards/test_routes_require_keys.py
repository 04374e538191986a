"""Every route of the service requires a key of its project, whatever protocol it belongs to."""

import re
from pathlib import Path

import pytest

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.http.guards.chain import guarded
from mlops_assets.serving.http.guards.paths import HEALTH, route_of
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.key_file import changed_keys
from mlops_assets.serving.options import ServiceOptions
from mlops_assets_tests.support.asgi import request
from mlops_assets_tests.support.serving_configs import config_of

CONFIG = config_of("churn", "housing")
ROUTES = [
    (route.path, method)
    for config in (CONFIG, config_of("churn"))
    for route in create_app(Engine(config, Path())).routes
    for method in sorted(route.methods - {"HEAD"})
]


def _filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "churn" if found[1] == "project" else "1", path)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    token, key = new_key("estate agent", ["housing"])
    with changed_keys(file, print) as keys:
        keys.append(key)
    options = ServiceOptions(keys=str(file))
    return {
        count: guarded(create_app(Engine(config, Path())), config, options)
        for count, config in ((2, CONFIG), (1, config_of("churn")))
    }, token


@pytest.mark.parametrize(("path", "method"), sorted(set(ROUTES)))
def test_a_route_requires_a_key_and_one_of_a_project_its_scope(service, path, method):
    apps, token = service
    filled = _filled(path)
    app = apps[1] if path == "/invocations" else apps[2]
    without, other = request(app, filled, method=method), request(app, filled, method=method, x_api_key=token)
    if path in HEALTH:
        assert 401 not in (without.status, other.status)
    else:
        assert without.status == 401
        is_of_project = filled != path or path == "/invocations"
        is_description = path.startswith(("/docs", "/openapi"))
        assert (other.status == 403) is (is_of_project or is_description), other.body


@pytest.mark.parametrize(("path", "method"), sorted(set(ROUTES)))
def test_a_request_is_logged_and_counted_under_the_template_of_its_route(path, method):
    app = create_app(Engine(config_of("churn") if path == "/invocations" else CONFIG, Path()))
    scopes = []

    async def observed(scope, receive, send):
        scopes.append(scope)
        await app(scope, receive, send)

    request(observed, _filled(path), method=method)
    request(observed, _filled(path), method="DELETE")
    assert [route_of(scope) for scope in scopes] == [path, path]
