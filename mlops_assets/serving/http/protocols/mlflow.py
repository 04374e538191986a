"""MLflow's scoring protocol: `/invocations`, `/ping`, `/health` and `/version`."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.http.answers.row_errors import rejection
from mlops_assets.serving.http.bodies.content import CSV, media_type
from mlops_assets.serving.http.bodies.csv_body import rows_of_csv
from mlops_assets.serving.http.bodies.json_body import columns_of, kind_of, parse_json, records_of
from mlops_assets.serving.http.bodies.request_rows import Columns, Records, RequestRows
from mlops_assets.serving.http.errors import JSON, RequestError, json_response, status_of
from mlops_assets.serving.http.observed import observed
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.http.routing import TemplateRoute
from mlops_assets.serving.http.service import Service

_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_IGNORED = ("params", "signature_name")
"""Members that MLflow's clients send beside the rows; no model here has parameters of a prediction."""
_CODES = {
    404: "RESOURCE_DOES_NOT_EXIST",
    413: "BAD_REQUEST",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


def mlflow_routes(service: Service) -> list[TemplateRoute]:
    """The routes for each project, and those at the root for a service of one project."""
    projects = service.engine.config.projects

    async def invocations(request: Request) -> Response:
        project = request.path_params.get("project") or projects[0].name
        try:
            return await observed(service, request, _predict(service, request, project))
        except MlopsError as error:
            return _error(request, error)

    async def ping(_request: Request) -> Response:
        return Response("\n", 200 if service.engine.is_ready else 404, media_type=JSON)

    async def mlflow_version(_request: Request) -> Response:
        return Response(_mlflow_version(), media_type="text/plain")

    routes = [
        TemplateRoute("/v1/projects/{project}/invocations", invocations, methods=["POST"]),
        TemplateRoute("/v1/projects/{project}/ping", ping),
        TemplateRoute("/v1/projects/{project}/health", ping),
        TemplateRoute("/v1/projects/{project}/version", mlflow_version),
        TemplateRoute("/ping", ping),
        TemplateRoute("/health", ping),
        TemplateRoute("/version", mlflow_version),
    ]
    if len(projects) == 1:
        routes.insert(0, TemplateRoute("/invocations", invocations, methods=["POST"]))
    return routes


async def _predict(service: Service, request: Request, project: str) -> Response:
    form = service.body_format(project)
    kind, charset = media_type(request.headers)
    body = await request.body()
    if kind == CSV:
        rows: RequestRows = rows_of_csv(body, form.dialect, charset)
    elif kind == JSON:
        rows = rows_of_invocation(parse_json(body))
    else:
        raise RequestError(
            f"bodies with Content-Type: {kind[:80]} are not read", hint=f"send {JSON} or {CSV}", status=415
        )
    found = await service.score(request, project, rows)
    if found.scored.rejected:
        raise rejection(found.model, found.rows, found.scored)
    headers = {"X-Model-Version": str(found.model.version), **found.headers}
    return json_response({"predictions": found.scored.by_position}, headers=headers)


def rows_of_invocation(values: object) -> RequestRows:
    """The rows of a body of `/invocations`.

    Raises
    ------
    RequestError
        When it has none of MLflow's formats.
    """
    hint = f"send an object with one of {', '.join(_FORMATS)}"
    if not isinstance(values, dict):
        raise RequestError(f"the body is {kind_of(values)}, not an object", hint=hint)
    given = [name for name in values if name not in _IGNORED]
    if len(given) != 1 or given[0] not in _FORMATS:
        named = ", ".join(repr(name[:60]) for name in given[:5]) or "no member"
        raise RequestError(f"the body has {named}, not one of the formats of MLflow", hint=hint)
    name = given[0]
    if name == "dataframe_split":
        return _split(values[name])
    if name == "inputs" and isinstance(values[name], dict):
        return _named_inputs(values[name])
    return Records(records_of(values[name], name, _example(name)))


def _split(values: object) -> RequestRows:
    hint = 'send {"dataframe_split": {"columns": [names], "data": [[values of a row], …]}}'
    if not isinstance(values, dict) or not {"columns", "data"} <= values.keys() <= {
        "columns",
        "data",
        "index",
    }:
        raise RequestError("dataframe_split is not an object with columns and data", hint=hint)
    names, data = values["columns"], values["data"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestError("columns of dataframe_split is not an array of names", hint=hint)
    if len(set(names)) < len(names):
        raise RequestError("columns of dataframe_split has a name twice", hint="remove one of the columns")
    if not isinstance(data, list):
        raise RequestError(f"data of dataframe_split is {kind_of(data)}, not an array of rows", hint=hint)
    for place, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            found = f"{len(row)} values" if isinstance(row, list) else kind_of(row)
            raise RequestError(
                f"row {place} of dataframe_split is {found}, not {len(names)} values", hint=hint
            )
    columns: Sequence[Sequence[Any]] = list(zip(*data, strict=True)) if data else [[] for _ in names]
    return Columns(dict(zip(names, columns, strict=True)), len(data))


def _named_inputs(values: Mapping[str, object]) -> RequestRows:
    """Columns of values; scalars are one row."""
    if values and not any(isinstance(value, list) for value in values.values()):
        return Records([values])
    return columns_of(values, "inputs", _example("inputs"))


def _example(name: str) -> str:
    return f'send {{"{name}": [{{"column": value, …}}, …]}}'


def _error(request: Request, error: MlopsError) -> Response:
    """An error as MLflow's clients read it."""
    status = status_of(error)
    details = error.details if isinstance(error, RequestError) else {}
    hint = f"; {error.hint}" if error.hint else ""
    values = {
        "error_code": _CODES.get(status, "BAD_REQUEST"),
        "message": f"{error.message}{hint}",
        "request_id": request_facts(request.scope).request_id,
        **details,
    }
    return json_response(values, 400 if status == 422 else status)


def _mlflow_version() -> str:
    """The version of MLflow that trains the models; the processes that answer do not import it."""
    try:
        return version("mlflow")
    except PackageNotFoundError:
        return version("mlflow-skinny")
