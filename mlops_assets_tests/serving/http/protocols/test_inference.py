"""The Open Inference Protocol: tensors in JSON and in bytes."""

import struct
from typing import Any

import numpy as np
import orjson
import pytest
from starlette.testclient import TestClient

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.errors import RequestError
from mlops_assets.serving.http.protocols.tensors import bytes_of_values, values_of_bytes, values_of_data
from mlops_assets_tests.support.served_samples import HOUSING

MODEL = f"/v2/models/{HOUSING}"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def row(client: TestClient) -> dict[str, Any]:
    operation = client.get("/openapi.json").json()["paths"][f"/v1/projects/{HOUSING}/predict"]["post"]
    return operation["requestBody"]["content"]["application/json"]["example"]["rows"][0]


def tensors(row: dict[str, Any], shape: list[int]) -> list[dict[str, Any]]:
    kinds = {float: "FP64", str: "BYTES"}
    count = shape[0]
    return [
        {"name": name, "shape": shape, "datatype": kinds[type(value)], "data": [value] * count}
        for name, value in row.items()
    ]


def test_health_and_metadata(client: TestClient):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["name"] == "mlops_assets"
    for path in (MODEL, f"{MODEL}/versions/1"):
        found = client.get(path).json()
        assert (found["name"], found["versions"]) == (HOUSING, ["1"])
        assert {"name": "ocean_proximity", "datatype": "BYTES", "shape": [-1]} in found["inputs"]
        assert found["outputs"] == [{"name": "prediction", "datatype": "FP64", "shape": [-1]}]
        assert client.get(f"{path}/ready").status_code == 200
    assert client.get(f"{MODEL}/versions/7").status_code == 404
    assert client.get("/v2/models/none/ready").status_code == 404


def test_tensors_have_the_predictions_of_rows(client: TestClient, engine: Engine, row: dict[str, Any]):
    expected = engine.model(HOUSING).score_rows([row]).outputs[0]
    assert expected is not None
    for shape in ([2], [2, 1]):
        body = {"id": "a", "inputs": tensors(row, shape), "outputs": [{"name": "prediction"}]}
        assert client.post(f"{MODEL}/versions/1/infer", json=body).json() == {
            "model_name": HOUSING,
            "model_version": "1",
            "id": "a",
            "outputs": [
                {"name": "prediction", "datatype": "FP64", "shape": [2], "data": [expected["prediction"]] * 2}
            ],
        }


def test_the_binary_extension_has_the_same_predictions(
    client: TestClient, engine: Engine, row: dict[str, Any]
):
    inputs, parts = tensors(row, [2]), []
    for one in inputs:
        parts.append(bytes_of_values(one["datatype"], one.pop("data")))
        one["parameters"] = {"binary_data_size": len(parts[-1])}
    head = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})
    answer = client.post(f"{MODEL}/infer", content=b"".join([head, *parts]), headers={LENGTH: str(len(head))})
    size = int(answer.headers[LENGTH])
    (output,) = orjson.loads(answer.content[:size])["outputs"]
    assert output["parameters"] == {"binary_data_size": 16}
    expected = engine.model(HOUSING).score_rows([row]).outputs[0]
    assert expected is not None
    assert np.frombuffer(answer.content[size:], "<f8").tolist() == [expected["prediction"]] * 2


@pytest.mark.parametrize(
    ("datatype", "data", "values"),
    [
        ("FP64", [1, 0.1, None], [1.0, 0.1, None]),
        ("FP32", [0.1], [float(np.float32(0.1))]),
        ("INT8", [-128, 127], [-128, 127]),
        ("UINT64", [2**64 - 1], [2**64 - 1]),
        ("BOOL", [True, 0], [True, False]),
        ("BYTES", [["é"], [""]], ["é", ""]),
    ],
)
def test_values_have_their_datatype(datatype: str, data: list, values: list):
    assert values_of_data("a", datatype, data, len(values)) == values
    if None not in values:
        assert values_of_bytes("a", datatype, bytes_of_values(datatype, values), len(values)) == values


@pytest.mark.parametrize(
    ("datatype", "data"), [("INT8", [128]), ("INT64", [1.0]), ("FP64", ["1"]), ("BOOL", [2]), ("BYTES", [1])]
)
def test_a_value_of_another_type_is_an_error(datatype: str, data: list):
    with pytest.raises(RequestError, match=f"value 0 of input a is not {datatype}"):
        values_of_data("a", datatype, data, 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"inputs": {}}, "the body has no array of inputs"),
        ({"inputs": [1]}, "an input is not an object with a name"),
        ({"inputs": [{"name": "a", "shape": [1], "datatype": "FP64"}]}, "the data of input a is no array"),
        ({"inputs": [{"name": "a", "shape": [1], "data": [1]}]}, "input a has no datatype"),
        ({"inputs": [{"name": "a", "shape": [2, 2], "datatype": "FP64", "data": []}]}, "not one value a row"),
        (
            {"inputs": [{"name": "a", "shape": [2], "datatype": "FP64", "data": [1]}]},
            "1 values, its shape has 2",
        ),
        ({"inputs": [{"name": "a", "shape": [1], "datatype": "FP8", "data": [1]}]}, "FP8 are not read"),
        ({"outputs": [{"name": "odds"}]}, "unknown output 'odds'"),
        ({"id": 7}, "id is a number, not a text"),
    ],
)
def test_another_structure_is_one_error(client: TestClient, row: dict[str, Any], change: dict, problem: str):
    answer = client.post(f"{MODEL}/infer", json={"inputs": tensors(row, [1]), **change})
    assert answer.status_code == 400
    assert problem in answer.json()["error"]


def test_a_binary_size_outside_the_body_is_an_error(client: TestClient):
    for size in (-1, 9, "8", 2**70):
        one = {"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}}
        head = orjson.dumps({"inputs": [one]}) if size != 2**70 else b'{"inputs": [{"name": "a"}]}'
        answer = client.post(
            f"{MODEL}/infer", content=head + struct.pack("<d", 1), headers={LENGTH: str(len(head))}
        )
        assert answer.status_code == 400
