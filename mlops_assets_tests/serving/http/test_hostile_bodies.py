"""Random bodies: each is answered with predictions or one error for the client."""

import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from benchmarks.hostile_bodies import NUMBERS, TEXTS, Bodies
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets_tests.support.served_samples import HOUSING, FixedEngine

PREDICT = f"/v1/projects/{HOUSING}/predict"
OTHERS = (f"/v1/projects/{HOUSING}/invocations", f"/v2/models/{HOUSING}/infer")
SCALARS = st.one_of(st.none(), st.sampled_from([*NUMBERS, *TEXTS]), st.text(max_size=20), st.floats())
KEYS = st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
NAMES = ("rows", "columns", "inputs", "instances", "dataframe_split", "dataframe_records")


@pytest.fixture(scope="module")
def client(engine: Engine) -> TestClient:
    """A service of one version, which raises its own failures."""
    return TestClient(create_app(FixedEngine(engine, engine.model(HOUSING))))


@pytest.fixture(scope="module")
def row(engine: Engine) -> dict:
    return dict(engine.model(HOUSING).compilation.examples[0])


def check(answer, caplog) -> None:
    assert answer.status_code in (200, 400, 413, 415, 422), answer.text
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    if answer.status_code != 200:
        assert answer.json().keys() & {"error", "message"}


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_json_is_answered(client: TestClient, row: dict, caplog, data: st.DataObject):
    if data.draw(st.booleans()):
        changed = data.draw(st.dictionaries(st.sampled_from(sorted(row)), VALUES, max_size=3))
        body, path = {"rows": [row, {**row, **changed}]}, PREDICT
    else:
        name, path = data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from([PREDICT, *OTHERS]))
        body = {name: data.draw(VALUES)}
    check(client.post(path, content=json.dumps(body), headers={"content-type": "application/json"}), caplog)


def test_damaged_and_hostile_bodies_are_answered(client: TestClient, row: dict, caplog):
    bodies = Bodies(HOUSING, row, seed=1)
    for _ in range(25):
        path, kind, body = bodies.draw()
        path = path.replace("explain=true", "partial=true")  # which takes longer
        headers = (
            {"content-type": kind}
            if not kind.startswith("binary ")
            else {"Inference-Header-Content-Length": kind.removeprefix("binary ")}
        )
        check(client.post(path, content=body, headers=headers), caplog)
