"""Dagster's web server behind the gate: what it accepts, and what of other origins it refuses."""

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from dagster import AssetKey, DagsterInstance
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mlops_assets.compat.dagster_webserver import WorkspaceProcessContext
from mlops_assets.stores.system.host_addresses import allowed_addresses
from mlops_assets.workspace.ui.webserver import GatedWebserver

MUTATION = 'mutation { setConcurrencyLimit(concurrencyKey: "attack", limit: 1) }'
BODY = json.dumps({"query": MUTATION})
REPORT = "/report_asset_materialization/customer_churn/champion?description=attack"
HOST = "localhost:3000"
JSON = {"Content-Type": "application/json"}
OWN = {
    "Origin": f"http://{HOST}",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
}
"""What a browser sends with a request of the UI itself."""
PAIR = tuple[str, str]


def other(site: str, mode: str, destination: str, **more: str) -> list[PAIR]:
    """What a browser sends with a request of a page that is not the UI's."""
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    return [*sent.items(), *((name.replace("_", "-"), value) for name, value in more.items())]


def posted(**headers: str) -> list[PAIR]:
    return [*JSON.items(), *headers.items()]


EVIL = "http://evil.example"
FORM = "application/x-www-form-urlencoded"
ATTACKS: dict[str, tuple[str, str, list[PAIR], str]] = {
    "mutation by GET as an image": ("GET", "/graphql", other("cross-site", "no-cors", "image"), ""),
    "mutation by GET of another port": ("GET", "/graphql", other("same-site", "no-cors", "image"), ""),
    "mutation by GET without metadata": ("GET", "/graphql", [], ""),
    "link to a mutation": ("GET", "/graphql", other("cross-site", "navigate", "document"), ""),
    "link to GraphiQL": (
        "GET",
        "/graphql",
        other("cross-site", "navigate", "document", Accept="text/html"),
        "",
    ),
    "form": (
        "POST",
        "/graphql",
        other("cross-site", "navigate", "iframe", Origin=EVIL, Content_Type=FORM),
        "",
    ),
    "form without metadata": ("POST", "/graphql", [("Content-Type", FORM)], ""),
    "form of a sandboxed frame": ("POST", "/graphql", [("Content-Type", FORM), ("Origin", "null")], ""),
    "text that mentions JSON": ("POST", "/graphql", [("Content-Type", "text/plain; application/json")], BODY),
    "query as its own type": ("POST", "/graphql", [("Content-Type", "application/graphql")], MUTATION),
    "JSON of another site": (
        *("POST", "/graphql"),
        other("cross-site", "cors", "empty", Origin=EVIL, Content_Type="application/json"),
        BODY,
    ),
    "JSON of another port": ("POST", "/graphql", posted(Origin="http://localhost:8888"), BODY),
    "JSON of port 80 of the same host": ("POST", "/graphql", posted(Origin="http://localhost"), BODY),
    "JSON of an address": ("POST", "/graphql", posted(Origin="http://10.0.0.7:3000"), BODY),
    "two origins": ("POST", "/graphql", [*posted(**OWN), ("Origin", EVIL)], BODY),
    "rebound name": ("POST", "/graphql", posted(Origin=f"{EVIL}:3000", Host="evil.example:3000"), BODY),
    "name that starts as an own one": ("POST", "/graphql", posted(Host="localhost.evil.example"), BODY),
    "user name before the host": ("POST", "/graphql", posted(Host="localhost@evil.example"), BODY),
    "asset event": ("POST", REPORT, other("cross-site", "no-cors", "empty", Origin=EVIL), ""),
    "asset event without metadata": ("POST", REPORT, [], ""),
    "preflight": ("OPTIONS", "/graphql", other("cross-site", "cors", "empty", Origin=EVIL), ""),
    "frame": ("GET", "/runs", other("cross-site", "navigate", "iframe"), ""),
    "asset event as a page": (
        *("POST", f"{REPORT}&page=1"),
        other("cross-site", "navigate", "document", Content_Type="application/json"),
        "{}",
    ),
    "script of another port": ("GET", "/server_info", other("same-site", "no-cors", "script"), ""),
    "script": ("GET", "/server_info", other("cross-site", "no-cors", "script"), ""),
}
PROXY = "mlops.example.com"
LET_IN = {
    "the page itself": OWN,
    "a browser without metadata": {"Origin": f"http://{HOST}"},
    "a program": {},
    "a forwarded port": {"Host": "127.0.0.1:9000", "Origin": "http://127.0.0.1:9000"},
    "a proxy with TLS": {"Host": PROXY, "Origin": f"https://{PROXY}"},
    "a proxy that replaces Host": {"Origin": f"https://{PROXY}"},
}


