"""Dagster resources for custom assets; the public path of `mlops_assets.components.resources`."""

from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders, resources

__all__ = ["MlflowTracking", "WarehouseResource", "WorkFolders", "resources"]
