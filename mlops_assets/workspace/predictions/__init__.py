"""Predictions of rows in files and frames."""
