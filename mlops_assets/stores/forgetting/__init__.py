"""Removal of an entity from the tables of a project, and the list of those that stay removed."""
