"""The guard that requires API keys."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from mlops_assets.serving.http.guards.api_keys import ApiKeys
from mlops_assets.serving.http.guards.paths import Paths
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.current_keys import CurrentKeys
from mlops_assets.serving.keys.key_file import changed_keys
from mlops_assets_tests.support.asgi import request
from mlops_assets_tests.support.echo_app import echo

CHURN, HOUSING = "/v1/projects/churn/predict", "/v1/projects/housing/predict"
PATHS = Paths(["churn", "housing"])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


def _create(file, *arguments, **options) -> str:
    token, key = new_key(*arguments, **options)
    with changed_keys(file, print) as keys:
        keys.append(key)
    return token


def _app(file, projects=PATHS, app=echo) -> ApiKeys:
    return ApiKeys(app, CurrentKeys(file), projects)


def test_a_key_is_accepted_in_both_headers_and_names_its_client(file):
    token = _create(file, "shop", ["churn"])
    clients = []

    async def app(scope, receive, send):
        clients.append(request_facts(scope).client)
        await echo(scope, receive, send)

    guarded = _app(file, app=app)
    assert request(guarded, CHURN, authorization=f"Bearer {token}").status == 200
    assert request(guarded, CHURN, authorization=f"bearer  {token} ").status == 200
    assert request(guarded, CHURN, x_api_key=token).status == 200
    assert clients == ["shop"] * 3


def test_a_request_without_a_valid_key_is_refused_before_its_body_is_read(file):
    token = _create(file, "shop", ["churn"])
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    unknown = token.replace(token[6:14], "00000000")
    guarded = _app(file)
    for headers in (
        {},
        {"x_api_key": other},
        {"x_api_key": unknown},
        {"x_api_key": ""},
        {"x_api_key": "\xff"},
        {"authorization": f"Basic {token}"},
        {"authorization": token},
    ):
        answer = request(guarded, CHURN, **headers)
        assert answer.status == 401, headers
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "API key" in answer.problem["error"]


def test_a_key_permits_its_projects_and_pages_alone(file):
    shop, ops = _create(file, "shop", ["churn"]), _create(file, "ops", [], ["metrics", "docs"])
    everything = _create(file, "batch", ["*"])
    guarded = _app(file)
    found = {
        name: [
            request(guarded, path, x_api_key=token).status
            for path in (
                CHURN,
                HOUSING,
                "/v2/models/churn/infer",
                "/metrics",
                "/docs",
                "/openapi.json",
                "/v2",
            )
        ]
        for name, token in (("shop", shop), ("ops", ops), ("batch", everything))
    }
    assert found == {
        "shop": [200, 403, 200, 403, 403, 403, 200],
        "ops": [403, 403, 403, 200, 200, 200, 200],
        "batch": [200, 200, 200, 403, 403, 403, 200],
    }
    assert "does not permit project housing" in request(guarded, HOUSING, x_api_key=shop).problem["error"]


def test_the_path_of_the_only_project_requires_its_scope(file):
    token = _create(file, "shop", ["churn"])
    assert request(_app(file, Paths(["churn"])), "/invocations", x_api_key=token).status == 200
    assert request(_app(file, Paths(["housing"])), "/invocations", x_api_key=token).status == 403


def test_an_expired_and_a_revoked_key_are_refused(file):
    now = datetime.now(UTC)
    expired = _create(file, "shop", ["churn"], expires=now - timedelta(seconds=1))
    valid = _create(file, "shop", ["churn"], expires=now + timedelta(minutes=1))
    guarded = _app(file)
    assert [request(guarded, CHURN, x_api_key=token).status for token in (expired, valid)] == [401, 200]


def test_a_browser_may_open_the_documentation_with_the_key_as_password_and_predict_nothing(file):
    token = _create(file, "author", ["churn"], ["docs"])
    basic = f"Basic {b64encode(f'me:{token}'.encode()).decode()}"
    guarded = _app(file)
    assert request(guarded, "/docs").headers["www-authenticate"].startswith("Basic")
    assert request(guarded, "/docs", authorization=basic).status == 200
    assert request(guarded, "/docs", authorization="Basic %%%").status == 401
    assert request(guarded, CHURN, authorization=basic).status == 401


def test_probes_need_no_key(file):
    _create(file, "shop", ["churn"])
    assert request(_app(file), "/healthz", method="GET").status == 200
