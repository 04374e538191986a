"""The OpenAPI document: the contracts of the served versions."""

from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.app import create_app
from mlops_assets_tests.support.served_samples import CHURN, HOUSING, FixedEngine

PREDICT = f"/v1/projects/{HOUSING}/predict"


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_a_row_has_the_types_ranges_and_classes_of_the_contract(document: dict[str, Any]):
    row = document["components"]["schemas"][f"{HOUSING}.Row"]
    properties = row["properties"]
    assert {"type": "number", "minimum": -124.5, "maximum": -114.1}.items() <= properties["longitude"].items()
    assert properties["longitude"]["description"] == "degrees east"
    assert properties["total_bedrooms"]["type"] == ["number", "null"]
    assert properties["total_bedrooms"]["exclusiveMinimum"] == 0
    assert properties["ocean_proximity"]["enum"] == [
        *("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN", None),
    ]
    assert "median_house_value" not in properties
    assert row["required"] == [name for name in properties if name != "ocean_proximity"]
    assert row["x-rules"] == ["total_bedrooms_at_most_total_rooms"]
    outputs = document["components"]["schemas"][f"{CHURN}.Prediction"]["properties"]
    assert outputs["prediction"] == {"type": "integer", "description": "the class of churned", "enum": [0, 1]}
    assert outputs["probability"]["maximum"] == 1


@pytest.mark.parametrize("project", [HOUSING, CHURN])
def test_the_example_of_each_project_fits_its_schema_and_is_predicted(document, client, project: str):
    operation = document["paths"][f"/v1/projects/{project}/predict"]["post"]
    for kind in ("application/json", "text/csv"):
        content = operation["requestBody"]["content"][kind]
        body = {"json": content["example"]} if kind != "text/csv" else {"content": content["example"]}
        answer = client.post(f"/v1/projects/{project}/predict", headers={"content-type": kind}, **body)
        assert answer.status_code == 200, answer.text
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
    rows = operation["requestBody"]["content"]["application/json"]
    jsonschema.validate(rows["example"], {**rows["schema"], "components": document["components"]})
    for path in (f"/v1/projects/{project}/invocations", f"/v2/models/{project}/infer"):
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert client.post(path, json=content["example"]).status_code == 200


def test_routes_that_score_rows_describe_the_key_of_a_canary_and_the_id_of_a_request(
    document: dict[str, Any],
):
    found = {
        path: {one["name"]: one for one in operation["post"].get("parameters", ())}
        for path, operation in document["paths"].items()
        if "post" in operation
    }
    assert len(found) == 6  # three protocols of two projects
    for parameters in found.values():
        for name in ("X-Sticky-Key", "X-Request-ID"):
            assert (parameters[name]["in"], parameters[name].get("required", False)) == ("header", False)
            assert parameters[name]["description"]


def test_errors_have_the_described_structure(document: dict[str, Any], client: TestClient):
    schema = {**document["components"]["schemas"]["Error"], "components": document["components"]}
    answers = [
        client.post(PREDICT, json={"rows": [{"population": "x"}]}),
        client.post(PREDICT, content=b"{"),
        client.get("/v1/projects/none/model"),
    ]
    assert [answer.status_code for answer in answers] == [422, 400, 404]
    for answer in answers:
        jsonschema.validate(answer.json(), schema)


def test_every_path_of_the_document_answers(document: dict[str, Any], client: TestClient):
    jsonschema.Draft202012Validator.check_schema({"components": document["components"]})
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(names)) == len(names)
    for path, operations in document["paths"].items():
        for method in operations:
            assert client.request(method, path).status_code not in (404, 405, 500), path


def test_the_document_follows_the_served_version(engine: Engine):
    loaded = engine.model(HOUSING)
    fixed = FixedEngine(engine, loaded)
    client = TestClient(create_app(fixed))
    assert "version 1" in client.get("/openapi.json").json()["paths"][PREDICT]["post"]["summary"]
    fixed.served = ServedModel(replace(loaded.deployed, version=2), loaded.model, loaded.contracts)
    assert "version 2" in client.get("/openapi.json").json()["paths"][PREDICT]["post"]["summary"]


def test_the_page_loads_nothing_from_other_servers(client: TestClient):
    page = client.get("/docs").text
    assert "http" not in page.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/docs/{name}" in page
        assert len(client.get(f"/docs/{name}").content) > 1_000
