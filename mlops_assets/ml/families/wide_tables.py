"""Wide tables: the first trials of families whose usual ones are slow and fit chance with many columns."""

from typing import Any

from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.families.shape import is_wide

_DEFAULTS: dict[str, dict[str, Any]] = {"xgboost": {"eta": 0.1, "max_depth": 4}}
_PORTFOLIO: dict[str, list[dict[str, Any]]] = {
    "xgboost": [{"max_depth": 3, "min_child_weight": 4.0}, {"eta": 0.05, "max_depth": 5}]
}


def first_defaults(family: str, rows: int, columns: int) -> dict[str, Any]:
    """Good parameters without a search, for training rows of this shape."""
    usual = FAMILIES[family].defaults()
    return usual | _DEFAULTS.get(family, {}) if is_wide(rows, columns) else usual


def first_portfolio(family: str, rows: int, columns: int) -> list[dict[str, Any]]:
    """Further parameters that are often good, for training rows of this shape."""
    if not is_wide(rows, columns) or family not in _PORTFOLIO:
        return FAMILIES[family].portfolio()
    return [first_defaults(family, rows, columns) | other for other in _PORTFOLIO[family]]
