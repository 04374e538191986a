"""Comparison of two versions of a table: drift of columns and differences of rows."""
