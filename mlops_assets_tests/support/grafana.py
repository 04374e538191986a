"""Validation of a Grafana dashboard against the schema that Grafana publishes as Python classes."""

import enum
import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

_PACKAGE = "grafana_foundation_sdk"


def schema_errors(dashboard: Mapping[str, Any]) -> list[str]:
    """The settings that the schema does not know, and values of another type than it declares.

    The classes ignore unknown settings and accept any value. So what a class does not write again is unknown,
    and values are compared with the annotations.
    """
    register_default_plugins()
    loaded = Dashboard.from_json(dict(dashboard))
    written = json.loads(JSONEncoder(sort_keys=True).encode(loaded))
    return [*_lost(dashboard, written, ""), *_typed(loaded, "")]


def _lost(given: Any, written: Any, path: str) -> Iterator[str]:
    match given, written:
        case dict(), dict():
            for name, value in given.items():
                if name in written:
                    yield from _lost(value, written[name], f"{path}.{name}")
                else:
                    yield f"{path}.{name} is not in the schema"
        case list(), list() if len(given) == len(written):
            for place, pair in enumerate(zip(given, written, strict=True)):
                yield from _lost(*pair, f"{path}[{place}]")
        case _ if given != written:
            yield f"{path} is {given!r}, read as {written!r}"


def _typed(loaded: Any, path: str) -> Iterator[str]:
    if path.endswith(".options") and isinstance(loaded, dict):
        yield f"{path} belongs to no known kind of panel"
    if not type(loaded).__module__.startswith(_PACKAGE):
        return
    for name, declared in get_type_hints(type(loaded)).items():
        yield from _value(getattr(loaded, name, None), declared, f"{path}.{name}")


def _value(value: Any, declared: Any, path: str) -> Iterator[str]:
    origin, arguments = get_origin(declared), get_args(declared)
    if value is None or declared in (typing.Any, object):
        yield from _typed(value, path)
    elif origin in (Union, types.UnionType):
        found = [list(_value(value, each, path)) for each in arguments if each is not types.NoneType]
        yield from min(found, key=len)
    elif origin is Literal:
        if value not in arguments:
            yield f"{path} is {value!r}, not one of {arguments}"
    elif origin in (list, dict):
        if not isinstance(value, origin):
            yield f"{path} is {value!r}, not a {origin.__name__}"
            return
        items = enumerate(value) if origin is list else value.items()
        for name, each in items:
            yield from _value(each, arguments[-1], f"{path}[{name}]")
    elif isinstance(declared, type) and issubclass(declared, enum.Enum):
        if value not in {each.value for each in declared}:
            yield f"{path} is {value!r}, not one of {[each.value for each in declared]}"
    elif declared in (str, int, float, bool):
        accepted = (int, float) if declared is float else declared
        if not isinstance(value, accepted) or (isinstance(value, bool) and declared is not bool):
            yield f"{path} is {value!r}, not a {declared.__name__}"
    else:
        yield from _typed(value, path)
