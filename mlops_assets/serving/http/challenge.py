"""The scoring of a request while a version challenges the champion: shadow, or rows of a canary.

The champion answers every row that the challenger can't answer, so that a challenge costs no client an error.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import pyarrow as pa

from mlops_assets.serving.canary.challengers import WorkerChallenge
from mlops_assets.serving.canary.frames import ShadowRows
from mlops_assets.serving.canary.samples import CHALLENGER, CHAMPION
from mlops_assets.serving.canary.scores import ComparedScore
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import ArrowRows, Records, RequestRows
from mlops_assets.serving.http.scoring import MOST_ROWS_IN_LOOP, score_rows
from mlops_assets.stores.prediction_log import columns as prediction_log

_LOG = logging.getLogger(__name__)

Rejected = Mapping[int, Sequence[str]]


class Asked(NamedTuple):
    """The rows of a request.

    Attributes
    ----------
    key
        The routing key of rows without an entity.
    rejected
        Rows that can't be scored, by their position, with the reasons.
    top
        Number of features whose contributions are listed.
    """

    rows: RequestRows
    rejected: Rejected
    request_id: str
    key: str
    route: str
    top: int = 0


class Part(NamedTuple):
    """The rows that one version answered."""

    model: ServedModel
    role: str
    rows: RequestRows
    scored: ScoredRows


class Answered(NamedTuple):
    """The answer to a request.

    Attributes
    ----------
    model
        The version that answered; the champion if both did.
    parts
        What each version answered.
    versions
        The version of each row if both answered, else None.
    """

    model: ServedModel
    scored: ScoredRows
    parts: Sequence[Part]
    versions: Sequence[int] | None = None


async def score_challenged(challenge: WorkerChallenge, champion: ServedModel, asked: Asked) -> Answered:
    """Score the rows of a request, each with the version of its key."""
    rows, count = asked.rows, asked.rows.count
    keys = challenge.keys(count, rows.value, asked.key)
    places = [place for place in challenge.challenged(keys) if place not in asked.rejected]
    if challenge.model is None:
        scored = await _score(champion, rows, asked.rejected, asked.top)
        _send_to_shadow(challenge, champion, asked, keys, places, scored)
        return Answered(champion, scored, [Part(champion, prediction_log.CHAMPION, rows, scored)])
    canary, answers = await _canary_part(challenge, challenge.model, asked, keys, places)
    if canary is not None and len(answers) == count:
        return Answered(challenge.model, canary.scored, [canary])
    rest = [place for place in range(count) if place not in answers]
    rejected = {index: asked.rejected[place] for index, place in enumerate(rest) if place in asked.rejected}
    part = await _champion_part(challenge, champion, asked, _Rest(rest, rejected, {*places}, keys))
    if canary is None:
        return Answered(champion, part.scored, [part])
    outputs: list[Mapping[str, Any] | None] = [answers.get(place) for place in range(count)]
    for place, output in zip(rest, part.scored.by_position, strict=True):
        outputs[place] = output
    found = {rest[index]: rules for index, rules in part.scored.rejected.items()}
    versions = [(challenge.model if place in answers else champion).version for place in range(count)]
    return Answered(champion, ScoredRows(count, found, rows=outputs), [part, canary], versions)


async def _canary_part(
    challenge: WorkerChallenge, model: ServedModel, asked: Asked, keys: Sequence[str], places: Sequence[int]
) -> tuple[Part | None, dict[int, Mapping[str, Any]]]:
    """What the challenger answers, and its answers by position; those that it can't answer are missing."""
    if not places:
        return None, {}
    rows, started = _taken(asked.rows, places), perf_counter()
    try:
        scored = await _score(model, rows, {}, asked.top)
    except Exception as error:  # whatever a version raises: the champion answers
        _LOG.error("%s: version %d: %s", challenge.project, model.version, type(error).__name__)
        scored = ScoredRows(
            len(places), {place: [] for place in range(len(places))}, rows=[None] * len(places)
        )
    seconds = perf_counter() - started if asked.rows.count == 1 else math.nan
    outputs = scored.by_position
    named = [keys[place] for place in places]
    challenge.record(CHALLENGER, _compared(model), zip(named, outputs, strict=True), seconds)
    answers = {place: output for place, output in zip(places, outputs, strict=True) if output is not None}
    if not answers:
        return None, {}
    if len(answers) < len(places):
        rows = _taken(asked.rows, [*answers])
        scored = ScoredRows(len(answers), {}, rows=[*answers.values()])
    return Part(model, prediction_log.CANARY, rows, scored), answers


class _Rest(NamedTuple):
    """The rows that the champion answers: their positions, those rejected before, and whose they were."""

    places: Sequence[int]
    rejected: Rejected
    of_challenger: set[int]
    keys: Sequence[str]


async def _champion_part(
    challenge: WorkerChallenge, champion: ServedModel, asked: Asked, rest: _Rest
) -> Part:
    is_all = len(rest.places) == asked.rows.count
    rows = asked.rows if is_all else _taken(asked.rows, rest.places)
    own = [index for index, place in enumerate(rest.places) if place not in rest.of_challenger]
    started = perf_counter()
    try:
        scored = await _score(champion, rows, rest.rejected, asked.top)
    except BaseException:
        failed = [(rest.keys[rest.places[index]], None) for index in own]
        challenge.record(CHAMPION, _compared(champion), failed)
        raise
    seconds = perf_counter() - started if asked.rows.count == 1 else math.nan
    outputs = scored.by_position
    answers = [(rest.keys[rest.places[index]], outputs[index]) for index in own]
    challenge.record(CHAMPION, _compared(champion), answers, seconds)
    return Part(champion, prediction_log.CHAMPION, rows, scored)


def _send_to_shadow(
    challenge: WorkerChallenge,
    champion: ServedModel,
    asked: Asked,
    keys: Sequence[str],
    places: Sequence[int],
    scored: ScoredRows,
) -> None:
    """Send rows with the champion's answers to the shadow, which scores them after the answer."""
    if not places or challenge.shadow is None:
        return
    is_all = len(places) == asked.rows.count
    rows = asked.rows if is_all else _taken(asked.rows, places)
    outputs, compared = scored.by_position, _compared(champion)
    scores = [None if outputs[place] is None else compared.of_answer(outputs[place]) for place in places]
    plain = rows.batch if isinstance(rows, ArrowRows) else rows.records()
    message = ShadowRows(asked.request_id, asked.route, [keys[place] for place in places], scores, plain)
    asyncio.get_running_loop().call_soon(challenge.shadow.send, message)  # after the answer is sent


async def _score(model: ServedModel, rows: RequestRows, rejected: Rejected, top: int) -> ScoredRows:
    if rows.count <= MOST_ROWS_IN_LOOP and not top:
        return score_rows(model, rows, rejected)
    return await asyncio.to_thread(score_rows, model, rows, rejected, top)


def _taken(rows: RequestRows, places: Sequence[int]) -> RequestRows:
    if len(places) == rows.count:
        return rows
    if isinstance(rows, ArrowRows):
        return ArrowRows(rows.batch.take(pa.array(places, pa.int64())))
    records = rows.records()
    return Records([records[place] for place in places])


def _compared(model: ServedModel) -> ComparedScore:
    return ComparedScore.of(model.model.spec)
