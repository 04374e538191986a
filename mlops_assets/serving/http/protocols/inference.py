"""The Open Inference Protocol (V2): health, metadata and inference, with each column as a tensor."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.answers.row_errors import rejection
from mlops_assets.serving.http.errors import RequestError, json_response, status_of
from mlops_assets.serving.http.observed import observed
from mlops_assets.serving.http.protocols.inference_request import HEADER_LENGTH, InferenceRequest
from mlops_assets.serving.http.protocols.tensors import OUTPUT_TYPES, bytes_of_values
from mlops_assets.serving.http.routing import TemplateRoute
from mlops_assets.serving.http.service import Options, Service

_DATATYPES = {
    "BIGINT": "INT64",
    "DOUBLE": "FP64",
    "BOOLEAN": "BOOL",
    "VARCHAR": "BYTES",
    "TIMESTAMP": "BYTES",
    "DATE": "BYTES",
}
_MODEL, _VERSION = "/v2/models/{project}", "/v2/models/{project}/versions/{version}"


def inference_routes(service: Service) -> list[TemplateRoute]:
    """The routes of the protocol; a project is a model."""

    async def infer(request: Request) -> Response:
        try:
            return await observed(service, request, _infer(service, request))
        except MlopsError as error:
            return _error(error)

    async def live(_request: Request) -> Response:
        return json_response({"live": True})

    async def ready(_request: Request) -> Response:
        is_ready = service.engine.is_ready
        return json_response({"ready": is_ready}, 200 if is_ready else 503)

    async def server(_request: Request) -> Response:
        found = {"name": "mlops_assets", "version": version("mlops-assets")}
        return json_response({**found, "extensions": ["binary_tensor_data"]})

    async def model_ready(request: Request) -> Response:
        try:
            model = _model(service, request)
        except MlopsError as error:
            return _error(error)
        return json_response({"name": request.path_params["project"], "ready": bool(model.version)})

    async def metadata(request: Request) -> Response:
        try:
            return json_response(_metadata(request.path_params["project"], _model(service, request)))
        except MlopsError as error:
            return _error(error)

    routes = [TemplateRoute(f"{path}/infer", infer, methods=["POST"]) for path in (_MODEL, _VERSION)]
    for path in (_MODEL, _VERSION):
        routes += [TemplateRoute(path, metadata), TemplateRoute(f"{path}/ready", model_ready)]
    return [
        *routes,
        TemplateRoute("/v2", server),
        TemplateRoute("/v2/health/live", live),
        TemplateRoute("/v2/health/ready", ready),
    ]


async def _infer(service: Service, request: Request) -> Response:
    project = request.path_params["project"]
    asked_version = _model(service, request)
    asked = InferenceRequest.parse(await request.body(), request.headers.get(HEADER_LENGTH))
    pinned = Options(pinned="version" in request.path_params)
    found = await service.score(request, project, asked.rows(), pinned)
    if found.model.version != asked_version.version and "version" in request.path_params:
        raise _not_served(project, request.path_params["version"], found.model.version)
    if found.scored.rejected:
        raise rejection(found.model, found.rows, found.scored)
    outputs = found.model.model.spec.output_types()
    tensors, binary = [], []
    for name, is_binary in asked.outputs(list(outputs)):
        values, datatype = [row[name] for row in found.scored.by_position if row], OUTPUT_TYPES[outputs[name]]
        tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": [len(values)]}
        if is_binary:
            binary.append(bytes_of_values(datatype, values))
            tensor["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            tensor["data"] = values
        tensors.append(tensor)
    answer: dict[str, Any] = {
        "model_name": project,
        "model_version": str(found.model.version),
        **({"id": asked.id} if asked.id is not None else {}),
        "outputs": tensors,
    }
    if not binary:
        return json_response(answer, headers=found.headers)
    head = orjson.dumps(answer)
    headers = {HEADER_LENGTH: str(len(head)), **found.headers}
    return Response(b"".join([head, *binary]), 200, headers, "application/octet-stream")


def _model(service: Service, request: Request) -> ServedModel:
    """The version that a path names; without a number the one that answers."""
    project = request.path_params["project"]
    model, wanted = service.engine.model(project), request.path_params.get("version")
    if wanted is not None and wanted != str(model.version):
        raise _not_served(project, wanted, model.version)
    return model


def _not_served(project: str, wanted: str, served: int) -> RequestError:
    return RequestError(
        f"version {wanted[:40]} of {project} is not served",
        hint=f"version {served} is; omit the version for the champion",
        status=404,
    )


def _metadata(project: str, model: ServedModel) -> Mapping[str, Any]:
    spec = model.model.spec
    return {
        "name": project,
        "versions": [str(model.version)],
        "platform": "mlops_assets",
        "inputs": [
            {"name": column.name, "datatype": _DATATYPES[column.sql_type], "shape": [-1]}
            for column in model.contracts.contract.columns
        ],
        "outputs": [
            {"name": name, "datatype": OUTPUT_TYPES[kind], "shape": [-1]}
            for name, kind in spec.output_types().items()
        ],
    }


def _error(error: MlopsError) -> Response:
    """An error as clients of the protocol read it."""
    hint = f"; {error.hint}" if error.hint else ""
    details = error.details if isinstance(error, RequestError) else {}
    status = status_of(error)
    return json_response({"error": f"{error.message}{hint}", **details}, 400 if status == 422 else status)
