"""`/openapi.json` and `/docs`, whose page loads nothing from other servers."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.errors import JSON
from mlops_assets.serving.http.guards.paths import DOCS, OPENAPI
from mlops_assets.serving.http.openapi.document import OpenApi
from mlops_assets.serving.http.routing import TemplateRoute

_STATIC = Path(fastapi_offline.__file__).parent / "static"
_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")


def docs_routes(engine: Engine) -> list[TemplateRoute]:
    """The routes of the documentation of the service."""
    documents = OpenApi(engine)

    async def openapi(_request: Request) -> Response:
        return Response(documents.text(), media_type=JSON)

    async def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{OPENAPI}",
            title="mlops serve",
            swagger_js_url=f"{root}{DOCS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{DOCS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{DOCS}/favicon.png",
            swagger_ui_parameters={"defaultModelsExpandDepth": 0, "tryItOutEnabled": True},
        )

    return [
        TemplateRoute(OPENAPI, openapi),
        TemplateRoute(DOCS, docs),
        *(TemplateRoute(f"{DOCS}/{name}", _file(_STATIC / name)) for name in _FILES),
    ]


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return FileResponse(path)

    return answer
