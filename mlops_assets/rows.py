"""Rows of files for predictions; the public path of `mlops_assets.workspace.predictions.prediction_rows`."""

from mlops_assets.workspace.predictions.prediction_rows import read_rows

__all__ = ["read_rows"]
