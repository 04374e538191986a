"""The OpenAPI document of the served versions."""

from importlib.metadata import version
from typing import Any

import orjson

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.openapi.columns import input_schema, output_schema
from mlops_assets.serving.http.openapi.project_paths import project_paths
from mlops_assets.serving.http.openapi.service_paths import COMPONENTS, INFERENCE, SERVICE, SERVICE_PATHS

_DESCRIPTION = (
    "Predictions of champions, equal to those of the batch. Types, ranges and classes are those of the "
    "contracts of the served versions."
)


class OpenApi:
    """The document; it is generated again when another version is served."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._models: list[ServedModel | None] = []
        self._text = b""

    def text(self) -> bytes:
        """The document as JSON."""
        models = [self._model(project.name) for project in self._engine.config.projects]
        if not self._text or any(one is not other for one, other in zip(models, self._models, strict=True)):
            self._text, self._models = orjson.dumps(self._document(models)), models
        return self._text

    def _model(self, project: str) -> ServedModel | None:
        try:
            return self._engine.model(project)
        except StoreError:
            return None

    def _document(self, models: list[ServedModel | None]) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        schemas = dict(COMPONENTS["schemas"])
        projects = self._engine.config.projects
        for project, model in zip(projects, models, strict=True):
            if model is None:
                continue
            name = project.name
            schemas[f"{name}.Row"] = input_schema(model.contracts)
            schemas[f"{name}.Prediction"] = output_schema(model.model.spec)
            paths |= project_paths(project, model)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "mlops_assets",
                "version": version("mlops-assets"),
                "description": _DESCRIPTION,
            },
            "security": [{}, {"key": []}],
            "tags": [{"name": name} for name in (*(one.name for one in projects), INFERENCE, SERVICE)],
            "paths": {**paths, **SERVICE_PATHS},
            "components": {**COMPONENTS, "schemas": schemas},
        }
