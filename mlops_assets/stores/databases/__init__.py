"""Databases that a query is read from."""
