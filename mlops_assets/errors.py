"""Errors that a user can act on; the public path of `mlops_assets.core.errors`."""

from mlops_assets.core.errors import (
    DataError,
    MlopsError,
    ModelError,
    ProjectError,
    StoreError,
    TrackingError,
)

__all__ = ["DataError", "MlopsError", "ModelError", "ProjectError", "StoreError", "TrackingError"]
