"""COMPUTE: data in, data out. Neither Dagster nor MLflow in here."""
