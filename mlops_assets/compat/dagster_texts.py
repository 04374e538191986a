"""Texts of `defs.yaml` as they are written: Dagster renders each as a template, and reads it as a literal."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

_TEMPLATE_MARKS = ("{{", "{%", "{#")


def without_literals(declared: Any) -> Any:
    """The same declaration, in which texts stay texts when Dagster resolves its templates.

    Dagster renders every text as a Jinja template of native types, also one without a template: the column
    `'64'` becomes an integer, `1,2` a tuple. The literal of a text becomes that text.
    """
    if isinstance(declared, str):
        return repr(declared) if _is_literal(declared) else declared
    if isinstance(declared, BaseModel):
        fields = {name: getattr(declared, name) for name in declared.model_fields_set}
        return declared.model_copy(update={name: without_literals(value) for name, value in fields.items()})
    if isinstance(declared, Mapping):
        return {name: without_literals(value) for name, value in declared.items()}
    if isinstance(declared, list):
        return [without_literals(value) for value in declared]
    return declared


def plain_values(declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of a declaration as Dagster resolves them; None if a text of it has a template.

    Jinja drops the line end of a block of text.
    """
    if any(mark in text for text in _texts(declared) for mark in _TEMPLATE_MARKS):
        return None
    return {name: _without_last_line_end(value) for name, value in declared.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _without_last_line_end(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").removesuffix("\n")
    if isinstance(value, Mapping):
        return {name: _without_last_line_end(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_last_line_end(each) for each in value]
    return value


def _is_literal(text: str) -> bool:
    """Whether a text without a template is a Python literal."""
    if any(mark in text for mark in _TEMPLATE_MARKS):
        return False
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True
