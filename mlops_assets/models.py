"""Registered models, verified by the ledger; the public path of `mlops_assets.workspace.verified_models`."""

from mlops_assets.workspace.verified_models import load_champion, load_version

__all__ = ["load_champion", "load_version"]
