"""`/healthz` and `/readyz`."""

from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.errors import json_response
from mlops_assets.serving.http.routing import TemplateRoute


def health_routes(engine: Engine) -> list[TemplateRoute]:
    """Routes for probes: whether the process runs, and whether every project has a loaded version."""

    async def healthz(_request: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        ready = engine.is_ready
        return json_response({"ready": ready}, 200 if ready else 503)

    return [TemplateRoute("/healthz", healthz), TemplateRoute("/readyz", readyz)]
