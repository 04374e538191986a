"""Lineage of columns, as metadata of the tables of a project."""
