"""MLflow: runs, logged models, the registry and what past trainings recorded."""
