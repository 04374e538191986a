"""Rules across the settings of a project."""
