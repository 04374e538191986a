"""`POST /v1/projects/{project}/predict`."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from mlops_assets.serving.http.answers.predictions import (
    Predictions,
    accepts_arrow,
    arrow_predictions,
    json_predictions,
)
from mlops_assets.serving.http.answers.row_errors import rejection, row_errors
from mlops_assets.serving.http.bodies.content import rows_of_body
from mlops_assets.serving.http.observed import observed
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.http.routes.parameters import check_parameters, flag, top_features
from mlops_assets.serving.http.routing import TemplateRoute
from mlops_assets.serving.http.service import Options, Service

_NO_PARAMETERS: Mapping[str, str] = {}


def predict_routes(service: Service) -> list[TemplateRoute]:
    """The route of predictions."""

    async def predict(request: Request) -> Response:
        return await observed(service, request, answer(request))

    async def answer(request: Request) -> Response:
        project = request.path_params["project"]
        parameters: Mapping[str, str] = _NO_PARAMETERS
        if request.scope["query_string"]:
            parameters = request.query_params
            check_parameters(parameters)
        options = Options(top_features(parameters), flag(parameters, "strict"))
        partial = flag(parameters, "partial")
        form = service.body_format(project)
        rows = rows_of_body(await request.body(), request.headers, form)
        found = await service.score(request, project, rows, options)
        if found.scored.rejected and not partial:
            raise rejection(found.model, found.rows, found.scored, has_partial=True)
        errors = row_errors(found.model, found.rows, found.scored) if partial else None
        predictions = Predictions(
            project=project,
            model=found.model,
            request_id=request_facts(request.scope).request_id,
            scored=found.scored,
            top=options.top,
            errors=errors,
            more=found.more,
        )
        response = (arrow_predictions if accepts_arrow(request.headers) else json_predictions)(predictions)
        response.headers["X-Model-Version"] = str(found.model.version)
        response.headers.update(found.headers)
        return response

    return [TemplateRoute("/v1/projects/{project}/predict", predict, methods=["POST"])]
