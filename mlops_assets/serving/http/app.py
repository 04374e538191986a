"""The ASGI application of the service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.canary.challengers import Challengers
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.errors import error_response, http_error_response
from mlops_assets.serving.http.observer import Observer, Observers
from mlops_assets.serving.http.online import OnlineSource
from mlops_assets.serving.http.protocols.inference import inference_routes
from mlops_assets.serving.http.protocols.mlflow import mlflow_routes
from mlops_assets.serving.http.request_boundary import RequestBoundary
from mlops_assets.serving.http.routes.docs import docs_routes
from mlops_assets.serving.http.routes.health import health_routes
from mlops_assets.serving.http.routes.models import model_routes
from mlops_assets.serving.http.routes.predict import predict_routes
from mlops_assets.serving.http.service import Service


def create_app(
    engine: Engine,
    services: Sequence[AbstractAsyncContextManager[None]] = (),
    *,
    observers: Sequence[Observer] = (),
    online: OnlineSource | None = None,
    challengers: Challengers | None = None,
) -> FastAPI:
    """Return the application that answers with the versions of an engine.

    Parameters
    ----------
    services
        Entered in order before the first request, and left in reverse order after the last answer.
    observers
        Are called after rows were scored, and for requests that fail.
    online
        The features of entities, for projects that declare online features.
    challengers
        The versions that shadow champions, or take a share of their traffic.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(service)
            yield

    found = Service(engine, Observers(observers), online, challengers)
    routes: list[BaseRoute] = [
        *predict_routes(found),  # first: routes are tried in order
        *inference_routes(found),
        *mlflow_routes(found),
        *model_routes(found),
        *health_routes(engine),
        *docs_routes(engine),
    ]
    return FastAPI(
        lifespan=lifespan,
        routes=routes,
        middleware=[Middleware(RequestBoundary)],
        exception_handlers={MlopsError: error_response, HTTPException: http_error_response},
        openapi_url=None,  # the document is generated from contracts, not from signatures
        docs_url=None,
        redoc_url=None,
    )
