"""The HTTP service of champions, without Dagster."""
