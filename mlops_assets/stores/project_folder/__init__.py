"""The folder of a project: its files, read without Dagster."""
