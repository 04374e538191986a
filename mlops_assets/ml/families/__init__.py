"""Model families that a search can select from."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from mlops_assets.ml.families.base import Estimator, Family, FitRows, Prepared, Settings

_FAMILIES = {
    "xgboost": ("xgboost", "XGBoostFamily"),
    "lightgbm": ("lightgbm", "LightGBMFamily"),
    "catboost": ("catboost", "CatBoostFamily"),
    "hist_gradient_boosting": ("hist_gradient_boosting", "HistGradientBoostingFamily"),
    "extra_trees": ("forests", "ExtraTreesFamily"),
    "random_forest": ("forests", "RandomForestFamily"),
    "linear": ("linear", "LinearFamily"),
}
"""Module and class of each family, by name."""

FAMILY_NAMES = tuple(_FAMILIES)


class _Registry(Mapping[str, Family]):
    """Families by name, imported at first access."""

    def __getitem__(self, name: str) -> Family:
        return _family(*_FAMILIES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_FAMILIES)

    def __len__(self) -> int:
        return len(_FAMILIES)


@cache
def _family(module: str, name: str) -> Family:
    family: Family = getattr(import_module(f"mlops_assets.ml.families.{module}"), name)()
    return family


FAMILIES: Mapping[str, Family] = _Registry()

__all__ = ["FAMILIES", "FAMILY_NAMES", "Estimator", "Family", "FitRows", "Prepared", "Settings"]
