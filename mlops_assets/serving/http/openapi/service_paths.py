"""The paths and schemas of the OpenAPI document that do not depend on what is served."""

from typing import Any

JSON = "application/json"
INFERENCE, SERVICE = "Open Inference Protocol", "Service"
"""Tags of the operations that are not those of a project."""


_OBJECT: dict[str, Any] = {"type": "object"}


def reference(name: str) -> dict[str, str]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def json_content(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """JSON content with a schema."""
    return {"content": {JSON: {"schema": schema, **more}}}


def error(description: str) -> dict[str, Any]:
    """An answer with an error."""
    return {"description": description, **json_content(reference("Error"))}


def _get(name: str, summary: str, tag: str, **more: Any) -> dict[str, Any]:
    answers = {"200": {"description": summary, **json_content(_OBJECT)}, **more}
    return {"get": {"operationId": name, "summary": summary, "tags": [tag], "responses": answers}}


_NOT_READY = {"503": {"description": "not ready", **json_content(_OBJECT)}}
SERVICE_PATHS: dict[str, Any] = {
    "/v1/projects": _get("projects", "The served projects and their versions", SERVICE),
    "/healthz": _get("health", "Whether the process answers", SERVICE),
    "/readyz": _get("ready", "Whether every project has a loaded version", SERVICE, **_NOT_READY),
    "/v2": _get("server", "The server", INFERENCE),
    "/v2/health/live": _get("v2_live", "Whether the process answers", INFERENCE),
    "/v2/health/ready": _get(
        "v2_ready", "Whether every project has a loaded version", INFERENCE, **_NOT_READY
    ),
}

_RULES = {
    "type": "object",
    "required": ["row", "field", "rule"],
    "properties": {
        "row": {"type": "integer", "description": "position of the row in the request, from 0"},
        "field": {"type": ["string", "null"], "description": "null for a rule of several columns"},
        "rule": {"type": "string", "examples": ["greater_than(0)"]},
        "value": {"description": "the value that was sent; absent if the column is sensitive"},
    },
}
_ERROR = {
    "type": "object",
    "required": ["error", "hint", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "what is wrong"},
        "hint": {"type": ["string", "null"], "description": "what to do"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": reference("RowError"), "description": "at most 1,000"},
        "rejected_rows": {"type": "integer", "description": "number of rows that violate a rule"},
    },
}
_CONTRIBUTIONS = {
    "type": "object",
    "description": "base, all values and rest add up to the prediction before calibration and bounds",
    "required": ["base", "features", "rest"],
    "properties": {
        "base": {"type": "number"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"feature": {"type": "string"}, "value": {"type": "number"}},
            },
        },
        "rest": {"type": "number", "description": "the contributions of all other features"},
    },
}
COMPONENTS: dict[str, Any] = {
    "schemas": {"Error": _ERROR, "RowError": _RULES, "Contributions": _CONTRIBUTIONS},
    "securitySchemes": {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `mlops keys create`, if the service requires keys; also in X-API-Key.",
        }
    },
}
