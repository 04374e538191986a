"""Families that can be tried here."""

import os

from mlops_assets.ml.families import FAMILY_NAMES
from mlops_assets.ml.families.extras import EXTRA_FAMILIES, installed_extras

TRIED_FAMILIES = tuple(
    name
    for name in FAMILY_NAMES
    if name not in EXTRA_FAMILIES or name in installed_extras() or os.environ.get("CI")
)
"""All families in CI, otherwise without optional ones whose library is not installed."""
