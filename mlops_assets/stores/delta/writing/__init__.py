"""Rows on their way into the files of a Delta table."""
