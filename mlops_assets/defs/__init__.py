"""DECLARE: one folder a model project."""
