"""The HTTP service of a project as Dagster sees it."""
