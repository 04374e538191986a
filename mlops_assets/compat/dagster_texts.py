"""Texts of `defs.yaml` that Dagster would read as Python literals, such as a column that is named 64."""

import ast
from collections.abc import Mapping
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


def _is_literal(text: str) -> bool:
    """Whether a text without a template is a Python literal."""
    if any(mark in text for mark in _TEMPLATE_MARKS):
        return False
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True
