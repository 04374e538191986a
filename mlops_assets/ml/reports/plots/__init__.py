"""Plots of the pages and of the metadata in Dagster's UI."""
