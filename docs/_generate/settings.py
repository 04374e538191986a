"""The settings of `defs.yaml` as the configuration reference lists them."""

import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mlops_assets.components.model_project.settings.automation import Cron
from mlops_assets.components.model_project.settings.project import ProjectSettings

_PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any value"}
_NUMBERS = (int, float)
_KEYS = {"formats": "<column>", "channels": "<channel>"}
"""What the keys of a mapping of settings are, if not names of tables."""
_GROUPS = ("list of mappings", "mapping of names to mappings")


@dataclass(frozen=True)
class Setting:
    """A field of a group of settings."""

    path: str
    info: FieldInfo

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_leaf(self) -> bool:
        """Whether it has a value of its own, and is not only a group of settings."""
        return type_name(self.info.annotation) not in ("mapping", *_GROUPS)

    @property
    def is_numeric(self) -> bool:
        kinds = _plain_types(self.info.annotation)
        return str not in kinds and any(kind in _NUMBERS for kind in kinds)

    @property
    def default(self) -> str:
        if self.info.is_required():
            return "required"
        value = self.info.get_default(call_default_factory=True)
        if value is None:
            return "not set"
        if isinstance(value, bool):
            return f"`{str(value).lower()}`"
        if isinstance(value, list | dict) and not value:
            return f"empty {'list' if isinstance(value, list) else 'mapping'}"
        if isinstance(value, list):
            return f"`[{', '.join(map(str, value))}]`"
        return "empty text" if value == "" else f"`{value}`"

    @property
    def constraints(self) -> list[str]:
        return [text for rule in _rules(self.info) for text in _constraint(rule)]


@dataclass(frozen=True)
class Group:
    """A class of settings and its place in the file; the project itself has the path ''."""

    path: str
    model: type[BaseModel]
    settings: tuple[Setting, ...]
    setting: Setting | None
    """The setting that holds the group; None for the project itself."""

    @property
    def description(self) -> str:
        return inspect.cleandoc(self.model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def groups(
    model: type[BaseModel] = ProjectSettings, path: str = "", setting: Setting | None = None
) -> Iterator[Group]:
    """Every group of settings, parents before children."""
    settings = tuple(Setting(_join(path, name), info) for name, info in model.model_fields.items())
    yield Group(path, model, settings, setting)
    for one in settings:
        for nested, suffix in nested_models(one.info.annotation):
            below = suffix.replace("<name>", _KEYS.get(one.name, "<table>"))
            yield from groups(nested, f"{one.path}{below}", one)


def nested_models(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """Classes of settings inside a type, with what their paths add to the field's."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation, ""
    suffix = {list: "[]", dict: ".<name>"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        for model, below in nested_models(argument):
            yield model, f"{suffix}{below}"


def type_name(annotation: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation == Cron:
        return "cron expression"
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return f"one of {', '.join(f'`{value}`' for value in arguments)}"
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(kind) for kind in arguments if kind is not types.NoneType)
    if origin is list:
        return f"list of {_plural(type_name(arguments[0]))}"
    if origin is dict:
        return f"mapping of names to {_plural(type_name(arguments[1]))}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "mapping"
    return _PLAIN[annotation]


def example(documents: Sequence[Mapping[str, Any]], path: str) -> Any:
    """The value of a setting in the first example document that has it.

    Raises
    ------
    LookupError
        When no document has it.
    """
    for document in documents:
        for value in _values(document, path.replace("[]", ".[]").split(".") if path else []):
            return value
    raise LookupError(f"docs/_generate/examples.yaml has no example of {path}")


def _values(value: Any, steps: list[str]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, *rest = steps
    if step == "[]":
        children = value if isinstance(value, list) else []
    elif not isinstance(value, Mapping):
        children = []
    elif step.startswith("<"):
        children = list(value.values())
    else:
        children = [value[step]] if step in value else []
    for child in children:
        yield from _values(child, rest)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _plural(noun: str) -> str:
    return noun if noun.startswith("one of") or noun in ("text", "any value") else f"{noun}s"


def _plain_types(annotation: Any) -> set[Any]:
    """The types of the values that a type holds, also inside of lists and mappings."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return set()
    if origin is dict:
        return _plain_types(arguments[1])
    if origin is Annotated:
        return _plain_types(arguments[0])
    return set().union(*map(_plain_types, arguments)) if arguments else {annotation}


def _rules(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    for argument in (info.annotation, *get_args(info.annotation)):
        if get_origin(argument) is Annotated:
            yield from argument.__metadata__


def _constraint(rule: Any) -> Iterator[str]:
    for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        limit = getattr(rule, name, None)
        if limit is not None:
            yield f"{sign} {limit:,}"
    if isinstance(rule, limits.MinLen):
        yield f"at least {rule.min_length} {'entry' if rule.min_length == 1 else 'entries'}"
    pattern = getattr(rule, "pattern", None)
    if pattern is not None and pattern is not PydanticUndefined:
        yield f"matches `{pattern}`"
