"""Assets that monitor a project: data quality, drift, performance, retraining decision, status page."""
