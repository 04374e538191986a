"""Evidently's own report beside the drift report; the extra `evidently` installs it."""
