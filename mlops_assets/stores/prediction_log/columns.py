"""The columns of the prediction log."""

from collections.abc import Iterable

REQUEST_ID, ROW, REQUESTED_AT = "request_id", "request_row", "requested_at"
VERSION, ROLE, ROUTE = "model_version", "role", "route"
FEATURES_AS_OF, LATENCY_MS = "features_as_of", "latency_ms"
CHAMPION, CANARY, SHADOW = ROLES = "champion", "canary", "shadow"
"""The roles of a version: the champion and a canary answer; the answers of a shadow are logged only."""

DESCRIBING = (REQUEST_ID, ROW, REQUESTED_AT, VERSION, ROLE, ROUTE, FEATURES_AS_OF, LATENCY_MS)
"""Columns that describe a logged row: its request, the position in it, and who answered."""

_PREFIX = "input_"


def input_names(inputs: Iterable[str], outputs: Iterable[str]) -> dict[str, str]:
    """The name in the log of each input column.

    An input column has its own name, or `input_<name>` where an output or a describing column has it.
    """
    taken = {name.lower() for name in (*DESCRIBING, *outputs)}
    return {name: f"{_PREFIX}{name}" if name.lower() in taken else name for name in inputs}
