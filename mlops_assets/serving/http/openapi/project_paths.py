"""The paths of the OpenAPI document for a served project."""

from typing import Any

from mlops_assets.ml.scoring.example_rows import example_rows
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.bodies.arrow_body import FILE, STREAM
from mlops_assets.serving.http.openapi.service_paths import INFERENCE, JSON, error, json_content, reference
from mlops_assets.serving.http.service import STICKY_HEADER

_HEADERS = [
    {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
    for name, text in (
        (STICKY_HEADER, "key by which a canary is chosen, for rows that name no entity"),
        ("X-Request-ID", "ID of the request, of at most 64 letters, digits and . _ : -; else a random one"),
    )
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def project_paths(project: ServedProject, model: ServedModel) -> dict[str, Any]:
    """The paths of a project."""
    name, example = project.name, example_row(model)
    base, v2 = f"/v1/projects/{name}", f"/v2/models/{name}"
    title = f"{name}, version {model.version}"
    described = {"200": {"description": "the description", **json_content({"type": "object"})}}
    operations: dict[str, tuple[str, str, dict[str, Any]]] = {
        f"{base}/predict": ("post", "predict", _predict(project, model, title, example)),
        f"{base}/model": (
            "get",
            "describe",
            _operation(f"Card, signature and metrics of {title}", name, described),
        ),
        f"{base}/invocations": ("post", "invoke", _invocations(name, title, example)),
        v2: ("get", "metadata", _operation(f"Inputs and outputs of {title}", INFERENCE, described)),
        f"{v2}/ready": ("get", "ready", _operation(f"Whether {name} is ready", INFERENCE, described)),
        f"{v2}/infer": ("post", "infer", _infer(title, example)),
    }
    return {
        path: {method: {"operationId": f"{verb}_{name}", **operation}}
        for path, (method, verb, operation) in operations.items()
    }


def example_row(model: ServedModel) -> dict[str, Any]:
    """A row that the model predicts, generated from its contracts; the first try if all are rejected."""
    candidates = example_rows(model.model, model.contracts)
    outputs = model.score_rows(candidates).outputs
    valid = (row for row, output in zip(candidates, outputs, strict=True) if output is not None)
    return dict(next(valid, candidates[0]))


def _operation(summary: str, tag: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"summary": summary, "tags": [tag], **more, "responses": responses}


def _predict(
    project: ServedProject, model: ServedModel, title: str, example: dict[str, Any]
) -> dict[str, Any]:
    name, row = project.name, reference(f"{project.name}.Row")
    columns = {
        "type": "object",
        "additionalProperties": {"type": "array"},
        "description": "an array for each column, all of the same length",
    }
    most = project.settings["limits"]["rows"]
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": most}
    entities = _entities(project, model)
    if entities:
        rows["items"] = {"anyOf": [row, entities]}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": ["rows"]}, {"required": ["columns"]}],
        "properties": {"rows": rows, "columns": columns},
    }
    content = {
        JSON: {"schema": schema, "example": {"rows": [example]}},
        "text/csv": {"schema": {"type": "string"}, "example": _csv(example)},
        STREAM: _BINARY,
        FILE: _BINARY,
    }
    return _operation(
        f"Predictions of {title}",
        name,
        {
            "200": {"description": "predictions in the order of the rows", "content": _answers(name)},
            "400": error("the body can't be read"),
            "413": error(f"more than {most:,} rows, or too large"),
            "415": error("the content type is not read"),
            "422": error("rows violate the contract"),
            "503": error("the version is not loaded"),
        },
        parameters=_parameters(),
        requestBody={"required": True, "content": content},
    )


def _answers(name: str) -> dict[str, Any]:
    prediction = {
        "allOf": [
            reference(f"{name}.Prediction"),
            {"type": "object", "properties": {"contributions": reference("Contributions")}},
        ]
    }
    schema = {
        "type": "object",
        "required": ["project", "version", "request_id", "predictions"],
        "properties": {
            "project": {"type": "string"},
            "version": {"type": "integer"},
            "request_id": {"type": "string"},
            "predictions": {
                "type": "array",
                "items": {"anyOf": [prediction, {"type": "null"}]},
                "description": "null for a row that violates the contract, with partial=true",
            },
            "errors": {"type": "array", "items": reference("RowError")},
            "rejected_rows": {"type": "integer"},
            "features_as_of": {"type": "string", "format": "date-time"},
            "role": {"const": "canary", "description": "present if a canary answered all rows"},
            "versions": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "the version of each row, if champion and canary answered",
            },
        },
    }
    return {JSON: {"schema": schema}, STREAM: _BINARY}


def _entities(project: ServedProject, model: ServedModel) -> dict[str, Any] | None:
    """The schema of rows with entity columns alone, for a project with online features."""
    if not project.entity or not project.settings.get("online"):
        return None
    known = {column.name for column in model.contracts.contract.columns}
    named = {name: {"description": "identifies the entity"} for name in project.entity if name in known} or {
        name: {} for name in project.entity
    }
    return {
        "type": "object",
        "required": list(project.entity),
        "properties": named,
        "description": "predicted from the newest features of the entity",
    }


def _parameters() -> list[dict[str, Any]]:
    described = {
        "partial": ("boolean", "predict valid rows and list the errors of the others, with status 200"),
        "strict": ("boolean", "refuse columns that the model does not read"),
        "explain": ("boolean", "add the features with the largest contributions to each prediction"),
    }
    flags = [
        {"name": name, "in": "query", "description": text, "schema": {"type": kind, "default": False}}
        for name, (kind, text) in described.items()
    ]
    number = {"type": "integer", "minimum": 1, "maximum": 50, "default": 3}
    top = {"name": "top", "in": "query", "description": "number of features of explain", "schema": number}
    return [*flags, top, *_HEADERS]


def _invocations(name: str, title: str, example: dict[str, Any]) -> dict[str, Any]:
    split = {"columns": list(example), "data": [list(example.values())]}
    content = {
        JSON: {"schema": {"type": "object"}, "example": {"dataframe_split": split}},
        "text/csv": {"schema": {"type": "string"}, "example": _csv(example)},
    }
    answer = {"type": "object", "properties": {"predictions": {"type": "array", "items": {"type": "object"}}}}
    return _operation(
        f"Predictions of {title} for MLflow's clients",
        name,
        {
            "200": {"description": "predictions", **json_content(answer)},
            "400": {"description": "an error as MLflow states it", **json_content({"type": "object"})},
        },
        parameters=_HEADERS,
        requestBody={"required": True, "content": content},
    )


def _infer(title: str, example: dict[str, Any]) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
        for name, value in example.items()
    ]
    return _operation(
        f"Predictions of {title}",
        INFERENCE,
        {
            "200": {"description": "outputs as tensors", **json_content({"type": "object"})},
            "400": {"description": "an error", **json_content({"type": "object"})},
        },
        parameters=_HEADERS,
        requestBody={
            "required": True,
            **json_content({"type": "object", "required": ["inputs"]}, example={"inputs": inputs}),
        },
    )


def _datatype(value: object) -> str:
    return {bool: "BOOL", int: "INT64", float: "FP64"}.get(type(value), "BYTES")


def _csv(example: dict[str, Any]) -> str:
    return f"{','.join(example)}\n{','.join(str(value) for value in example.values())}\n"
