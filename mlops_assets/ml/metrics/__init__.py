"""Metrics and tasks, with bootstrap intervals."""
