"""The rules of a column that a schema can state: bounds, allowed values, patterns and lengths."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments
from mlops_assets.ml.contracts.screening.check_sql import built_in_name


@dataclass(frozen=True)
class ValueRules:
    """The rules of a column; other checks are not stated.

    Attributes
    ----------
    low, high
        The bounds of a number; infinite without one.
    above_low, below_high
        Whether the bound itself is excluded.
    allowed
        The allowed values in their order; None for any. pandera keeps them as a set, whose order changes.
    pattern
        A pattern at the start of a text.
    shortest, longest
        The length of a text.
    """

    low: float = -math.inf
    high: float = math.inf
    above_low: bool = False
    below_high: bool = False
    allowed: tuple[Any, ...] | None = None
    pattern: str | None = None
    shortest: int | None = None
    longest: int | None = None


def value_rules(checks: Iterable[pa.Check]) -> ValueRules:
    """The rules of the checks of a column; of several bounds, the tightest one."""
    low, high, found = (-math.inf, False), (math.inf, False), dict[str, Any]()
    for check in checks:
        arguments = dict(check_arguments(check))
        value: Any = next(iter(arguments.values()), None)
        match built_in_name(check):
            case "greater_than" | "greater_than_or_equal_to" as name if _is_number(value):
                low = max(low, (float(value), name == "greater_than"))
            case "less_than" | "less_than_or_equal_to" as name if _is_number(value):
                high = min(high, (float(value), name == "less_than"), key=lambda one: (one[0], not one[1]))
            case "in_range" if _is_number(arguments["min_value"]) and _is_number(arguments["max_value"]):
                low = max(low, (float(arguments["min_value"]), not arguments.get("include_min", True)))
                top = (float(arguments["max_value"]), not arguments.get("include_max", True))
                high = min(high, top, key=lambda one: (one[0], not one[1]))
            case "isin" if isinstance(value, Iterable) and not isinstance(value, str):
                found["allowed"] = tuple(sorted(map(_plain, value), key=lambda one: (str(type(one)), one)))
            case "equal_to":
                found["allowed"] = (_plain(value),)
            case "str_matches" if isinstance(value, str):
                found["pattern"] = value
            case "str_length":
                exact = arguments.get("exact_value")
                found["shortest"] = arguments.get("min_value") if exact is None else exact
                found["longest"] = arguments.get("max_value") if exact is None else exact
    return ValueRules(low[0], high[0], low[1], high[1], **found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
