"""Tests; the folders mirror those of `mlops_assets`."""
