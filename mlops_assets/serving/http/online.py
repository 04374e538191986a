"""Rows of entities alone as rows with their newest features."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.bodies.request_rows import Records, RequestRows
from mlops_assets.serving.http.errors import RequestError


class _OnlineRow(Protocol):
    @property
    def values(self) -> Mapping[str, Any] | None: ...

    @property
    def problem(self) -> str | None: ...


class _OnlineAnswer(Protocol):
    @property
    def rows(self) -> Sequence[_OnlineRow]: ...

    @property
    def as_of(self) -> datetime | None: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


class OnlineSource(Protocol):
    """The newest features of entities."""

    def __contains__(self, project: str) -> bool: ...

    def is_local(self, project: str) -> bool:
        """Whether `get` takes microseconds."""

    def get(self, project: str, entities: Sequence[Mapping[str, object]]) -> _OnlineAnswer:
        """The features of entities, or the problem of each that has none."""


class LookedUp(NamedTuple):
    """Rows with the features that were looked up.

    Attributes
    ----------
    rejected
        Why rows have no features, by their position.
    more, headers
        The age of the features, for the answer.
    """

    rows: RequestRows
    rejected: Mapping[int, Sequence[str]]
    more: Mapping[str, Any]
    headers: Mapping[str, str]


def is_lookup(project: ServedProject, model: ServedModel, rows: RequestRows) -> bool:
    """Whether the rows of an event project have entity columns alone."""
    if not project.entity or not rows.count or not rows.fields:
        return False
    features = set(model.contracts.contract.names) - set(project.entity)
    return not features & rows.fields and set(project.entity) <= rows.fields


async def look_up(source: OnlineSource | None, project: ServedProject, rows: RequestRows) -> LookedUp:
    """The newest features of entities.

    Raises
    ------
    RequestError
        When the project has no online features.
    """
    if source is None or project.name not in source:
        entity = ", ".join(project.entity)
        raise RequestError(
            f"the rows have only {entity}, and {project.name} has no online features",
            hint=f"send the features of each {entity}, see GET /v1/projects/{project.name}/model; or declare "
            "serving.online in defs.yaml",
            status=422,
        )
    entities = rows.records()
    if source.is_local(project.name):
        found = source.get(project.name, entities)
    else:
        found = await asyncio.to_thread(source.get, project.name, entities)
    rejected = {place: [row.problem or ""] for place, row in enumerate(found.rows) if row.values is None}
    records = [
        {} if row.values is None else {**_entity(project, entity), **_sent(row.values)}
        for entity, row in zip(entities, found.rows, strict=True)
    ]
    as_of = {} if found.as_of is None else {"features_as_of": found.as_of.isoformat()}
    return LookedUp(Records(records), rejected, as_of, found.headers)


def explained(
    project: ServedProject, model: ServedModel, rows: RequestRows, rejected: Mapping[int, Sequence[str]]
) -> Mapping[int, Sequence[str]]:
    """The reasons of rejected rows; one reason for rows of entities alone beside rows with features."""
    if not project.entity or not rejected or not isinstance(rows, Records):
        return rejected
    records, entity = rows.records(), set(project.entity)
    features = set(model.contracts.contract.names) - entity
    reason = (
        f"the row has only {', '.join(project.entity)}, and other rows of the request have features: send "
        "features with all rows, or with none"
    )
    alone = [place for place in rejected if entity <= (sent := records[place].keys()) and not features & sent]
    return {**rejected, **{place: [reason] for place in alone}}


def _entity(project: ServedProject, row: Mapping[str, object]) -> Mapping[str, object]:
    return {name: row[name] for name in project.entity}


def _sent(values: Mapping[str, Any]) -> Mapping[str, object]:
    """Features as JSON would contain them: times and decimals as texts."""
    return {
        name: value if value is None or isinstance(value, str | int | float) else str(value)
        for name, value in values.items()
    }
