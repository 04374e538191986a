"""The rules that rows violate, as errors with row, field and value."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mlops_assets.core.text.suggestions import closest_name
from mlops_assets.ml.contracts.shown_rules import shown_rule
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import RequestRows
from mlops_assets.serving.http.errors import RequestError

MOST_LISTED = 1_000
"""Maximum number of errors of an answer."""
_LONGEST_VALUE = 200


def sensitive_columns(model: ServedModel) -> frozenset[str]:
    """The columns whose values no answer repeats."""
    contracts = [model.contracts.contract, model.contracts.features_contract]
    return frozenset(one.name for each in contracts if each for one in each.columns if one.sensitive)


def row_errors(model: ServedModel, rows: RequestRows, scored: ScoredRows) -> list[dict[str, Any]]:
    """The first errors of rejected rows: row (from 0), field, rule, and the value unless it is sensitive.

    A rule of several columns has no field.
    """
    known, sensitive = frozenset(model.contracts.contract.names), sensitive_columns(model)
    found: list[dict[str, Any]] = []
    for position, rules in scored.rejected.items():
        for rule in rules:
            if len(found) == MOST_LISTED:
                return found
            found.append(_error(rows, position, rule, known, sensitive))
    return found


def rejection(
    model: ServedModel, rows: RequestRows, scored: ScoredRows, *, has_partial: bool = False
) -> RequestError:
    """The error of a request with rejected rows.

    Parameters
    ----------
    has_partial
        Whether the route can answer the other rows.
    """
    rejected, errors = len(scored.rejected), row_errors(model, rows, scored)
    first = errors[0]
    field = f", {first['field']}" if first["field"] else ""
    count = f"{rejected:,} of {scored.count:,} rows" if scored.count > 1 else "the row"
    verb = "violate" if rejected > 1 else "violates"
    others = ", or add ?partial=true to predict the others" if has_partial else ""
    hints = [*_misspelled(model, rows, scored), f"correct the rows{others}"]
    return RequestError(
        f"{count} {verb} the contract; row {first['row']}{field}: {first['rule']}",
        hint="; ".join(hints),
        status=422,
        details={"errors": errors, "rejected_rows": rejected},
    )


def _error(
    rows: RequestRows, position: int, rule: str, known: Collection[str], sensitive: Collection[str]
) -> dict[str, Any]:
    name, separator, check = rule.partition(": ")
    if not separator or name not in known:
        return {"row": position, "field": None, "rule": rule}
    found = {"row": position, "field": name, "rule": shown_rule(rule, sensitive).partition(": ")[2] or check}
    return found if name in sensitive else {**found, "value": _shown(rows.value(position, name))}


def _shown(value: object) -> object:
    """A value for a JSON answer."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    try:
        text = str(value)
    except ValueError:  # an integer of more than 4,300 digits
        return "an integer with thousands of digits"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _misspelled(model: ServedModel, rows: RequestRows, scored: ScoredRows) -> Iterator[str]:
    """A suggestion for a required column that a row lacks, and an undeclared one that is similar."""
    names = model.contracts.contract.names
    rules = {rule for violated in scored.rejected.values() for rule in violated}
    missing = [name for name in names if f"{name}: required" in rules]
    unknown = sorted(rows.fields.difference(names))[:100]
    for name in missing:
        near = closest_name(name, [each[:100] for each in unknown])
        if near is not None:
            yield f"is {near} the column {name}?"
            return


def unknown_fields(known: Sequence[str], rows: RequestRows, entity: Sequence[str]) -> RequestError | None:
    """The error of a request with undeclared columns, for those that ask for it."""
    unknown = sorted(rows.fields - {*known, *entity})
    if not unknown:
        return None
    near = closest_name(unknown[0][:100], known)
    named = ", ".join(name[:60] for name in unknown[:10])
    details: Mapping[str, object] = {"unknown_fields": [name[:60] for name in unknown[:100]]}
    hint = f"did you mean {near}?" if near else "remove them, or omit ?strict=true to ignore them"
    return RequestError(
        f"the model does not read {named}", hint=hint, status=422, details={**details, "errors": []}
    )
