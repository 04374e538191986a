"""The guard against other host names and pages of other origins."""

import pytest

from mlops_assets.serving.http.guards.own_origins import OwnOrigins
from mlops_assets.stores.system.host_addresses import allowed_addresses
from mlops_assets_tests.support.asgi import request
from mlops_assets_tests.support.echo_app import echo

PREDICT = "/v1/projects/churn/predict"


def _app(host: str = "127.0.0.1", *names: str, origins: tuple[str, ...] = ()) -> OwnOrigins:
    return OwnOrigins(echo, allowed_addresses(host, names), origins)


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST", "models.internal"]
)
def test_a_name_of_the_service_is_accepted(host):
    assert request(_app("127.0.0.1", "models.internal"), PREDICT, host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "127.0.0.1@evil.example", "a b"]
)
def test_a_name_that_points_to_this_machine_is_refused(host):
    answer = request(_app(), PREDICT, host=host)
    assert answer.status == 421
    assert "--allow-host" in answer.problem["hint"]


def test_a_repeated_host_is_refused():
    app = _app()
    scope_header = {"host": "localhost"}

    async def twice(scope, receive, send):
        scope["headers"].append((b"host", b"evil.example"))
        await app(scope, receive, send)

    assert request(twice, PREDICT, **scope_header).status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:8000"}, 200),
        ({"origin": "http://localhost:9000"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://app.example.com"}, 200),
        ({"origin": "https://app.example.com.evil.example"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
    ],
)
def test_only_pages_of_the_service_and_of_allowed_origins_send_requests(headers, status):
    app = _app(origins=("https://app.example.com",))
    assert request(app, PREDICT, **headers).status == status


def test_a_page_of_a_proxy_that_replaced_the_host_is_the_own_one():
    app = _app("127.0.0.1", "models.example.com")
    assert request(app, PREDICT, origin="https://models.example.com", host="127.0.0.1:8000").status == 200


def test_a_probe_by_the_address_of_a_pod_is_answered():
    assert request(_app(), "/readyz", method="GET", host="10.2.3.4:8000").status == 200


def test_a_service_without_names_accepts_every_host_and_no_other_origin():
    app = OwnOrigins(echo, None)
    assert request(app, PREDICT, host="models.internal").status == 200
    assert request(app, PREDICT, host="models.internal", origin="https://evil.example").status == 403
