"""The functions and the arguments of a pandera check, which it keeps in private attributes."""

from collections.abc import Callable, Mapping
from typing import Any

import pandera.pandas as pa
from pandera.api.function_dispatch import Dispatcher


def check_function(check: pa.Check) -> Callable[..., Any]:
    """The function that a check calls: pandera's built-in one, or the user's."""
    return check._check_fn


def implementations(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """The functions behind the function of a check: those of a built-in one, by type of data.

    They are the same objects in every copy of a check; a schema copies its checks.
    """
    if isinstance(function, Dispatcher):
        return tuple(function._function_registry.values())
    return (function,)


def check_arguments(check: pa.Check) -> Mapping[str, Any]:
    """The keyword arguments that the function is called with, such as `min_value`."""
    return check._check_kwargs
