"""Answers with predictions: JSON, or Arrow for clients that accept it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
from starlette.datastructures import Headers
from starlette.responses import Response

from mlops_assets.ml.scoring.prediction_batches import output_schema
from mlops_assets.ml.scoring.row_contributions import BASE, REST
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.arrow_body import STREAM
from mlops_assets.serving.http.errors import JSON


class Predictions(NamedTuple):
    """What an answer contains.

    Attributes
    ----------
    top
        Number of features whose contributions are listed.
    errors
        Errors of rejected rows; None where none may be rejected.
    more
        Further members of the answer, such as the time of online features.
    """

    project: str
    model: ServedModel
    request_id: str
    scored: ScoredRows
    top: int = 0
    errors: Sequence[Mapping[str, Any]] | None = None
    more: Mapping[str, Any] | None = None


def accepts_arrow(headers: Headers) -> bool:
    """Whether the client asks for Arrow."""
    return STREAM in headers.get("accept", "").lower()


def json_predictions(answer: Predictions) -> Response:
    """The predictions as JSON: one object a row, in their order, and null for a rejected row."""
    rows: Sequence[Any] = answer.scored.by_position
    if answer.top:
        rows = [None if row is None else _with_contributions(row, answer.top) for row in rows]
    values = {**_facts(answer), "predictions": rows, **_errors(answer)}
    return Response(orjson.dumps(values), media_type=JSON)


def arrow_predictions(answer: Predictions) -> Response:
    """The predictions as an Arrow IPC stream; its metadata has the other members of the JSON answer."""
    table = answer.scored.table(output_schema(answer.model.model, answer.top))
    values = {**_facts(answer), **_errors(answer)}
    found = table.replace_schema_metadata(
        {name: value if isinstance(value, str) else orjson.dumps(value) for name, value in values.items()}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found)
    return Response(sink.getvalue().to_pybytes(), media_type=STREAM)


def _facts(answer: Predictions) -> dict[str, Any]:
    version, more = answer.model.version, answer.more or {}
    return {"project": answer.project, "version": version, "request_id": answer.request_id, **more}


def _errors(answer: Predictions) -> dict[str, Any]:
    if answer.errors is None:
        return {}
    return {"errors": answer.errors, "rejected_rows": len(answer.scored.rejected)}


def _with_contributions(row: Mapping[str, Any], top: int) -> dict[str, Any]:
    """A row whose columns of contributions are one list."""
    named = [
        {"feature": row[f"contribution_{rank}_feature"], "value": row[f"contribution_{rank}_value"]}
        for rank in range(1, top + 1)
        if row[f"contribution_{rank}_feature"] is not None
    ]
    found = {name: value for name, value in row.items() if not name.startswith("contribution_")}
    return {**found, "contributions": {"base": row[BASE], "features": named, "rest": row[REST]}}
