"""The scoring of a request's rows: limits, online features, the version that answers, and observers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from starlette.requests import Request

from mlops_assets.core.errors import ProjectError
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import POSITION, ServedModel
from mlops_assets.serving.http.answers.row_errors import unknown_fields
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.content import BodyFormat
from mlops_assets.serving.http.bodies.request_rows import ArrowRows, RequestRows
from mlops_assets.serving.http.errors import RequestError, too_many_rows
from mlops_assets.serving.http.observer import FailedRequest, Observers, ScoredRequest
from mlops_assets.serving.http.online import OnlineSource, is_lookup, look_up
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.stores.files.csv_dialect import Dialect

MOST_ROWS_IN_LOOP = 64
"""Up to this number, rows are scored in the event loop: a thread would cost more than it gains."""


class Options(NamedTuple):
    """How rows are to be scored.

    Attributes
    ----------
    top
        Number of features whose contributions are listed.
    strict
        Whether undeclared columns are an error.
    """

    top: int = 0
    strict: bool = False


NO_OPTIONS = Options()


class Scored(NamedTuple):
    """The scored rows of a request, and the version that scored them.

    Attributes
    ----------
    rows
        The rows, with the features that were looked up.
    more, headers
        Further members and headers of the answer.
    """

    model: ServedModel
    rows: RequestRows
    scored: ScoredRows
    more: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Service:
    """What routes answer with."""

    engine: Engine
    observers: Observers
    online: OnlineSource | None = None

    def project(self, name: str) -> ServedProject:
        """The served project of a path.

        Raises
        ------
        ProjectError
            When it is not served.
        """
        return self.engine.config.project(name)

    def body_format(self, project: str) -> BodyFormat:
        """What the bodies of a project are read with."""
        served = self.project(project)
        columns = frozenset(self.engine.model(project).contracts.contract.names)
        dialect = Dialect.from_settings(served.dialect)
        return BodyFormat(dialect, columns | {*served.entity}, served.settings["limits"]["rows"])

    async def score(
        self, request: Request, project: str, rows: RequestRows, options: Options = NO_OPTIONS
    ) -> Scored:
        """Score the rows of a request.

        Raises
        ------
        RequestError
            When there are too many rows or none, or unknown columns although `strict`.
        """
        served, facts = self.project(project), request_facts(request.scope)
        facts.mark_parsed()
        model = self.engine.model(project)
        _check_rows(served, model, rows, options)
        rejected: Mapping[int, Sequence[str]] = {}
        more: Mapping[str, Any] = {}
        headers: Mapping[str, str] = {}
        if is_lookup(served, model, rows):
            rows, rejected, more, headers = await look_up(self.online, served, rows)
        if rows.count <= MOST_ROWS_IN_LOOP and not options.top:
            scored = score_rows(model, rows, rejected)
        else:
            scored = await asyncio.to_thread(score_rows, model, rows, rejected, options.top)
        facts.mark_scored(project, model.version, rows.count)
        seconds = (perf_counter_ns() - facts.started) / 1e9
        self.observers.on_scored(
            ScoredRequest(
                project=project,
                version=model.version,
                role="champion",
                request_id=facts.request_id,
                rows=rows,
                scored=scored,
                seconds=seconds,
                route=_route(request),
            )
        )
        return Scored(model, rows, scored, more, headers)

    def failed(self, request: Request, status: int) -> None:
        """Report an error of a request for predictions to the observers."""
        project = request.path_params.get("project")
        try:
            served = None if project is None else self.project(project).name
        except ProjectError:
            served = None
        facts = request_facts(request.scope)
        self.observers.on_error(FailedRequest(served, facts.request_id, status, _route(request)))


def score_rows(
    model: ServedModel, rows: RequestRows, rejected: Mapping[int, Sequence[str]], top: int = 0
) -> ScoredRows:
    """Score rows with a version.

    Parameters
    ----------
    rejected
        Rows that can't be scored, by their position, with the reasons.
    """
    if isinstance(rows, ArrowRows):
        batch = rows.batch.append_column(POSITION, pa.array(np.arange(rows.count)))
        return ScoredRows.of_batch(model.score(batch, contributions=top), rows.count)
    records = rows.records()
    if not rejected:
        return ScoredRows.of_scores(model.score_rows(records, contributions=top))
    places = [place for place in range(rows.count) if place not in rejected]
    scores = model.score_rows([records[place] for place in places], contributions=top)
    outputs: list[dict[str, Any] | None] = [None] * rows.count
    for place, output in zip(places, scores.outputs, strict=True):
        outputs[place] = output
    found = {places[place]: rules for place, rules in scores.rejected.items()}
    return ScoredRows(rows.count, dict(sorted({**rejected, **found}.items())), rows=outputs)


def _check_rows(served: ServedProject, model: ServedModel, rows: RequestRows, options: Options) -> None:
    limit = served.settings["limits"]["rows"]
    if rows.count > limit:
        raise too_many_rows(rows.count, limit)
    if not rows.count:
        raise RequestError("the request has no rows", hint="send at least one row", status=422)
    if isinstance(rows, ArrowRows) and (missing := model.contracts.contract.missing(list(rows.fields))):
        raise RequestError(
            f"the rows lack the required column {', '.join(missing[:10])}",
            hint=f"send it; see GET /v1/projects/{served.name}/model",
            status=422,
        )
    if options.strict and (error := unknown_fields(model.contracts.contract.names, rows, served.entity)):
        raise error


def _route(request: Request) -> str:
    """The template of the path."""
    route = request.scope.get("route")
    return str(getattr(route, "path", request.url.path))
