"""Query parameters of a request for predictions."""

from collections.abc import Mapping

from mlops_assets.serving.http.bodies.json_body import reject_unknown
from mlops_assets.serving.http.errors import RequestError

KNOWN = ("partial", "strict", "explain", "top")
MOST_FEATURES = 50
_DEFAULT_TOP = 3
_BOOLEANS = {"true": True, "1": True, "": True, "false": False, "0": False}


def flag(parameters: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false; false without it.

    Raises
    ------
    RequestError
        When it has another value.
    """
    value = parameters.get(name, "false")
    if value.lower() not in _BOOLEANS:
        raise RequestError(f"{name}={value[:40]} is neither true nor false", hint=f"write {name}=true")
    return _BOOLEANS[value.lower()]


def top_features(parameters: Mapping[str, str]) -> int:
    """The number of features to explain with; 0 without `explain=true`.

    Raises
    ------
    RequestError
        When `top` is not a number in its range.
    """
    explain = flag(parameters, "explain")
    value = parameters.get("top", str(_DEFAULT_TOP))
    if not (value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MOST_FEATURES):
        raise RequestError(f"top={value[:40]} is not a number from 1 to {MOST_FEATURES}", hint="write top=3")
    return int(value) if explain else 0


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Refuse unknown parameters.

    Raises
    ------
    RequestError
        With a suggestion.
    """
    reject_unknown(list(parameters), KNOWN, "parameter")
