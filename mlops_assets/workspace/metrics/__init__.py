"""Metrics for Prometheus: what is measured, how it is collected, and the server that exposes it."""
