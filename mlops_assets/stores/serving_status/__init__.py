"""What running services report about themselves, for commands and for Dagster."""
