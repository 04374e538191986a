"""Rows of files for predictions; the public path of `mlops_assets.workspace.prediction_rows`."""

from mlops_assets.workspace.prediction_rows import read_rows

__all__ = ["read_rows"]
