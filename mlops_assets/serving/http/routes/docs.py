"""`/openapi.json` and `/docs`, whose page loads nothing from other servers."""

from importlib.util import find_spec
from pathlib import Path

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.errors import JSON
from mlops_assets.serving.http.openapi.document import OpenApi

OPENAPI, _STATIC = "/openapi.json", "/docs/static"


def docs_routes(engine: Engine) -> list[Route | Mount]:
    """The routes of the documentation of the service."""
    documents = OpenApi(engine)

    async def openapi(_request: Request) -> Response:
        return Response(documents.text(), media_type=JSON)

    async def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{OPENAPI}",
            title="mlops serve",
            swagger_js_url=f"{root}{_STATIC}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_STATIC}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_STATIC}/favicon.png",
            swagger_ui_parameters={"defaultModelsExpandDepth": 0, "tryItOutEnabled": True},
        )

    return [
        Route(OPENAPI, openapi),
        Route("/docs", docs),
        Mount(_STATIC, StaticFiles(directory=_static_folder())),
    ]


def _static_folder() -> Path:
    """The files of Swagger UI in `fastapi_offline`, which is not imported."""
    found = find_spec("fastapi_offline")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "static"
