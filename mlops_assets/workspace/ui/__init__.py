"""The user interfaces of Dagster and MLflow, and the gate in front of Dagster's."""
