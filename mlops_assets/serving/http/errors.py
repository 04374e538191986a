"""Errors of requests: all have one JSON shape."""

from collections.abc import Mapping

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.core.errors import MlopsError, ModelError, ProjectError, StoreError
from mlops_assets.serving.http.request_facts import request_facts

JSON = "application/json"


class RequestError(MlopsError):
    """A request that can't be answered as it was sent.

    Attributes
    ----------
    status
        The HTTP status.
    details
        Further members of the answer.
    headers
        Further headers of the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int = 400,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.details, self.headers = status, details or {}, headers or {}


def too_many_rows(count: int, limit: int) -> RequestError:
    """The error of a request with too many rows."""
    return RequestError(
        f"the request has {count:,} rows, more than the maximum of {limit:,}",
        hint="send several requests, or raise serving.limits.rows in defs.yaml",
        status=413,
    )


def status_of(error: MlopsError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, ProjectError):
        return 404
    if isinstance(error, StoreError):
        return 503
    return 500 if isinstance(error, ModelError) else 400


def json_response(values: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(values), status, headers, JSON)


async def error_response(request: Request, error: Exception) -> Response:
    """The answer to a request that failed with an error for the client."""
    assert isinstance(error, MlopsError)
    details, headers = (error.details, error.headers) if isinstance(error, RequestError) else ({}, {})
    values = {
        "error": error.message,
        "hint": error.hint,
        "request_id": request_facts(request.scope).request_id,
        **details,
    }
    return json_response(values, status_of(error), headers)


async def http_error_response(request: Request, error: Exception) -> Response:
    """The answer to a request without a route."""
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
    unknown, forbidden = f"there is no {path}", f"{path} does not answer {method}"
    message = {404: unknown, 405: forbidden}.get(error.status_code, str(error.detail))
    found = RequestError(message, hint="see /docs", status=error.status_code, headers=error.headers)
    return await error_response(request, found)
