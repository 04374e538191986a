"""MLflow's scoring protocol, with MLflow's own client."""

import json
from collections.abc import Iterator
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server import dataframe_from_parsed_json
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from starlette.testclient import TestClient

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets_tests.support.served_samples import CHURN, HOUSING, FixedEngine, running, sample_rows

PATH = f"/v1/projects/{HOUSING}/invocations"


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[dict[str, Any]]:
    model = engine.model(HOUSING)
    rows = sample_rows(model.contracts.contract)
    valid = [
        row for row, output in zip(rows, model.score_rows(rows).outputs, strict=True) if output is not None
    ]
    valid[1] |= {"total_bedrooms": None, "ocean_proximity": None}
    return valid[:5]


@pytest.fixture(scope="module")
def expected(engine: Engine, rows) -> list[dict[str, Any]]:
    return [dict(row) for row in engine.model(HOUSING).score_rows(rows).outputs if row is not None]


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[str]:
    """A service of one project."""
    with running(create_app(FixedEngine(engine, engine.model(HOUSING)))) as found:
        yield found


def test_the_client_of_mlflow_works_unchanged(address: str, rows, expected):
    host, port = address.removeprefix("http://").split(":")
    client = ScoringServerClient(host, int(port))
    client.wait_server_ready(timeout=5)
    assert client.get_version() == mlflow.__version__
    found = client.invoke(pd.DataFrame(rows)).get_predictions()
    assert found.to_dict(orient="records") == expected
    with pytest.raises(Exception, match="row 0, population: greater_than"):
        client.invoke(pd.DataFrame([{**rows[0], "population": 0}]))


def test_every_format_has_the_same_predictions(client: TestClient, rows, expected):
    frame = pd.DataFrame(rows)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    bodies: list[Any] = [
        {"dataframe_split": json.loads(frame.to_json(orient="split", double_precision=15))},
        {"dataframe_split": {"columns": list(columns), "data": [list(row.values()) for row in rows]}},
        {"dataframe_records": rows, "params": {"a": 1}},
        {"instances": rows, "signature_name": "serving_default"},
        {"inputs": rows},
        {"inputs": columns},
    ]
    for body in bodies:
        assert client.post(PATH, json=body).json() == {"predictions": expected}
    literal = json.dumps({"dataframe_records": frame.to_dict(orient="records")})
    assert "NaN" in literal
    assert client.post(PATH, content=literal).json() == {"predictions": expected}
    text = client.post(PATH, content=frame.to_csv(index=False), headers={"content-type": "text/csv"})
    assert text.json() == {"predictions": expected}
    one = client.post(PATH, json={"inputs": rows[0]})
    assert one.json() == {"predictions": expected[:1]}


def test_bodies_are_read_as_mlflow_reads_them(rows):
    """Our rows are those of the frame that MLflow's server makes of the same body."""
    body = {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}
    frame = dataframe_from_parsed_json(body["dataframe_split"], pandas_orient="split")
    assert frame.astype(object).where(frame.notna(), None).to_dict(orient="records") == rows


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "the body is an array, not an object"),
        ({}, "the body has no member, not one of the formats of MLflow"),
        ({"rows": []}, "the body has 'rows', not one of the formats of MLflow"),
        ({"dataframe_split": []}, "dataframe_split is not an object with columns and data"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, "has a name twice"),
        (
            {"dataframe_split": {"columns": ["a"], "data": [[1], [1, 2]]}},
            "row 1 of dataframe_split is 2 values",
        ),
        ({"dataframe_records": [1]}, 'row 0 is a number, not an object; send {"dataframe_records": [{'),
        ({"instances": [[1.0, 2.0]]}, 'row 0 is an array, not an object; send {"instances": [{'),
        ({"inputs": {"a": [1], "b": 2}}, "column 'b' is a number, not an array; send {\"inputs\": [{"),
    ],
)
def test_another_body_is_one_error(client: TestClient, body: Any, problem: str):
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert problem in answer.json()["message"]


def test_the_root_has_invocations_only_for_one_project(client: TestClient, address: str):
    assert client.post("/invocations", json={}).status_code == 404
    assert client.get("/ping").status_code == 200
    lost = client.post("/v1/projects/none/invocations", json={})
    assert (lost.status_code, lost.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert client.post(f"/v1/projects/{CHURN}/invocations", json={"instances": []}).status_code == 400
