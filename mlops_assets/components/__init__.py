"""TRANSLATE: declarations in, Dagster definitions out."""
