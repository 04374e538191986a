"""`GET /v1/projects` and `GET /v1/projects/{project}/model`."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.deployment.model_facts import read_facts
from mlops_assets.serving.http.errors import json_response
from mlops_assets.serving.http.openapi.columns import input_schema, output_schema
from mlops_assets.serving.http.routing import TemplateRoute
from mlops_assets.serving.http.service import Service


def model_routes(service: Service) -> list[TemplateRoute]:
    """Routes that describe what is served."""

    async def projects(_request: Request) -> Response:
        names = [project.name for project in service.engine.config.projects]
        return json_response({"projects": [_summary(service, name) for name in names]})

    async def model(request: Request) -> Response:
        project = request.path_params["project"]
        found = service.engine.model(project)
        spec, contracts = found.model.spec, found.contracts
        values = {
            "project": project,
            "version": found.version,
            "digest": found.deployed.digest,
            "task": spec.task,
            "target": spec.target,
            "family": spec.family,
            "classes": list(spec.classes),
            "threshold": spec.threshold,
            "features": list(spec.features),
            "input": input_schema(contracts),
            "output": output_schema(spec),
            "entity": list(service.project(project).entity),
            "scoring": found.compilation.describe(),
            **read_facts(Path(found.deployed.folder)),
        }
        return json_response(values)

    return [
        TemplateRoute("/v1/projects", projects),
        TemplateRoute("/v1/projects/{project}/model", model),
    ]


def _summary(service: Service, name: str) -> dict[str, Any]:
    try:
        found = service.engine.model(name)
    except StoreError as error:
        return {"project": name, "ready": False, "error": error.message}
    path = f"/v1/projects/{name}"
    return {
        "project": name,
        "ready": True,
        "version": found.version,
        "task": found.model.spec.task,
        "target": found.model.spec.target,
        "predict": f"{path}/predict",
        "model": f"{path}/model",
    }
