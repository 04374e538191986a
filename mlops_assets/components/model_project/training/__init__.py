"""The search for a model and what a training records."""
