"""The ASGI application of the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pyarrow as pa
from fastapi import FastAPI, Request, Response

from mlops_assets.core.errors import MlopsError, ProjectError, StoreError
from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import POSITION

REFRESH_SECONDS = 0.5
"""How often a worker looks for a new deployment."""


def create_app(engine: Engine) -> FastAPI:
    """Return the application that answers with the versions of an engine."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(engine.refresh)
        refreshing = asyncio.create_task(_refresh(engine))
        yield
        refreshing.cancel()
        with suppress(asyncio.CancelledError):
            await refreshing

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


async def _refresh(engine: Engine) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        await asyncio.to_thread(engine.refresh)


async def _error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, MlopsError)
    status = 404 if isinstance(error, ProjectError) else 503 if isinstance(error, StoreError) else 400
    return _json({"error": error.message, "hint": error.hint}, status)


def _json(values: object, status: int = 200) -> Response:
    return Response(orjson.dumps(values), status, media_type="application/json")
