"""Predictions over HTTP: the same values whatever the body, and one error for each row that is invalid."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from mlops_assets.ml.scoring.input_contract import InputContracts
from mlops_assets.ml.scoring.row_scorer import RowScorer
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.app import create_app
from mlops_assets.serving.http.observer import FailedRequest, ScoredRequest
from mlops_assets_tests.support.served_samples import CHURN, HOUSING, FixedEngine

PREDICT, STREAM = f"/v1/projects/{HOUSING}/predict", "application/vnd.apache.arrow.stream"
OF_CHURN = f"/v1/projects/{CHURN}/predict"
Row = dict[str, Any]


def reference(engine: Engine, project: str, rows: list[Row]) -> list[Row]:
    """The predictions that the batch assets compute for valid rows."""
    model = engine.model(project)
    scorer = RowScorer(model.model, model.contracts.contract, [], model.contracts.features_contract)
    return scorer.score(pa.RecordBatch.from_pylist(rows)).predicted.to_pylist()


def valid_rows(engine: Engine, project: str) -> list[Row]:
    """The rows with which the version was verified, among them missing and extreme values."""
    return [dict(row) for row in engine.model(project).compilation.examples]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> list[Row]:
    """Valid rows with the edges of doubles and of text."""
    found = valid_rows(engine, HOUSING)
    found[0] |= {"population": 1e-9, "total_bedrooms": None, "ocean_proximity": None}
    found[1] |= {"population": 123456789.12345679, "households": 0.1 + 0.2}
    found[2] |= {"population": 3}  # an integer beside doubles
    return found


@pytest.fixture
def row(rows: list[Row]) -> Row:
    return dict(rows[5])


def stream(rows: list[Row], new: Callable = pa.ipc.new_stream) -> bytes:
    batch, sink = pa.RecordBatch.from_pylist(rows), pa.BufferOutputStream()
    with new(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def text(rows: list[Row]) -> str:
    cells = [["" if value is None else repr(value).strip("'") for value in row.values()] for row in rows]
    return "\n".join(",".join(line) for line in [list(rows[0]), *cells])


def test_every_body_gives_the_predictions_of_the_batch_bit_for_bit(client: TestClient, engine: Engine, rows):
    expected = reference(engine, HOUSING, rows)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    bodies = [
        {"json": {"rows": rows}},
        {"json": {"columns": columns}},
        {"json": {"rows": [{**dict(reversed(row.items())), "more": [1]} for row in rows]}},
        {"content": text(rows), "headers": {"content-type": "text/csv"}},
        {"content": stream(rows), "headers": {"content-type": STREAM}},
        {
            "content": stream(rows, pa.ipc.new_file),
            "headers": {"content-type": STREAM.replace("stream", "file")},
        },
    ]
    for body in bodies:
        answer = client.post(PREDICT, **body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == expected
        found = client.post(PREDICT, **(body | {"headers": body.get("headers", {}) | {"accept": STREAM}}))
        assert pa.ipc.open_stream(found.content).read_all().to_pylist() == expected
    single = [client.post(PREDICT, json={"rows": [row]}).json()["predictions"][0] for row in rows[:20]]
    assert single == expected[:20]
    assert len({row["prediction"] for row in expected}) > 20


def test_rows_of_features_are_predicted_as_in_the_batch(client: TestClient, engine: Engine):
    rows = valid_rows(engine, CHURN)[:10]
    answer = client.post(OF_CHURN, json={"rows": [{**row, "customer_id": "c1"} for row in rows]}).json()
    assert answer["predictions"] == reference(engine, CHURN, rows)


def test_an_answer_states_project_version_and_request_id(client: TestClient, row: Row):
    answer = client.post(PREDICT, json={"rows": [row]}, headers={"X-Request-ID": "order-7"})
    found = answer.json()
    assert {"project": HOUSING, "version": 1, "request_id": "order-7"}.items() <= found.items()
    assert answer.headers["x-model-version"] == "1"
    other = client.post(PREDICT, json={"rows": [row]}, headers={"X-Request-ID": "a b"}).json()
    assert other["request_id"] != "a b"


def test_invalid_rows_are_errors_with_row_field_value_and_rule(client: TestClient, row: Row):
    bad = {**row, "population": -1, "households": "many", "ocean_proximity": "x" * 300}
    crowded, nowhere = {**row, "total_bedrooms": 10 * row["total_rooms"]}, {**row, "total_rooms": [1]}
    del nowhere["longitude"]
    answer = client.post(PREDICT, json={"rows": [row, bad, crowded, {**nowhere, "longitud": 1}]})
    found = answer.json()
    assert answer.status_code == 422
    assert found["error"].startswith("3 of 4 rows violate the contract; row 1, ")
    assert found["hint"] == (
        "is longitud the column longitude?; correct the rows, or add ?partial=true to predict the others"
    )
    assert found["rejected_rows"] == 3
    errors = {(one.pop("row"), one.pop("field")): one for one in found["errors"]}
    assert errors[1, "population"] == {"value": -1, "rule": "greater_than(0)"}
    assert errors[1, "households"] == {"value": "many", "rule": "dtype(float64)"}
    assert errors[1, "ocean_proximity"]["value"] == "x" * 200 + "…"
    assert errors[2, None] == {"rule": "total_bedrooms_at_most_total_rooms"}
    assert errors[3, "total_rooms"] == {"value": "an array", "rule": "dtype(float64)"}
    assert errors[3, "longitude"] == {"value": None, "rule": "required"}


def test_partial_answers_contain_the_valid_rows(client: TestClient, engine: Engine, row: Row, rows):
    given = [row, {**row, "population": 0}, rows[6]]
    expected = reference(engine, HOUSING, [row, rows[6]])
    for body in ({"json": {"rows": given}}, {"content": stream(given), "headers": {"content-type": STREAM}}):
        found = client.post(f"{PREDICT}?partial=true", **body).json()
        assert found["predictions"] == [expected[0], None, expected[1]]
        assert [(one["row"], one["field"], one["value"]) for one in found["errors"]] == [(1, "population", 0)]
        headers = {**body.get("headers", {}), "accept": STREAM}
        table = pa.ipc.open_stream(
            client.post(f"{PREDICT}?partial=true", **(body | {"headers": headers})).content
        ).read_all()
        assert table.column("prediction").to_pylist() == [
            expected[0]["prediction"],
            None,
            expected[1]["prediction"],
        ]
        assert table.schema.metadata[b"rejected_rows"] == b"1"
    assert client.post(f"{PREDICT}?partial=true", json={"rows": [row]}).json()["errors"] == []


def test_undeclared_columns_are_ignored_or_refused_on_request(client: TestClient, row: Row):
    rows = {"rows": [{**row, "populaton": 3}]}
    assert client.post(PREDICT, json=rows).status_code == 200
    answer = client.post(f"{PREDICT}?strict=true", json=rows)
    assert (answer.status_code, answer.json()["unknown_fields"]) == (422, ["populaton"])
    assert answer.json()["hint"] == "did you mean population?"


def test_contributions_add_up_to_the_prediction(client: TestClient, row: Row):
    found = client.post(f"{PREDICT}?explain=true&top=2", json={"rows": [row]}).json()["predictions"][0]
    parts = found["contributions"]
    total = parts["base"] + sum(one["value"] for one in parts["features"]) + parts["rest"]
    assert total == pytest.approx(found["prediction"])
    assert len(parts["features"]) == 2
    assert (
        found["prediction"]
        == client.post(PREDICT, json={"rows": [row]}).json()["predictions"][0]["prediction"]
    )
    default = client.post(f"{PREDICT}?explain=1", json={"rows": [row]}).json()["predictions"][0]
    assert len(default["contributions"]["features"]) == 3


def test_the_features_of_contributions_do_not_depend_on_the_first_request(engine: Engine, row: Row):
    loaded, names = engine.model(HOUSING), []
    for rows in ([row], [row] * 3):
        model = ServedModel(loaded.deployed, loaded.model, loaded.contracts)
        found = model.score_rows(rows, contributions=9).outputs[0]
        assert found is not None
        names.append([found[f"contribution_{rank}_feature"] for rank in range(1, 10)])
    assert names[0] == names[1]
    assert {"longitude", "ocean_proximity"} <= set(names[0])


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        (f"{PREDICT}?partal=true", 400, "unknown parameter 'partal'"),
        (f"{PREDICT}?partial=yes", 400, "partial=yes is neither true nor false"),
        (f"{PREDICT}?explain=true&top=0", 400, "top=0 is not a number from 1 to 50"),
        ("/v1/projects/california/predict", 404, "project california is not served"),
        ("/v1/predict", 404, "there is no /v1/predict"),
    ],
)
def test_a_request_that_can_not_be_answered_is_one_error(client: TestClient, path, status, problem):
    answer = client.post(path, json={"rows": [{}]})
    assert (answer.status_code, answer.json()["error"]) == (status, problem)
    assert answer.json()["request_id"]
    assert answer.json()["hint"]


def test_other_content_is_refused(client: TestClient, row: Row):
    form = client.post(
        PREDICT, content="rows=1", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert form.status_code == 415
    assert "-H 'Content-Type: application/json'" in form.json()["hint"]
    assert client.post(PREDICT, json={"rows": []}).json()["error"] == "the request has no rows"
    many = client.post(PREDICT, json={"rows": [row] * 10_001})
    assert (many.status_code, many.json()["error"]) == (
        413,
        "the request has 10,001 rows, more than the maximum of 10,000",
    )
    lacking = client.post(PREDICT, content=stream([{"population": 1}]), headers={"content-type": STREAM})
    assert lacking.status_code == 422
    assert lacking.json()["error"].startswith("the rows lack the required column longitude, latitude")


def test_values_of_sensitive_columns_are_not_repeated(engine: Engine, row: Row, caplog):
    loaded = engine.model(HOUSING)
    columns = [
        replace(one, sensitive=one.name == "ocean_proximity") for one in loaded.contracts.contract.columns
    ]
    contracts = InputContracts(loaded.contracts.contract.with_columns(columns))
    model = ServedModel(loaded.deployed, loaded.model, contracts)
    client = TestClient(create_app(FixedEngine(engine, model)))
    answer = client.post(PREDICT, json={"rows": [{**row, "ocean_proximity": "SECRET PLACE"}]})
    assert answer.json()["errors"] == [{"row": 0, "field": "ocean_proximity", "rule": "isin(…)"}]
    assert "SECRET" not in answer.text + caplog.text
    assert "INLAND" not in answer.text


def test_an_error_of_the_service_is_logged_without_values(
    client: TestClient, engine: Engine, monkeypatch, caplog, row
):
    def fail(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("SECRET PLACE")

    monkeypatch.setattr(engine.model(HOUSING), "score_rows", fail)
    answer = client.post(PREDICT, json={"rows": [row]})
    assert (answer.status_code, answer.json()["error"]) == (500, "the service failed to answer the request")
    assert answer.json()["request_id"] in caplog.text
    assert "RuntimeError at" in caplog.text
    assert "SECRET" not in caplog.text + answer.text


class Recorder:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.scored: list[ScoredRequest] = []
        self.failed: list[FailedRequest] = []

    def on_scored(self, request: ScoredRequest) -> None:
        self.scored.append(request)

    def on_error(self, request: FailedRequest) -> None:
        self.failed.append(request)


def test_observers_see_scored_and_failed_requests(engine: Engine, row: Row):
    recorder = Recorder()
    client = TestClient(create_app(engine, observers=[recorder]))
    client.post(f"{PREDICT}?partial=true", json={"rows": [row, {**row, "population": 0}]})
    client.post(PREDICT, content=b"{")
    client.post("/v1/projects/unknown/predict", json={"rows": [row]})
    (scored,) = recorder.scored
    assert (scored.project, scored.version, scored.role, scored.route) == (
        *(HOUSING, 1, "champion", "/v1/projects/{project}/predict"),
    )
    assert scored.rows.records()[0] == row
    assert list(scored.scored.rejected) == [1]
    assert scored.seconds > 0
    assert [(one.project, one.status) for one in recorder.failed] == [(HOUSING, 400), (None, 404)]


class Online:
    """Online features of one customer, as of noon."""

    def __init__(self, features: Row) -> None:
        self.features = features

    def __contains__(self, project: str) -> bool:
        return project == CHURN

    def is_local(self, project: str) -> bool:
        return False

    def get(self, project: str, entities: list[Row]) -> Any:
        found = SimpleNamespace(values=self.features, problem=None)
        lost = SimpleNamespace(values=None, problem="there are no features of this customer_id")
        rows = [found if one["customer_id"] == "c1" else lost for one in entities]
        as_of = datetime(2025, 6, 1, 12, tzinfo=UTC)
        return SimpleNamespace(rows=rows, as_of=as_of, headers={"X-Features-As-Of": as_of.isoformat()})


def test_rows_with_entity_columns_alone_read_their_online_features(engine: Engine):
    features = valid_rows(engine, CHURN)[0]
    online = Online({"customer_id": "c1", **features})
    client = TestClient(create_app(engine, online=online))
    answer = client.post(
        f"{OF_CHURN}?partial=true", json={"rows": [{"customer_id": "c0"}, {"customer_id": "c1"}]}
    )
    found = answer.json()
    assert found["predictions"] == [None, reference(engine, CHURN, [features])[0]]
    assert found["errors"] == [{"row": 0, "field": None, "rule": "there are no features of this customer_id"}]
    assert found["features_as_of"] == answer.headers["x-features-as-of"] == "2025-06-01T12:00:00+00:00"


def test_a_row_without_the_features_that_other_rows_have_has_one_reason(client: TestClient, engine: Engine):
    features = valid_rows(engine, CHURN)[0]
    rows = [{"customer_id": "c0"}, {"customer_id": "c1", **features}]
    answer = client.post(f"{OF_CHURN}?partial=true", json={"rows": rows}).json()
    reason = "the row has only customer_id, and other rows of the request have features"
    assert answer["errors"] == [
        {"row": 0, "field": None, "rule": f"{reason}: send features with all rows, or with none"}
    ]
    assert answer["predictions"] == [None, reference(engine, CHURN, [features])[0]]


def test_rows_with_entity_columns_alone_need_online_features(client: TestClient):
    answer = client.post(OF_CHURN, json={"rows": [{"customer_id": "c1"}]})
    assert answer.status_code == 422
    assert answer.json()["error"] == f"the rows have only customer_id, and {CHURN} has no online features"
