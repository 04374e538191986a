"""The ASGI application of the service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import orjson
import pyarrow as pa
from fastapi import FastAPI, Request, Response

from mlops_assets.core.errors import MlopsError, ProjectError, StoreError
from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import POSITION


def create_app(engine: Engine, services: Sequence[AbstractAsyncContextManager[None]] = ()) -> FastAPI:
    """Return the application that answers with the versions of an engine.

    Parameters
    ----------
    services
        Entered in order before the first request, and left in reverse order after the last answer.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(service)
            yield

    app = FastAPI(title="mlops_assets", lifespan=lifespan)
    app.add_exception_handler(MlopsError, _error)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        return _json({"ready": engine.is_ready}, 200 if engine.is_ready else 503)

    @app.post("/v1/projects/{project}/predict")
    async def predict(project: str, request: Request) -> Response:
        model = engine.model(project)
        rows = orjson.loads(await request.body())["rows"]
        limit = engine.config.project(project).settings["limits"]["rows"]
        if len(rows) > limit:
            problem = {"error": f"the request has {len(rows):,} rows", "hint": f"send at most {limit:,}"}
            return _json(problem, 413)
        batch = pa.RecordBatch.from_pylist([{**row, POSITION: place} for place, row in enumerate(rows)])
        scored = model.score(batch)
        if scored.rejected.num_rows:
            broken = scored.rejected.select([POSITION, BROKEN_RULES]).to_pylist()
            return _json({"errors": broken}, 422)
        predictions = scored.predicted.drop_columns([POSITION]).to_pylist()
        return _json({"project": project, "version": model.version, "predictions": predictions})

    return app


async def _error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, MlopsError)
    status = 404 if isinstance(error, ProjectError) else 503 if isinstance(error, StoreError) else 400
    return _json({"error": error.message, "hint": error.hint}, status)


def _json(values: object, status: int = 200) -> Response:
    return Response(orjson.dumps(values), status, media_type="application/json")
