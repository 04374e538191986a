"""Requests for predictions, whose errors the observers see."""

from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.http.errors import status_of
from mlops_assets.serving.http.service import Service


async def observed(service: Service, request: Request, answer: Awaitable[Response]) -> Response:
    """Await an answer, and report its error to the observers."""
    try:
        return await answer
    except MlopsError as error:
        service.failed(request, status_of(error))
        raise
    except Exception:
        service.failed(request, 500)
        raise
