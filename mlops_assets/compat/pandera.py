"""The function and the arguments of a pandera check, which it keeps in private attributes."""

from collections.abc import Callable, Mapping
from typing import Any

import pandera.pandas as pa


def check_function(check: pa.Check) -> Callable[..., Any]:
    """The function that a check calls: pandera's built-in one, or the user's."""
    return check._check_fn


def check_arguments(check: pa.Check) -> Mapping[str, Any]:
    """The keyword arguments that the function is called with, such as `min_value`."""
    return check._check_kwargs
