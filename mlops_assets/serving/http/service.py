"""The scoring of a request's rows: limits, online features, the version that answers, and observers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, NamedTuple

from starlette.requests import Request

from mlops_assets.core.errors import ProjectError
from mlops_assets.serving.canary.challengers import Challengers
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.answers.row_errors import unknown_fields
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.content import BodyFormat
from mlops_assets.serving.http.bodies.request_rows import ArrowRows, RequestRows
from mlops_assets.serving.http.challenge import (
    Answered,
    Asked,
    Part,
    score_challenged,
)
from mlops_assets.serving.http.errors import RequestError, too_many_rows
from mlops_assets.serving.http.guards.paths import UNKNOWN_ROUTE, route_of
from mlops_assets.serving.http.observer import FailedRequest, Observers, ScoredRequest
from mlops_assets.serving.http.online import OnlineSource, explained, is_lookup, look_up
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.http.scoring import MOST_ROWS_IN_LOOP, score_rows
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.prediction_log.columns import CANARY, CHAMPION

STICKY_HEADER = "X-Sticky-Key"
"""Header with the key by which a canary is chosen, for rows that name no entity."""


class Options(NamedTuple):
    """How rows are to be scored.

    Attributes
    ----------
    top
        Number of features whose contributions are listed.
    strict
        Whether undeclared columns are an error.
    pinned
        Whether the champion answers, whatever challenges it.
    """

    top: int = 0
    strict: bool = False
    pinned: bool = False


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
    challengers: Challengers | None = None

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
        columns = self._columns(project, self.engine.model(project))
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
        _check_rows(served, model, rows)
        if options.strict and (
            error := unknown_fields(sorted(self._columns(project, model)), rows, served.entity)
        ):
            raise error
        rejected: Mapping[int, Sequence[str]] = {}
        more: Mapping[str, Any] = {}
        headers: Mapping[str, str] = {}
        if is_lookup(served, model, rows):
            rows, rejected, more, headers = await look_up(self.online, served, rows)
        route = _route(request)
        challenge = None if self.challengers is None or options.pinned else self.challengers.get(project)
        if challenge is not None:
            key = request.headers.get(STICKY_HEADER) or facts.request_id
            asked = Asked(rows, rejected, facts.request_id, key, route, options.top)
            answered = await score_challenged(challenge, model, asked)
        else:
            if rows.count <= MOST_ROWS_IN_LOOP and not options.top:
                scored = score_rows(model, rows, rejected)
            else:
                scored = await asyncio.to_thread(score_rows, model, rows, rejected, options.top)
            answered = Answered(model, scored, [Part(model, CHAMPION, rows, scored)])
        answered.scored.rejected = explained(served, model, rows, answered.scored.rejected)
        facts.mark_scored(project, answered.model.version, rows.count)
        seconds = (perf_counter_ns() - facts.started) / 1e9
        for part in answered.parts:
            self.observers.on_scored(
                ScoredRequest(
                    project=project,
                    version=part.model.version,
                    role=part.role,
                    request_id=facts.request_id,
                    rows=part.rows,
                    scored=part.scored,
                    seconds=seconds,
                    route=route,
                    model=part.model,
                    as_of=more.get("features_as_of"),
                )
            )
        if answered.model is not model or answered.versions is not None:
            more, headers = {**more, **_roles(answered)}, {**headers, **_versions(answered)}
        return Scored(answered.model, rows, answered.scored, more, headers)

    def _columns(self, project: str, champion: ServedModel) -> frozenset[str]:
        """The columns that a version of the project reads."""
        columns = frozenset(champion.contracts.contract.names)
        challenge = None if self.challengers is None else self.challengers.get(project)
        return columns if challenge is None else columns | challenge.columns

    def failed(self, request: Request, status: int) -> None:
        """Report an error of a request for predictions to the observers."""
        project = request.path_params.get("project")
        try:
            served = None if project is None else self.project(project).name
        except ProjectError:
            served = None
        facts = request_facts(request.scope)
        self.observers.on_error(FailedRequest(served, facts.request_id, status, _route(request)))


def _check_rows(served: ServedProject, model: ServedModel, rows: RequestRows) -> None:
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


def _route(request: Request) -> str:
    """The template of the path."""
    return route_of(request.scope) or UNKNOWN_ROUTE


def _roles(answered: Answered) -> dict[str, Any]:
    """Which rows a canary answered, as members of the answer."""
    return {"role": CANARY} if answered.versions is None else {"versions": answered.versions}


def _versions(answered: Answered) -> dict[str, str]:
    """The versions that answered, as a header."""
    found = {part.model.version for part in answered.parts}
    return {"X-Model-Version": ", ".join(map(str, sorted(found)))}