@dataclass(frozen=True)
class Running:
    """A server on a port of this machine."""

    port: int

    def request(self, method: str, path: str, headers: Iterable[PAIR], body: str = "") -> Any:
        """Send exactly these headers, and a `Host` unless it is one of them; return the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = [*headers]
        if "Host" not in dict(sent):
            sent.append(("Host", HOST))
        for name, value in [*sent, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer

    def query(self, body: Any, headers: dict[str, str]) -> Any:
        answer = self.request("POST", "/graphql", {**JSON, **headers}.items(), json.dumps(body))
        return json.loads(answer.text)

    def web_socket(self, headers: dict[str, str]) -> Any:
        where = f"ws://{headers.get('Host', HOST)}/graphql"
        return connect(
            where,
            origin=headers["Origin"],
            subprotocols=["graphql-ws"],
            proxy=None,
            address=("127.0.0.1", self.port),
        )


@contextmanager
def served(instance: DagsterInstance, *allowed: str, read_only: bool = False) -> Iterator[Running]:
    with WorkspaceProcessContext(instance, None, read_only=read_only) as context:
        app = GatedWebserver(context, allowed_addresses("127.0.0.1", allowed), read_only=read_only)
        server = uvicorn.Server(uvicorn.Config(app.create_asgi_app(), port=0, log_level="error"))
        thread = Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield Running(server.servers[0].sockets[0].getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as found:
        yield found


@pytest.fixture(scope="module")
def server(instance: DagsterInstance) -> Iterator[Running]:
    with served(instance, "mlops.example.com") as running:
        yield running


def limits(instance: DagsterInstance) -> set[str]:
    return set(instance.event_log_storage.get_concurrency_keys())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_request_of_another_origin_is_refused_and_changes_nothing(server, instance, name):
    method, path, headers, body = ATTACKS[name]
    if path == "/graphql" and not body:
        path += f"?query={quote(MUTATION)}"
    answer = server.request(method, path, headers, body)
    assert answer.status in (400, 403, 405, 415), answer.text
    assert limits(instance) == set()
    assert instance.get_latest_materialization_event(AssetKey(["customer_churn", "champion"])) is None
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", LET_IN)
def test_the_pages_and_programs_of_the_user_are_let_in(server, instance, name):
    assert server.query({"query": MUTATION}, LET_IN[name]) == {"data": {"setConcurrencyLimit": True}}
    assert limits(instance) == {"attack"}
    instance.event_log_storage.delete_concurrency_limit("attack")


def test_a_page_is_opened_from_the_address_bar_and_from_a_link_of_another_site(server):
    tab = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Accept", "text/html")]
    for site in ("none", "cross-site"):
        answer = server.request("GET", "/runs", [*tab, ("Sec-Fetch-Site", site)])
        assert answer.status == 200
        assert "Content-Security-Policy" in answer.headers
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert server.request("GET", "/graphql", [*tab, ("Sec-Fetch-Site", "none")]).status == 200  # GraphiQL


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8888"},
        {"Origin": "null"},
        {"Origin": "file://"},
        {"Origin": "http://evil.example:3000", "Host": "evil.example:3000"},
    ],
)
def test_a_web_socket_of_another_origin_is_refused(server, headers):
    with pytest.raises(InvalidStatus, match="HTTP 403"), server.web_socket(headers):
        pass


def test_subscriptions_of_the_ui_work_and_a_web_socket_executes_no_mutation(server, instance):
    with server.web_socket({"Origin": f"http://{HOST}"}) as socket:

        def ask(**message: Any) -> Any:
            socket.send(json.dumps(message))
            return json.loads(socket.recv(10))

        assert ask(type="connection_init") == {"type": "connection_ack"}
        assert ask(type="start", id="1", payload={"query": MUTATION})["type"] == "error"
        query = 'subscription { pipelineRunLogs(runId: "missing") { __typename } }'
        logs = ask(type="start", id="2", payload={"query": query})["payload"]["data"]["pipelineRunLogs"]
        assert logs == {"__typename": "PipelineRunLogsSubscriptionFailure"}
    assert limits(instance) == set()


def test_a_read_only_ui_answers_queries_and_refuses_every_mutation(instance):
    with served(instance, read_only=True) as server:
        found = server.query({"query": "{ __schema { mutationType { fields { name } } } }"}, OWN)
        assert len(found["data"]["__schema"]["mutationType"]["fields"]) > 30
        second = f"query a {{ version }} {MUTATION.replace('mutation', 'mutation b')}"
        for body in (
            {"query": MUTATION},
            {"query": "mutation { setNuxSeen }"},
            {"query": second, "operationName": "b"},
        ):
            assert "read-only" in server.query(body, OWN)["errors"][0]["message"]
        assert server.request("POST", REPORT, {**JSON, **OWN}.items(), "{}").status == 401
    assert limits(instance) == set()
