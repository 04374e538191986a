"""Model families: what the search can choose from.

Holds: the registry of families. A module each, and one line here, adds another.
"""

from mlops_assets.ml.families.base import Estimator, Family, Prepared, Settings
from mlops_assets.ml.families.linear import LinearFamily
from mlops_assets.ml.families.xgboost import XGBoostFamily

FAMILIES: dict[str, Family] = {family.name: family for family in (XGBoostFamily(), LinearFamily())}

__all__ = ["FAMILIES", "Estimator", "Family", "Prepared", "Settings"]
